"""The one way of waiting: ask again until it is so, saying what is waited for, how long and how long at most."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import TypeVar

from computer import telling

_Answer = TypeVar("_Answer")
# Whether somebody speaks already of what is waited for: of waits inside each other the outermost one speaks.
_SPOKEN_OF: ContextVar[bool] = ContextVar("spoken of", default=False)
# Time for one answer, where nothing was to be waited for.
_ONE_ANSWER_SECONDS = 1.0


class TimedOut(Exception):
    """What was waited for did not come; the text says what, how long, and the last answer."""


class _Voice:
    """Says what is waited for, in time."""

    def __init__(self, what: str, limit: float) -> None:
        self._what, self._limit = what, limit
        self._started = time.monotonic()
        self._next = float("inf") if _SPOKEN_OF.get() else telling.FIRST_SECONDS

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._started

    @property
    def silence(self) -> float:
        """How long nothing has to be said yet."""
        return max(0.0, self._next - self.elapsed)

    def speak(self, missing: str = "") -> None:
        """Says it, if it is time to."""
        elapsed = self.elapsed
        if elapsed >= self._next:
            self._next = elapsed + telling.pause(elapsed)
            print(telling.words(self._what, elapsed, self._limit, missing), flush=True)


async def with_progress(what: str, work: Awaitable[_Answer], *, limit: float) -> _Answer:
    """Awaits something that ends by itself within `limit` seconds, and says so while it lasts."""
    return await _beside(work, _Voice(what, limit), "")


async def _beside(work: Awaitable[_Answer], voice: _Voice, missing: str, until: float = float("inf")) -> _Answer:
    """The answer. TimeoutError when there is none by `until`, in the voice's time."""
    outer = _SPOKEN_OF.set(True)
    task = asyncio.ensure_future(work)
    _SPOKEN_OF.reset(outer)
    try:
        while not task.done():
            if voice.elapsed > until:
                raise TimeoutError
            await asyncio.wait({task}, timeout=min(max(voice.silence, 0.01), max(until - voice.elapsed, 0.01)))
            if not task.done():
                voice.speak(missing)
        return task.result()
    finally:
        task.cancel()


async def until(what: str, ask: Callable[[], Awaitable[str | None]], *, limit: float, every: float = 0.2) -> None:
    """Asks until `ask` answers None. Any other answer says what is still missing. A question that is still open when
    the time is over is given up, too."""
    voice = _Voice(what, limit)
    missing = "no answer yet"
    while True:
        try:
            answer = await _beside(ask(), voice, missing, max(limit, _ONE_ANSWER_SECONDS))
        except TimeoutError:
            raise TimedOut(f"waited {voice.elapsed:.0f} s for {what}; still missing: {missing}") from None
        if answer is None:
            return
        missing = answer
        if voice.elapsed > limit:
            raise TimedOut(f"waited {voice.elapsed:.0f} s for {what}; still missing: {missing}")
        voice.speak(missing)
        await asyncio.sleep(every)


async def again(seconds: float) -> AsyncIterator[None]:
    """Comes round for ever: at once, and then as long after each round's beginning, or after its end if that is later."""
    while True:
        started = time.monotonic()
        yield
        await asyncio.sleep(max(0.0, started + seconds - time.monotonic()))
