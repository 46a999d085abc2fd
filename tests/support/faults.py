"""What befalls a node while something is done to its cluster: each fault, and how it is mended.

Knows the machines' commands and the lab's. Refuses to know when a fault comes and what ought to follow.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lab.machines import Machines
from lab.waiting import wait_for

_SECONDS_TO_DIE = 90.0
_DATA = "/var/lib/kafka"
_FILL = (
    f"sudo sh -c 'mountpoint -q {_DATA} && cd {_DATA} &&"
    " { fallocate -l $(df --output=avail --block-size=1 . | tail -n 1) filler; cat /dev/zero >> filler; }'"
)
_RESTARTS = "systemctl show --property=NRestarts --value kafka"


def _run(machines: Machines, name: str, command: str) -> str:
    done = machines.ssh(name, command)
    assert done.returncode == 0, f"{name}: {command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def signal_broker(machines: Machines, name: str, signal: str) -> None:
    """Sends a signal to a node's broker, if it has one just then."""
    machines.ssh(name, f"sudo systemctl kill --signal={signal} kafka.service")


def fill_disk(machines: Machines, name: str) -> None:
    """Leaves no room on a node's data volume."""
    machines.ssh(name, _FILL)  # ends with an error, as nothing more can be written


def free_disk(machines: Machines, name: str) -> None:
    """Gives the room back."""
    _run(machines, name, f"sudo rm -f {_DATA}/filler")


@dataclass(frozen=True)
class Fault:
    """Something that befalls a node, and its end; one that doesn't last mends itself."""

    befall: Callable[[Machines, str], None]
    mend: Callable[[Machines, str], None] = lambda machines, name: None
    lasts: bool = True


FAULTS: Mapping[str, Fault] = {
    "kill -9 of a broker": Fault(lambda machines, name: signal_broker(machines, name, "SIGKILL"), lasts=False),
    "SIGSTOP of a broker": Fault(
        lambda machines, name: signal_broker(machines, name, "SIGSTOP"),
        lambda machines, name: signal_broker(machines, name, "SIGCONT"),
    ),
    "network cut of a node": Fault(Machines.cut, Machines.mend),
    "disk full": Fault(fill_disk, free_disk),
}


def broker_dies(machines: Machines, name: str, fault: Fault) -> None:
    """Lets a fault befall a node, and returns when its broker has ended of it and is started again."""
    before = _run(machines, name, _RESTARTS)
    fault.befall(machines, name)
    wait_for(f"{name}: a broker ended", lambda: _run(machines, name, _RESTARTS) != before, _SECONDS_TO_DIE)
