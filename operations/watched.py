"""Waits until what watches a cluster serves, and says why it doesn't.

Asks on its own machine, which everybody can log in to who made it. Refuses to know what is watched.
"""

from pydantic import BaseModel, ConfigDict, Field

from model.handover import Access
from operations.machine import Machine, StageFailed, Unreachable, connect
from operations.refusal import Refusal
from operations.wait import TimedOut, until

_SECONDS = 60
_ASK = "import sys, urllib.request as web; web.build_opener(web.ProxyHandler({})).open(sys.argv[1], timeout=5)"


class Watcher(BaseModel):
    """Where it serves. `told` is what it was told last: it is asked anew whenever that is something else."""

    model_config = ConfigDict(frozen=True)

    access: Access = Field(repr=False)
    ready: str
    service: str
    told: str
    patience: int = 1


class NotServing(Refusal):
    """It does not serve; the text carries the end of its journal."""


async def serves(watcher: Watcher) -> None:
    """Returns when it is ready."""
    name = watcher.access.name
    try:
        async with connect(watcher.access, watcher.patience) as machine:
            try:
                await until(
                    f"Prometheus on {name} to be ready",
                    lambda: _missing(machine, watcher.ready),
                    limit=_SECONDS * watcher.patience,
                    every=0.5,
                )
            except TimedOut as error:
                journal = await machine.run(f"sudo -n journalctl --unit {watcher.service} --output cat --lines 15")
                raise NotServing(f"stage 'watching': {error}. The end of its journal:\n{journal}") from error
    except (Unreachable, StageFailed) as error:
        raise NotServing(f"stage 'watching': {error}") from error
    print(f"Prometheus on {name} is ready")


async def _missing(machine: Machine, url: str) -> str | None:
    try:
        await machine.run(f"python3 -c '{_ASK}' {url}")
    except StageFailed as error:
        return str(error).strip().splitlines()[-1]
    return None
