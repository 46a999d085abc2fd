"""One run at a time on a cluster, from this computer.

A Pulumi that is killed leaves behind what it had started: it goes on, while the next `up` has begun already.
"""

import fcntl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TextIO

from computer import places
from operations.wait import TimedOut, until

# How long one waits who starts, stops or alters what runs.
LOCK_SECONDS = 600


class Overtaken(TimedOut):
    """While one waited, a run that began later has worked on it."""


@asynccontextmanager
async def cluster_lock(cluster: str, limit: float) -> AsyncIterator[None]:
    """Holds the cluster for this run, after waiting for one that still holds it. Ends with the process, however. Whoever
    finds that a later run was let in before is what a killed one left, and would undo what that did: Overtaken."""
    file = places.home() / "locks" / f"running-{cluster}"
    file.parent.mkdir(parents=True, exist_ok=True)
    began, waited = time.monotonic(), False
    with file.open("a+") as held:

        async def taken() -> str | None:
            nonlocal waited
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waited = True
                return f"an earlier run still works on it and holds {file}"
            return None

        await until("this cluster to be free", taken, limit=limit)
        # What lies there without a wait may be of another boot, whose clock began anew.
        if waited and _last_began(held) > began:
            raise Overtaken("a run that began later has worked on this cluster meanwhile")
        held.truncate(0)
        held.write(f"{began}")
        held.flush()
        yield


def _last_began(held: TextIO) -> float:
    """When the last one began that was let in."""
    held.seek(0)
    try:
        return float(held.read())
    except ValueError:  # nobody was yet, or was killed before it could say
        return 0.0
