"""The one way of waiting: ask again until it is so, saying what is waited for, how long and how long at most."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

_SAY_EVERY = 5.0


class TimedOut(Exception):
    """What was waited for did not come; the text says what, how long, and the last answer."""


async def until(what: str, ask: Callable[[], Awaitable[str | None]], *, limit: float, every: float = 0.2) -> None:
    """Asks until `ask` answers None. Any other answer says what is still missing."""
    started = time.monotonic()
    said = started
    while True:
        missing = await ask()
        if missing is None:
            return
        now = time.monotonic()
        if now - started > limit:
            raise TimedOut(f"waited {now - started:.0f} s for {what}; still missing: {missing}")
        if now - said >= _SAY_EVERY:
            said = now
            print(f"waiting for {what}: {missing} ({now - started:.0f} s of at most {limit:.0f} s)", flush=True)
        await asyncio.sleep(every)


async def again(seconds: float) -> AsyncIterator[None]:
    """Comes round for ever: at once, and then as long after each round's beginning, or after its end if that is later."""
    while True:
        started = time.monotonic()
        yield
        await asyncio.sleep(max(0.0, started + seconds - time.monotonic()))
