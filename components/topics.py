"""The listed topics: shown in preview one by one, brought about by one resource once the cluster runs."""

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi import Output, Resource, ResourceOptions

from components.hand import operate
from model.attempt import TOPICS
from model.handover import NodeFacts, seats
from model.settings import Settings
from model.times import patience
from model.topic_plan import TOPICS_RESOURCE, TopicPlan, absent, listed
from model.topic_rules import TopicSettings
from model.topology import Cluster
from operations.preflight import Resolved


class KafkaTopics(pulumi.ComponentResource):
    """The topics of a cluster."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        cluster: Cluster,
        surroundings: Resolved,
        *,
        cluster_id: Output[str],
        emulated: Output[bool],
        facts: Sequence[Output[NodeFacts]],
        running: Resource,
        opts: ResourceOptions | None = None,
    ) -> None:
        brokers = len(settings.brokers)
        told = {"mode": settings.mode.value, "topics": {t.name: _preview_inputs(t, brokers) for t in settings.topics}}
        super().__init__(TOPICS, name, told, opts)
        # Facts say how a machine is logged in to, and are secret for that; what was done to its disk is not.
        storage = Output.unsecret(Output.all(*facts).apply(lambda facts: tuple(node.storage for node in facts)))
        plan = Output.all(cluster_id=cluster_id, emulated=emulated, storage=storage).apply(
            lambda known: _plan(settings, cluster, surroundings, **known).model_dump_json()
        )
        done = operate(TOPICS_RESOURCE, "topics", stdin=plan, parent=self, depends_on=[running])
        wanted = [topic.name for topic in settings.topics if topic.is_wanted]
        self.register_outputs({"topics": wanted, "listed": done.stdout.apply(lambda _: told["topics"])})


def _plan(
    settings: Settings,
    cluster: Cluster,
    surroundings: Resolved,
    cluster_id: str,
    emulated: bool,
    storage: Sequence[str],
) -> TopicPlan:
    return TopicPlan(
        mode=cluster.mode,
        version=cluster.version,
        cluster_id=cluster_id,
        patience=patience(emulated),
        reapply=settings.reapply + surroundings.again,
        nodes=seats(cluster),
        jump_hosts=settings.jump_hosts,
        storage=tuple(storage),
        listed=listed(settings.topics, len(settings.brokers), surroundings.topics_before),
        absent=absent(settings.topics),
    )


def _preview_inputs(topic: TopicSettings, brokers: int) -> dict[str, Any]:
    if not topic.is_wanted:
        return {"state": topic.state.value}
    return {
        "partitions": topic.partitions,
        "replicationFactor": topic.factor(brokers),
        "settings": dict(topic.settings),
    }
