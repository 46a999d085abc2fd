"""What is different about an emulated machine: its processor, and how much longer things may take on it."""

_EMULATED = 5
# A machine's boot and its broker's start, until every partition has its full ISR again.
_BOOT_SECONDS = 180

# Somebody waits for the answer: who has not answered by then counts as silent. An emulated machine needs that long for
# a login and a program alone.
_ANSWER_SECONDS = 1.4
_EMULATED_ANSWER_SECONDS = 25.0
# Beside clients at work it was seen to need longer. Who waits for a healthy cluster has the time, and would otherwise
# wait for a moment in which no machine is busy.
_EMULATED_WAITING_SECONDS = 100.0
# One question to Kafka or ZooKeeper in such a look, before `patience`.
_QUESTION_MS = 1000
# A preview asks whom a change interrupts, and is not held up for long by a cluster that does not answer.
_FORESIGHT_SECONDS = 3.0
# What is behind a jump host is logged in to twice, and mostly from far away.
_JUMP_FACTOR = 3

# A broker that is not registered a minute after its start gives up and starts again; a voter that hears nothing of its
# leader for two seconds calls an election, which keeps everybody's processors busy. Emulated ones may need more: by
# Kafka's own times three busy machines elected three leaders a minute.
EMULATED_PROPERTIES = {
    "initial.broker.registration.timeout.ms": "300000",
    "controller.quorum.election.timeout.ms": "5000",
    "controller.quorum.fetch.timeout.ms": "10000",
    "controller.quorum.request.timeout.ms": "10000",
}


def patience(emulated: bool) -> int:
    """The factor that every time limit is stretched by."""
    return _EMULATED if emulated else 1


def boot_seconds(patience: int) -> int:
    """How long a cluster may take whose machines all have just been switched on."""
    return _BOOT_SECONDS * patience


def answer_seconds(patience: int, *, jumps: bool, waits: bool) -> float:
    """After how many seconds a look at the cluster takes whoever has not answered for silent. `waits`: nobody waits for
    this look itself, but for what it may see."""
    if patience == 1:
        return _ANSWER_SECONDS * (_JUMP_FACTOR if jumps else 1)
    return _EMULATED_WAITING_SECONDS if waits else _EMULATED_ANSWER_SECONDS


def question_ms(*, jumps: bool) -> int:
    """Milliseconds that a look gives Kafka or ZooKeeper for one question, to be multiplied by `patience`."""
    return _QUESTION_MS * (_JUMP_FACTOR if jumps else 1)


def foresight_seconds(*, jumps: bool) -> float:
    """How long a preview waits for what the cluster says."""
    return _FORESIGHT_SECONDS * (_JUMP_FACTOR if jumps else 1)


def cpu_mode(domain_type: str) -> str:
    """libvirt's word for the processor that a machine of that type is given.

    An emulated one gets libvirt's plain default and not all that the emulator has: each switch between two threads
    would save the wide registers, one by one, and boots take a quarter longer.
    """
    return "custom" if domain_type == "qemu" else "host-passthrough"
