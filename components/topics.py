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


class KafkaTopics(pulumi.ComponentResource):
    """The topics of a cluster. `before` is what the last `up` made of them."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        cluster: Cluster,
        before: TopicPlan | None,
        *,
        cluster_id: Output[str],
        emulated: Output[bool],
        facts: Sequence[Output[NodeFacts]],
        running: Resource,
        again: str = "",
        opts: ResourceOptions | None = None,
    ) -> None:
        brokers = len(settings.brokers)
        told = {"mode": settings.mode.value, "topics": {t.name: _preview_inputs(t, brokers) for t in settings.topics}}
        super().__init__(TOPICS, name, told, opts)
        # Facts say how a machine is logged in to, and are secret for that; what was done to its disk is not.
        storage = Output.unsecret(Output.all(*facts).apply(lambda facts: tuple(node.storage for node in facts)))
        plan = Output.all(cluster_id, emulated, storage).apply(
            lambda values: TopicPlan(
                mode=cluster.mode,
                version=cluster.version,
                cluster_id=values[0],
                patience=patience(values[1]),
                reapply=settings.reapply + again,
                nodes=seats(cluster),
                jump_hosts=settings.jump_hosts,
                storage=tuple(values[2]),
                listed=listed(settings.topics, brokers, before),
                absent=absent(settings.topics),
            ).model_dump_json()
        )
        done = operate(TOPICS_RESOURCE, "topics", stdin=plan, parent=self, depends_on=[running])
        wanted = [topic.name for topic in settings.topics if topic.is_wanted]
        self.register_outputs({"topics": wanted, "listed": done.stdout.apply(lambda _: told["topics"])})


def _preview_inputs(topic: TopicSettings, brokers: int) -> dict[str, Any]:
    if not topic.is_wanted:
        return {"state": topic.state.value}
    return {
        "partitions": topic.partitions,
        "replicationFactor": topic.factor(brokers),
        "settings": dict(topic.settings),
    }
