"""Traffic from the side of a test: started, asked how far it is, stopped, and its verdict.

Knows the words of `python -m tests.support.traffic`. Refuses to know what is done to the cluster meanwhile.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

from computer import places
from tests.support.traffic.verdict import Verdict

_WORDS = 3000


class Traffic:
    """Clients that are at work."""

    def __init__(self, process: "subprocess.Popen[str]", topic: str, errors: IO[str]) -> None:
        self._process = process
        self._errors = errors
        self.topic = topic

    def acknowledged(self) -> dict[int, int]:
        """How many records each partition has acknowledged so far."""
        return {int(number): count for number, count in self._ask("count").items()}

    def leaders(self) -> dict[int, int]:
        """The id of the broker that leads each partition."""
        return {int(number): broker for number, broker in self._ask("leaders").items()}

    def stop(self) -> Verdict:
        """Ends it, once all that is under way has been answered, and answers what came of it."""
        return Verdict.read(self._ask("stop"))

    def _ask(self, word: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """The next line that it prints."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            self._errors.seek(0)
            raise AssertionError(f"the traffic on {self.topic} ended with {status}:\n{self._errors.read()[-_WORDS:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def traffic(inside: Sequence[str], servers: str, topic: str, *options: str) -> Iterator[Traffic]:
    """Clients at work on a new topic; `inside` leads into the network. Every partition has taken a record already."""
    command = [*inside, sys.executable, "-m", "tests.support.traffic", "run", servers, topic, *options]
    with tempfile.TemporaryFile("w+") as errors:
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command, cwd=places.CHECKOUT, stdin=pipe, stdout=pipe, stderr=errors, text=True, bufsize=1
        )
        running = Traffic(process, topic, errors)
        try:
            running.answer()
            yield running
        finally:
            process.kill()
            process.communicate()


def lost_since(inside: Sequence[str], servers: str, topic: str, verdict: Verdict) -> dict[str, Any]:
    """What had been acknowledged then and is not in the topic any more."""
    command = [*inside, sys.executable, "-m", "tests.support.traffic", "check", servers, topic]
    done = subprocess.run(
        command, cwd=places.CHECKOUT, input=json.dumps(verdict.ledger), capture_output=True, text=True
    )
    assert done.returncode == 0, f"{topic} could not be read again: {done.stderr[-_WORDS:]}"
    lost: dict[str, Any] = json.loads(done.stdout)
    return lost
