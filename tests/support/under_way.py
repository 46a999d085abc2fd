"""A `pulumi up` that is under way: read line by line, so that something can be done to it, or to the machines, in the middle.

Knows the process and what it started. Refuses to know what is done.
"""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.stack import Stack
from toolchain import torn_state

_WORDS = 3000


class UnderWay:
    """The process of an `up`, and what it has printed."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._said: list[str] = []

    @property
    def said(self) -> str:
        """All that was read so far."""
        return "".join(self._said)

    def until(self, pattern: str) -> re.Match[str]:
        """Goes on to the first line in which the pattern is found."""
        found = self.search(pattern)
        assert found, f"`up` ended before it said {pattern!r}:\n{self.said[-_WORDS:]}"
        return found

    def search(self, pattern: str) -> re.Match[str] | None:
        """The same; None when the run ends without such a line."""
        return next(filter(None, (re.search(pattern, line) for line in self._lines())), None)

    def _lines(self) -> Iterator[str]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.append(line)
            yield line

    def end(self) -> int:
        """Goes on to the end, and answers the exit status."""
        for _ in self._lines():
            pass
        return self._process.wait()

    def kill(self, *, with_children: bool = True) -> None:
        """SIGKILL: to all that it has started, too, or to the engine alone. The rest then goes on by itself."""
        pid = self._process.pid
        for each in [pid, *(descendants(pid) if with_children else [])]:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        self._process.wait()


@contextmanager
def up_under_way(stack: Stack) -> Iterator[UnderWay]:
    """An `up` that is started, and over with the context."""
    command = [*stack.prefix, "pulumi", "--non-interactive", "--cwd", str(stack.project), "up", "--yes"]
    process = subprocess.Popen(
        [*command, "--skip-preview", "--stack", stack.name],
        env=stack.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    running = UnderWay(process)
    try:
        yield running
    finally:
        if process.poll() is None:
            running.kill()
        assert process.stdout is not None
        process.stdout.close()


def unlock(stack: Stack) -> None:
    """What `make up` does for a stack whose engine was killed: its state may be cut off, and is locked."""
    torn_state.mend((stack.environment or os.environ)["PULUMI_BACKEND_URL"], stack.name)
    stack.pulumi("cancel", "--yes")


def descendants(process: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
    found, young = [], [process]
    while young:
        young = [child for child, parent in parents.items() if parent in young]
        found += young
    return found
