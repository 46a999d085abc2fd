"""Says what is waited for, how long already and how long at most, once that takes longer than a moment.

For programs that wait by blocking; `operations/wait.py` has the same words for those that don't. Speaks on standard
error, because what is printed beside it may be read by another program. Standard library only.
"""

import fcntl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Protocol

FIRST_SECONDS = 2.0
EVERY_SECONDS = 5.0
# What takes minutes is told of less often: every tenth of the time that it took already.
_SHARE = 10
_SELDOM_SECONDS = 30.0
# Whoever holds something builds or fetches; longer than that nobody does.
HELD_SECONDS = 3600.0
_PAUSE = 0.1
_BLOCK = 1 << 20


class Readable(Protocol):
    """Something that is read piece by piece."""

    def read(self, size: int, /) -> bytes: ...


class StillHeld(TimeoutError):
    """Somebody else did not give it back in time; the text says what, and how to find out who."""


def pause(elapsed: float) -> float:
    """How long to say nothing after `elapsed` seconds."""
    if elapsed < FIRST_SECONDS:
        return FIRST_SECONDS - elapsed
    return min(_SELDOM_SECONDS, max(EVERY_SECONDS, elapsed / _SHARE))


def words(what: str, seconds: float, most: float, missing: str = "") -> str:
    """The sentence. It is given up after `most` seconds."""
    return f"waiting for {what}{f': {missing}' if missing else ''} ({seconds:.0f} s of at most {most:.0f} s)"


@contextmanager
def telling(what: str, most: float) -> Iterator[Callable[[], None]]:
    """Says so beside whatever is done meanwhile, which ends by itself within `most` seconds. Where that speaks for itself,
    what is yielded is called each time: then it is not said twice."""
    over, heard = threading.Event(), threading.Event()
    started = time.monotonic()

    def tell() -> None:
        while not over.wait(pause(time.monotonic() - started)):
            if not heard.is_set():
                print(words(what, time.monotonic() - started, most), file=sys.stderr, flush=True)
            heard.clear()

    voice = threading.Thread(target=tell, daemon=True)
    voice.start()
    try:
        yield heard.set
    finally:
        over.set()
        voice.join()


def copied(source: Readable, target: IO[bytes], what: str, most: float) -> None:
    """Copies what comes from somewhere else. TimeoutError when that is not over after so many seconds."""
    deadline = time.monotonic() + most
    with telling(what, most):
        while block := source.read(_BLOCK):
            target.write(block)
            if time.monotonic() > deadline:
                raise TimeoutError(f"took longer than {most:.0f} s, and was ended")


def hold(file: IO[str] | int, what: str, name: object, seconds: float = HELD_SECONDS) -> None:
    """Takes an exclusive lock, which goes with its file's handle. StillHeld after so many seconds."""
    deadline = time.monotonic() + seconds
    with telling(f"{what}, which another program holds ({name})", seconds):
        while not _taken(file):
            if time.monotonic() > deadline:
                raise StillHeld(f"waited {seconds:.0f} s for {what}; `fuser {name}` says who still holds it")
            time.sleep(_PAUSE)


def _taken(file: IO[str] | int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
