"""What befalls a node while something is done to its cluster: each fault, and how it is mended.

Knows the machines' commands and the lab's. Refuses to know when a fault comes and what ought to follow.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from computer.waiting import wait_for
from lab.machines import Machines

_SECONDS_TO_DIE = 90.0
_DATA = "/var/lib/kafka"
# Done when nothing more can be written; a folder in place of the volume is not filled.
_FILL = (
    f"sudo sh -c 'mountpoint {_DATA} && cd {_DATA} &&"
    " { fallocate -l $(df --output=avail --block-size=1 . | tail -n 1) filler; ! cat /dev/zero >> filler; }'"
)
_RESTARTS = "systemctl show --property=NRestarts --value kafka"


class CouldNotBefall(Exception):
    """There was nothing that the fault could have befallen; the text says what was missing."""


def _befall(machines: Machines, name: str, command: str) -> None:
    done = machines.ssh(name, command)
    if done.returncode != 0:
        raise CouldNotBefall(f"{name}: {done.stdout}{done.stderr}".strip())


def _run(machines: Machines, name: str, command: str) -> str:
    done = machines.ssh(name, command)
    assert done.returncode == 0, f"{name}: {command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def signal_broker(machines: Machines, name: str, signal: str) -> None:
    """Sends a signal to a node's broker, which has to run just then."""
    # To `main`, as otherwise systemd takes a signal that reaches nobody for one that was sent.
    _befall(machines, name, f"sudo systemctl kill --kill-whom=main --signal={signal} kafka.service")


def wake_broker(machines: Machines, name: str) -> None:
    """The end of a SIGSTOP. A broker that was started anew meanwhile is awake."""
    with suppress(CouldNotBefall):
        signal_broker(machines, name, "SIGCONT")


def fill_disk(machines: Machines, name: str) -> None:
    """Leaves no room on a node's data volume."""
    _befall(machines, name, _FILL)


def free_disk(machines: Machines, name: str) -> None:
    """Gives the room back."""
    _run(machines, name, f"sudo rm -f {_DATA}/filler")


@dataclass(frozen=True)
class Fault:
    """Something that befalls a node, or raises that it could not, and its end; one that doesn't last mends itself."""

    befall: Callable[[Machines, str], None]
    mend: Callable[[Machines, str], None] = lambda machines, name: None
    lasts: bool = True


FAULTS: Mapping[str, Fault] = {
    "kill -9 of a broker": Fault(lambda machines, name: signal_broker(machines, name, "SIGKILL"), lasts=False),
    "SIGSTOP of a broker": Fault(lambda machines, name: signal_broker(machines, name, "SIGSTOP"), wake_broker),
    "network cut of a node": Fault(Machines.cut, Machines.mend),
    "a node dead": Fault(Machines.kill, Machines.start),
    "disk full": Fault(fill_disk, free_disk),
}


def broker_dies(machines: Machines, name: str, fault: Fault) -> None:
    """Lets a fault befall a node, and returns when its broker has ended of it and is started again."""
    before = _run(machines, name, _RESTARTS)
    fault.befall(machines, name)
    wait_for(f"{name}: a broker ended", lambda: _run(machines, name, _RESTARTS) != before, _SECONDS_TO_DIE)
