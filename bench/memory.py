"""Peak memory of everything on the operator's side during a first `up`: Pulumi, its plugins, the program, operations."""

import threading
from contextlib import suppress
from pathlib import Path

from bench import ours
from bench.rounds import Measured, Result

_EVERY = 0.1


def family(parents: dict[int, int], ancestor: int) -> set[int]:
    """A process's descendants, by each process's parent."""
    found: set[int] = set()
    young = {ancestor}
    while young:
        young = {child for child, parent in parents.items() if parent in young} - found
        found |= young
    return found


def _parents() -> dict[int, int]:
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
    return parents


def _proportional_kb(process: int) -> int:
    """What is shared by several counts once in their sum."""
    with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


class Peak:
    """Looks at this process's descendants until told to end."""

    def __init__(self) -> None:
        self.kb = 0
        self._over = threading.Event()
        self._looking = threading.Thread(target=self._look)

    def _look(self) -> None:
        own = int(Path("/proc/self").readlink().name)
        while not self._over.wait(_EVERY):
            self.kb = max(self.kb, sum(map(_proportional_kb, family(_parents(), own))))

    def __enter__(self) -> "Peak":
        self._looking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._looking.join()


def measure(rounds: int) -> Result:
    """The peak of each round."""
    peaks: list[float] = []
    for number in range(rounds):
        with ours.ready() as made, Peak() as peak:
            made.stack.up()
        peaks.append(peak.kb / 1000)
        print(f"round {number + 1} of {rounds}: peak memory {peaks[-1]:.0f} MB")
    return {"memory_mb": Measured(peaks)}
