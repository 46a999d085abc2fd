"""How much longer things may take on an emulated machine."""

_EMULATED = 5

# A broker that is not registered a minute after its start gives up and starts again. An emulated one may need more.
EMULATED_PROPERTIES = {"initial.broker.registration.timeout.ms": "300000"}


def patience(emulated: bool) -> int:
    """The factor that every time limit is stretched by."""
    return _EMULATED if emulated else 1
