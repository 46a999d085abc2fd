"""Says what differs from what the last `up` left: files, units, kernel and running settings of each node, and topics.

Asks machines and brokers. Refuses to judge what they answer (`model/drift.py`) and to mend it.
"""

import asyncio
import sys
from collections.abc import Awaitable, Iterable, Mapping
from contextlib import redirect_stdout
from typing import Any

from kafka.errors import KafkaError

from model import drift, handover, stages, state, topic_plan
from model.handover import Handover, LiveSettings, NodeFacts
from model.topic_plan import TopicPlan
from model.topology import Node
from operations.live_settings import SettingsView
from operations.machine import StageFailed, Unreachable, connect
from operations.topics import SEEN, TopicsView
from operations.ways import Ways

SAME, DIFFERENT, UNKNOWN = 0, 1, 2

# What tells how a machine is.
PARTS = ("java", "account", "packages", "tools", "drift")
_TOPICS = "topics"

Resources = Iterable[Mapping[str, Any]]
Found = dict[str, list[drift.Difference]]


class Unanswered(Exception):
    """A node, or the brokers, could not be looked at; the text says why."""


class Look:
    """A look at one stack, planned by what its state says that the last `up` told the stages."""

    def __init__(self, resources: Resources, planned: Handover, ways: Ways) -> None:
        resources = list(resources)
        self._topics = topic_plan.earlier(resources)
        self._texts = {
            state.name(resource): text
            for resource in resources
            if isinstance(text := state.inputs(resource).get("stdin"), str)
        }
        self.handover = planned
        self._ways = ways

    def _plans(self, node: str) -> tuple[dict[str, Any], dict[str, Any]]:
        installed, configured = (
            stages.plan_of(self._texts[f"{node}-{stage}"]) for stage in ("installed", "configured")
        )
        return installed, configured

    async def at_node(self, node: NodeFacts) -> list[drift.Difference]:
        """What differs on a node's machine; Unanswered when it can't be asked."""
        installed, configured = self._plans(node.name)
        cluster = self.handover.cluster
        written = stages.written_at_start(cluster, cluster.node(node.name))
        try:
            async with connect(node.access, self.handover.patience) as machine:
                account = await machine.ask(PARTS, drift.question(installed, configured, written))
        except (Unreachable, StageFailed) as error:
            raise Unanswered(str(error)) from error
        return drift.of_machine(installed, configured, account)

    async def at_broker(self, node: Node) -> list[drift.Difference]:
        """What a broker works with that is not planned; Unanswered when it can't be asked."""
        live = LiveSettings.model_validate_json(self._texts[handover.LIVE])
        planned = drift.planned_settings(drift.properties_text(self._plans(node.name)[1]), live)
        view = SettingsView(live.cluster, self._ways, live.patience)
        try:
            told = await view.asked(f"{node.name}'s broker to answer", view.settings, planned, [node])
        except KafkaError as error:
            raise Unanswered(f"{node.name}: its broker can't be asked what it works with: {error}") from error
        finally:
            view.close()
        return drift.of_settings(live.version, planned, told[node.id])

    async def at_topics(self, plan: TopicPlan) -> list[drift.Difference]:
        """What was done to the listed topics; Unanswered when no broker can be asked."""
        view = TopicsView(plan.cluster, self._ways, plan.patience)
        try:
            seen = await view.asked("the brokers to list the topics", view.seen, plan.named, questions=SEEN)
        except (KafkaError, OSError) as error:
            raise Unanswered(f"topics: no broker can be asked: {error or type(error).__name__}") from error
        finally:
            view.close()
        return drift.of_topics(plan, seen)

    async def everywhere(self) -> tuple[Found, list[str]]:
        """The differences of every node by its name, those of the topics, and what could not be looked at."""
        questions = [(node.name, self.at_node(node)) for node in self.handover.nodes]
        questions += [(node.name, self.at_broker(node)) for node in self.handover.cluster.brokers]
        if self._topics:
            questions.append((_TOPICS, self.at_topics(self._topics)))
        found: Found = {name: [] for name, _ in questions}
        answers = await asyncio.gather(*(self._answer(*each) for each in questions))
        for name, differences, _ in answers:
            found[name] += differences
        return found, [words for _, _, words in answers if words]

    async def _answer(
        self, name: str, question: Awaitable[list[drift.Difference]]
    ) -> tuple[str, list[drift.Difference], str]:
        """The node's name, what was found there, or the words of why nothing could be."""
        try:
            return name, await question, ""
        except Unanswered as error:
            return name, [], str(error)


async def show(resources: Resources, planned: Handover) -> int:
    """Prints what differs; 0 when nothing does, 1 when something does, 2 when not everything could be looked at."""
    with redirect_stdout(sys.stderr):  # what is said while somebody waits is no part of the answer
        async with Ways(planned.jump_hosts, planned.patience) as ways:
            found, unknown = await Look(resources, planned, ways).everywhere()
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
