"""One run at a time on a cluster, from this computer.

A Pulumi that is killed leaves behind what it had started: it goes on, while the next `up` has begun already.
"""

import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from computer import places
from operations.wait import until

# How long one waits who starts, stops or alters what runs.
LOCK_SECONDS = 600


@asynccontextmanager
async def cluster_lock(cluster: str, limit: float) -> AsyncIterator[None]:
    """Holds the cluster for this run, after waiting for one that still holds it. Ends with the process, however."""
    file = places.home() / "locks" / f"running-{cluster}"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as held:

        async def taken() -> str | None:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return f"an earlier run still works on it and holds {file}"
            return None

        await until("this cluster to be free", taken, limit=limit)
        yield
