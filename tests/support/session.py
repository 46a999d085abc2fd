"""A program in a session of its own, so that all it starts ends with it.

Knows sessions, as the kernel does. Pulumi gives each of its helpers a process group, and a helper whose engine is dead
loses its parent, so neither holds them together. Refuses to know what is run.
"""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from computer.waiting import wait_for

SECONDS_TO_END = 120.0


class Session:
    """A program, and what it has started. Its leader stays the kernel's until `end`: a number that is held can't become
    another session's."""

    def __init__(self, leader: "subprocess.Popen[str]") -> None:
        self._leader = leader

    @property
    def output(self) -> IO[str]:
        """What the program prints, when that was asked for."""
        assert self._leader.stdout is not None
        return self._leader.stdout

    def goes_on(self) -> bool:
        """Whether the program itself does."""
        return os.waitid(os.P_PID, self._leader.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None

    def wait(self) -> int:
        """The exit status of the program itself, or the signal that killed it."""
        ended = os.waitid(os.P_PID, self._leader.pid, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        return ended.si_status

    def kill_alone(self) -> None:
        """SIGKILL to the program itself. What it has started is left to itself, until `end`."""
        os.kill(self._leader.pid, signal.SIGKILL)
        self.wait()

    def hold(self) -> None:
        """SIGSTOP to the program itself. What it has started goes on."""
        os.kill(self._leader.pid, signal.SIGSTOP)

    def let_go(self) -> None:
        """The end of `hold`."""
        os.kill(self._leader.pid, signal.SIGCONT)

    def end(self) -> None:
        """SIGKILL to all of the session."""
        if self._leader.returncode is None:
            wait_for(f"session {self._leader.pid} ended", self._killed, SECONDS_TO_END, lambda: str(self.members()))
            self._leader.wait()

    def _killed(self) -> bool:
        """Whether nobody was left to be killed: who was just being started is met the next time."""
        members = self.members()
        for member in members:
            with suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        return not members

    def members(self) -> list[int]:
        """The processes of it that go on."""
        return list(self._stats())

    def ticks(self) -> int:
        """How much of a processor those have used, in the kernel's ticks."""
        return sum(int(words[11]) + int(words[12]) for words in self._stats().values())

    def _stats(self) -> dict[int, list[str]]:
        """What the kernel says of each process of it, from its state on."""
        found = {}
        for status in Path("/proc").glob("[0-9]*/stat"):
            with suppress(FileNotFoundError, ProcessLookupError):
                words = status.read_text().rpartition(")")[2].split()
                if int(words[3]) == self._leader.pid and words[0] != "Z":
                    found[int(status.parent.name)] = words
        return found


@contextmanager
def session(
    command: Sequence[str], environment: Mapping[str, str] | None = None, output: "int | IO[str]" = subprocess.PIPE
) -> Iterator[Session]:
    """A program that is started, and over with the context, with all that it has started."""
    leader = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    made = Session(leader)
    try:
        yield made
    finally:
        made.end()
        if leader.stdout is not None:
            leader.stdout.close()
