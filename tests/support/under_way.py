"""A `pulumi up` that is under way: read line by line, so that something can be done to it, or to the machines, in the middle.

Knows what it prints and how it is killed. Refuses to know what is done.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.session import Session, session
from tests.support.stack import Stack
from toolchain import torn_state

_WORDS = 3000


class UnderWay:
    """The session of an `up`, and what it has printed."""

    def __init__(self, running: Session) -> None:
        self._running = running
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
        for line in self._running.output:
            self._said.append(line)
            yield line

    def end(self) -> int:
        """Goes on to the end, and answers the exit status."""
        for _ in self._lines():
            pass
        return self._running.wait()

    def kill(self, *, with_children: bool = True) -> None:
        """SIGKILL: to all that it has started, too, or to the engine alone. The rest is left to itself then, and what it
        has begun on the machines goes on: what is to come upon that belongs into the context of this run."""
        if with_children:
            self._running.end()
        else:
            self._running.kill_alone()


@contextmanager
def up_under_way(stack: Stack, *options: str) -> Iterator[UnderWay]:
    """An `up` that is started, and over with the context, whatever was killed of it."""
    command = [*stack.prefix, "pulumi", "--non-interactive", "--cwd", str(stack.project), "up", "--yes"]
    with session([*command, "--skip-preview", "--stack", stack.name, *options], stack.environment) as running:
        yield UnderWay(running)


def unlock(stack: Stack) -> None:
    """What `make up` does for a stack whose engine was killed: its state may be cut off, and is locked."""
    torn_state.mend((stack.environment or os.environ)["PULUMI_BACKEND_URL"], stack.name)
    stack.pulumi("cancel", "--yes")
