"""What is different about an emulated machine: its processor, and how much longer things may take on it."""

_EMULATED = 5
# A machine's boot and its broker's start, until every partition has its full ISR again.
_BOOT_SECONDS = 180

# A broker that is not registered a minute after its start gives up and starts again. An emulated one may need more.
EMULATED_PROPERTIES = {"initial.broker.registration.timeout.ms": "300000"}


def patience(emulated: bool) -> int:
    """The factor that every time limit is stretched by."""
    return _EMULATED if emulated else 1


def boot_seconds(patience: int) -> int:
    """How long a cluster may take whose machines all have just been switched on."""
    return _BOOT_SECONDS * patience


def cpu_mode(domain_type: str) -> str:
    """libvirt's word for the processor that a machine of that type is given.

    An emulated one gets libvirt's plain default and not all that the emulator has: each switch between two threads
    would save the wide registers, one by one, and boots take a quarter longer.
    """
    return "custom" if domain_type == "qemu" else "host-passthrough"
