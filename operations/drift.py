"""Says per node what differs from what the last `up` left: files, units, kernel settings, running settings.

Asks machines and brokers. Refuses to judge what they answer (`model/drift.py`) and to mend it.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any

from kafka.errors import KafkaError

from model import drift, handover, stages
from model.handover import Handover, LiveSettings, NodeFacts
from operations.kafka_view import KafkaView
from operations.machine import StageFailed, Unreachable, connect

SAME, DIFFERENT, UNKNOWN = 0, 1, 2

Resources = Iterable[Mapping[str, Any]]
Found = dict[str, list[drift.Difference]]


class Unanswered(Exception):
    """A node, or the brokers, could not be looked at; the text says why."""


class Look:
    """A look at one stack, planned by what its state says that the last `up` told the stages."""

    def __init__(self, resources: Resources, planned: Handover) -> None:
        self._texts = {
            resource["urn"].rpartition("::")[2]: resource["inputs"]["stdin"]
            for resource in resources
            if isinstance(resource.get("inputs", {}).get("stdin"), str)
        }
        self.handover = planned

    def _plans(self, node: str) -> tuple[dict[str, Any], dict[str, Any]]:
        installed, configured = (
            stages.plan_of(self._texts[f"{node}-{stage}"]) for stage in ("installed", "configured")
        )
        return installed, configured

    async def at_node(self, node: NodeFacts) -> list[drift.Difference]:
        """What differs on a node's machine; Unanswered when it can't be asked."""
        installed, configured = self._plans(node.name)
        try:
            async with connect(node.access, self.handover.patience) as machine:
                account = await machine.ask(("drift",), drift.question(installed, configured))
        except (Unreachable, StageFailed) as error:
            raise Unanswered(str(error)) from error
        return drift.of_machine(installed, configured, account)

    async def at_brokers(self) -> Found:
        """What each broker works with that is not planned, by its node's name; Unanswered when one can't be asked."""
        live = LiveSettings.model_validate_json(self._texts[handover.LIVE])
        planned = {
            node.id: drift.planned_settings(drift.properties_text(self._plans(node.name)[1]), live)
            for node in live.cluster.brokers
        }
        view = KafkaView(live.cluster, live.patience)
        try:
            keys = sorted({key for wanted in planned.values() for key in wanted})
            told = await asyncio.to_thread(view.settings, keys)
        except KafkaError as error:
            raise Unanswered(f"brokers can't be asked what they work with: {error}") from error
        finally:
            view.close()
        return {
            node.name: drift.of_settings(live.version, planned[node.id], told[node.id]) for node in live.cluster.brokers
        }

    async def everywhere(self) -> tuple[Found, list[str]]:
        """The differences of every node by its name, and what could not be looked at."""
        names = [node.name for node in self.handover.nodes]
        asked = [self._answer(self._only(node)) for node in self.handover.nodes]
        answers = await asyncio.gather(*asked, self._answer(self.at_brokers()))
        found = {name: [each for told, _ in answers for each in told.get(name, [])] for name in names}
        return found, [words for _, words in answers if words]

    async def _only(self, node: NodeFacts) -> Found:
        return {node.name: await self.at_node(node)}

    async def _answer(self, question: Awaitable[Found]) -> tuple[Found, str]:
        """What was found, or the words of why nothing could be."""
        try:
            return await question, ""
        except Unanswered as error:
            return {}, str(error)


async def show(resources: Resources, planned: Handover) -> int:
    """Prints what differs; 0 when nothing does, 1 when something does, 2 when not everything could be looked at."""
    found, unknown = await Look(resources, planned).everywhere()
    for name, differences in found.items():
        for difference in differences:
            print(f"{name}: {difference}")
    for words in unknown:
        print(f"can't tell: {words}")
    if any(found.values()):
        print('the next `up` puts it right after: pulumi config set reapply "$(date +%FT%T)"')
    elif not unknown:
        print(f"nothing differs on {', '.join(found)}")
    return UNKNOWN if unknown else DIFFERENT if any(found.values()) else SAME
