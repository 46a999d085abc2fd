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
from typing import IO

FIRST_SECONDS = 2.0
EVERY_SECONDS = 5.0
# What takes minutes is told of less often: every tenth of the time that it took already.
_SHARE = 10
_SELDOM_SECONDS = 30.0
# Whoever holds something builds or fetches; longer than that nobody does.
HELD_SECONDS = 3600.0
_PAUSE = 0.1


class StillHeld(TimeoutError):
    """Somebody else did not give it back in time; the text says what, and how to find out who."""


def pause(elapsed: float) -> float:
    """How long to say nothing after `elapsed` seconds."""
    if elapsed < FIRST_SECONDS:
        return FIRST_SECONDS - elapsed
    return min(_SELDOM_SECONDS, max(EVERY_SECONDS, elapsed / _SHARE))


def words(what: str, seconds: float, most: float, missing: str = "", *, sure: bool = True) -> str:
    """The sentence. `sure`: it is given up after `most` seconds, else it seldom takes longer."""
    limit = f"of at most {most:.0f} s" if sure else f"already; seldom more than {most:.0f} s"
    return f"waiting for {what}{f': {missing}' if missing else ''} ({seconds:.0f} s {limit})"


@contextmanager
def telling(what: str, most: float, *, sure: bool = False) -> Iterator[Callable[[], None]]:
    """Says so beside whatever is done meanwhile. Where that speaks for itself, what is yielded is called each time: then it
    is not said twice."""
    over, heard = threading.Event(), threading.Event()
    started = time.monotonic()

    def tell() -> None:
        while not over.wait(pause(time.monotonic() - started)):
            if not heard.is_set():
                print(words(what, time.monotonic() - started, most, sure=sure), file=sys.stderr, flush=True)
            heard.clear()

    voice = threading.Thread(target=tell, daemon=True)
    voice.start()
    try:
        yield heard.set
    finally:
        over.set()
        voice.join()


def hold(file: IO[str] | int, what: str, name: object, seconds: float = HELD_SECONDS) -> None:
    """Takes an exclusive lock, which goes with its file's handle. StillHeld after so many seconds."""
    deadline = time.monotonic() + seconds
    with telling(f"{what}, which another program holds ({name})", seconds, sure=True):
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
