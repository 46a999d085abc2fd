"""What has to be true of a cluster before and after its nodes are touched, asked of the cluster itself.

Knows how long to ask. Refuses to judge (`model/health.py`) and to touch a node (`operations/running.py`).
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from kafka.errors import KafkaError

from model import health, order
from model.handover import Handover
from model.health import Sample
from model.listeners import CONTROLLERS
from model.topology import Node
from model.wording import some
from operations.kafka_view import KafkaView
from operations.wait import TimedOut, until
from operations.ways import Ways

_WHOLE_SECONDS = 180
_SPARE_SECONDS = 120
_LEADERS_SECONDS = 60
# A controller that was just started may not be one yet, and a broker hears of a new leader a moment later.
_ELECTIONS_SECONDS = 0.5
_PROBE_SECONDS = 5
# Behind a restart a broker may not have heard yet of what it lacks. Where all were down there is nothing old to tell.
CALM_SAMPLES = 3
_PREFERRED = 0


class Gates:
    """The gates of one cluster. `blind` are the ids of brokers whose machines say that they are (`health.Sample`)."""

    def __init__(self, handover: Handover, ways: Ways) -> None:
        self.cluster = handover.cluster
        self.patience = handover.patience
        self.ways = ways
        self.view = KafkaView(self.cluster, ways, handover.patience, wary=True)
        self.blind: frozenset[int] = frozenset()

    async def sample(self) -> Sample:
        """What the brokers tell, and what they can't."""
        return replace(await self.view.sample(), blind=self.blind)

    async def spared(self, waiting: Mapping[str, int]) -> str:
        """The gate before a node is taken down. Of these nodes, given with their ids, the one that costs least is chosen
        by the same look that shows that the cluster can spare it. Its name."""
        chosen = ""

        async def ask() -> str | None:
            nonlocal chosen
            sample = await self.sample()
            chosen = order.cheapest(waiting, health.unwell(self.cluster, sample), sample.controller)
            return some(health.why_not_restart(self.cluster, sample, waiting[chosen]), between="; ") or None

        names = f"{'one of ' if len(waiting) > 1 else ''}{', '.join(waiting)}"
        await until(f"{names} to be safe to restart", ask, limit=_SPARE_SECONDS * self.patience)
        return chosen

    async def serving(self, brokers: Collection[Node]) -> None:
        """These brokers, which were started, are registered and take connections."""

        async def ask() -> str | None:
            sample = await self.view.sample()
            idle = {broker.id for broker in brokers} - health.serving_brokers(sample)
            return "; ".join(health.missing(self.cluster, sample)) if idle else None

        names = ", ".join(broker.name for broker in brokers)
        await until(f"{names} to serve", ask, limit=_WHOLE_SECONDS * self.patience)

    async def whole(self, waiting: Collection[int] = (), *, samples: int = 1, started: Node | None = None) -> None:
        """The cluster is whole in so many samples in a row, but for those of the nodes `waiting` that are unwell. `started`
        is one that was started just now."""
        calm = 0

        async def ask() -> str | None:
            nonlocal calm
            faults = health.missing_beside(self.cluster, await self.sample(), waiting)
            if not faults and started and not started.is_broker:
                faults = [*filter(None, [await self._silence(started)])]
            calm = 0 if faults else calm + 1
            if faults:
                return "; ".join(faults)
            return None if calm >= samples else f"healthy in {calm} of {samples} consecutive checks"

        await until("the cluster to be healthy", ask, limit=_WHOLE_SECONDS * self.patience)

    async def _silence(self, controller: Node) -> str:
        """That a controller which is no broker takes no connection, if so. For some seconds the quorum counts the process
        before it as well, and it shows nothing else."""
        if await self.ways.probe(controller.address, CONTROLLERS.port, _PROBE_SECONDS * self.patience):
            return f"controller {controller.id} started, but not listening"
        return ""

    async def restore_leaders(self) -> None:
        """Leaders go back to the replicas that should lead, where others do and those could."""
        if not await self._led_by_others():
            return

        async def ask() -> str | None:
            refusal = await self._elect()
            others = await self._led_by_others()
            return "; ".join(filter(None, (others, refusal))) if others else None

        try:
            await until("leaders to go back", ask, limit=_LEADERS_SECONDS * self.patience, every=_ELECTIONS_SECONDS)
        except TimedOut as error:
            print(f"preferred leaders were not restored: {error}", flush=True)

    async def _led_by_others(self) -> str:
        """The partitions whose leaders could go back, or why they are not known."""
        sample = await self.view.sample()
        if sample.faults:
            return "; ".join(sample.faults)
        found = health.could_go_back(sample)
        return f"led by others: {some(found)}" if found else ""

    async def _elect(self) -> str:
        """Why the controller did not let preferred replicas lead, if so. That one leads already is no error."""
        self.view.close()  # the client still believes the brokers that it met before they were restarted
        try:
            # In the thread the client is made, too: it connects at once.
            await self.view.asked("leaders to go back", lambda: self.view.admin.elect_leaders(_PREFERRED))
            await self.view.hurry()
        except (KafkaError, OSError, ValueError) as error:
            return str(error) or type(error).__name__
        return ""
