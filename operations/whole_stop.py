"""Ends the services of the other mode on all nodes that run in it: brokers, then whom they need until they have ended.

Knows how long a clean stop may take and how a broker is killed. Refuses to know who runs in which mode
(`operations/running.py`) and to judge who can't end by itself (`model/order.py`).
"""

import asyncio
import time
from collections.abc import Iterable, Mapping

from model import order, units
from model.handover import Handover
from model.kafka_keys import Mode
from operations.machine import Machine
from operations.wait import TimedOut, until, with_progress

_WHOLE_STOP_SECONDS = 30


class WholeStop:
    """The stop of these machines, given by their nodes' names. `handover` is the plan of the mode that comes next."""

    def __init__(self, handover: Handover, machines: Mapping[str, Machine]) -> None:
        self.machines = machines
        self.patience = handover.patience
        # Only brokers of KRaft wait for a controller.
        self.controllers = handover.controllers if handover.mode is Mode.ZOOKEEPER else ()
        self.last = tuple(name for name in machines if name in self.controllers and name in handover.only_controllers)

    async def stop(self) -> None:
        """Returns when nothing of that mode runs any more. Kafka's own system tests kill the last combined nodes, as this
        does: a killed process loses nothing that the page cache holds."""
        print(f"stopping {', '.join(self.machines)}: they run in the other mode", flush=True)
        await self._stop_kafka(tuple(name for name in self.machines if name not in self.last), self.last)
        await self._stop_kafka(self.last)
        ensemble = "! systemctl --quiet is-active zookeeper.service || systemctl stop zookeeper.service"
        await self._on(self.machines, f"sh -c '{ensemble}'", limit=units.ZOOKEEPER_STOP_SECONDS)

    async def _stop_kafka(self, names: tuple[str, ...], beside: tuple[str, ...] = ()) -> None:
        """Ends Kafka on these nodes, while it goes on on those `beside`."""
        if not names:
            return
        await self._on(names, "systemctl stop --no-block kafka.service")
        try:
            await self._ended(names, beside)
        except TimedOut:
            await self._kill(names)

    async def _ended(self, names: tuple[str, ...], beside: tuple[str, ...]) -> None:
        """Waits for nodes that were told to stop; those of a KRaft cluster without a controller are killed."""
        left, since = names, time.monotonic()

        async def ask() -> str | None:
            nonlocal left, since
            still = await self._there(left)
            if still != left:
                left, since = still, time.monotonic()
            if left and order.given_up(self.controllers, (*left, *beside), time.monotonic() - since, self.patience):
                await self._kill(left)
            return f"{', '.join(left)} not stopped" if left else None

        await until(f"{', '.join(names)} to stop", ask, limit=_WHOLE_STOP_SECONDS * self.patience)

    async def _there(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Those of these nodes whose broker still runs."""
        asked = (
            self.machines[name].run("systemctl show --property ActiveState --value kafka.service") for name in names
        )
        states = dict(zip(names, await asyncio.gather(*asked), strict=True))
        return tuple(name for name, state in states.items() if state.strip() not in ("inactive", "failed"))

    async def _kill(self, names: Iterable[str]) -> None:
        await self._on(names, "sh -c 'systemctl kill --signal=SIGKILL kafka.service; systemctl stop kafka.service'")

    async def _on(self, names: Iterable[str], command: str, *, limit: int = units.STOP_SECONDS) -> None:
        work = asyncio.gather(*(self.machines[name].run(f"sudo -n {command}") for name in names))
        await with_progress(f"{', '.join(names)} to stop", work, limit=limit)
