"""Runs a program to its end. A failure carries the command, its exit code and its last lines.

Refuses to know what the programs do.
"""

import shlex
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

EVIDENCE_LINES = 20


class CommandFailed(Exception):
    """A program ended with an exit code other than zero."""


def output(argv: Sequence[str | Path], *, stdin: str | None = None, most: float | None = None) -> str:
    """What the program prints on its standard output. It is ended after `most` seconds."""
    with _in_time(argv):
        done = subprocess.run([str(word) for word in argv], input=stdin, capture_output=True, text=True, timeout=most)
    _judge(argv, done.returncode, done.stderr or done.stdout)
    return done.stdout


def logged(argv: Sequence[str | Path], log: Path, *, stdin: str | None = None, most: float | None = None) -> None:
    """Runs the program with everything it prints appended to a log file. It is ended after `most` seconds."""
    words = [str(word) for word in argv]
    with log.open("a") as file, _in_time(argv):
        begin = file.tell()
        done = subprocess.run(words, input=stdin, stdout=file, stderr=file, text=True, timeout=most)
    if done.returncode:
        with log.open() as file:
            _judge(argv, done.returncode, _from(file, begin))


@contextmanager
def _in_time(argv: Sequence[str | Path]) -> Iterator[None]:
    try:
        yield
    except subprocess.TimeoutExpired as late:
        command = shlex.join(str(word) for word in argv)
        raise CommandFailed(f"`{command}` took longer than {late.timeout:.0f} s, and was ended") from None


def _from(file: IO[str], position: int) -> str:
    file.seek(position)
    return file.read()


def _judge(argv: Sequence[str | Path], code: int, printed: str) -> None:
    if code:
        command = shlex.join(str(word) for word in argv)
        last = "\n".join(printed.rstrip().splitlines()[-EVIDENCE_LINES:])
        raise CommandFailed(f"exit code {code} from: {command}\n{last}")
