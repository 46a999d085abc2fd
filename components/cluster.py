"""The cluster as a whole: its nodes, and one resource that brings all of them to run."""

from collections.abc import Collection, Mapping, Sequence

import pulumi
from pulumi import Output, ResourceOptions

from components.foresight import foretell
from components.hand import operate
from components.node import KafkaNode
from components.place import Place
from components.topics import KafkaTopics
from model import identity
from model.handover import LIVE, RUNNING_RESOURCE, Handover, LiveSettings, seats
from model.kafka_dynamic import defaults
from model.kafka_keys import Role
from model.left import Before
from model.settings import Settings
from model.times import patience
from model.topic_plan import TopicPlan
from model.topology import Cluster
from operations.preflight import ArchiveFile


class KafkaCluster(pulumi.ComponentResource):
    """A Kafka cluster on machines. `plan` is what it is made of."""

    bootstrap_servers: Output[str]
    cluster_id: Output[str]
    plan: Cluster

    def __init__(
        self,
        name: str,
        settings: Settings,
        cluster: Cluster,
        places: Mapping[str, Place],
        *,
        stack: str,
        emulated: Output[bool],
        cluster_id: Output[str],
        archive: ArchiveFile,
        pieces: Sequence[ArchiveFile] = (),
        shared_classes: ArchiveFile | None = None,
        topics_before: TopicPlan | None = None,
        before: Before | None = None,
        formatted: Collection[str] = (),
        again: str = "",
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            identity.CLUSTER,
            name,
            {
                "identity": identity.of(settings),
                "mode": settings.mode.value,
                "version": settings.kafka_version,
                "settings": dict(settings.settings),
                **({"again": again} if again else {}),
            },
            opts,
        )
        nodes = [
            KafkaNode(
                node.name,
                settings,
                cluster,
                node,
                places[node.name],
                stack=stack,
                emulated=emulated,
                cluster_id=cluster_id,
                archive=archive,
                pieces=pieces,
                shared_classes=shared_classes,
                was_formatted=node.name in formatted,
                others={one: places[one.name] for one in cluster.nodes if one != node},
                again=again,
                opts=ResourceOptions(parent=self),
            )
            for node in cluster.nodes
        ]
        by_name = {node.name: made for node, made in zip(cluster.nodes, nodes, strict=True)}
        # A disk or a configuration that is refused on one node keeps every node from being formatted.
        configured = [node.configured for node in nodes]
        facts = [node.format(after=configured) for node in nodes]
        foretell(
            cluster,
            before or Before(),
            {name: made.fingerprint for name, made in by_name.items()},
            settings,
        )
        handover = Output.all(cluster_id, emulated, *facts).apply(
            lambda values: Handover(
                mode=cluster.mode,
                version=cluster.version,
                cluster_id=values[0],
                patience=patience(values[1]),
                reapply=settings.reapply + again,
                nodes=tuple(values[2:]),
                controllers=tuple(node.name for node in settings.controllers),
                only_controllers=tuple(node.name for node in settings.controllers if Role.BROKER not in node.roles),
            ).model_dump_json()
        )
        running = operate(
            RUNNING_RESOURCE,
            "running",
            stdin=Output.secret(handover),
            parent=self,
        )
        told = operate(
            LIVE,
            "settings",
            stdin=Output.all(cluster_id, emulated).apply(
                lambda values: _live(settings, cluster, again, *values).model_dump_json(indent=1)
            ),
            parent=self,
            depends_on=[running],
        )
        if settings.topics:
            KafkaTopics(
                "topics",
                settings,
                cluster,
                topics_before,
                cluster_id=cluster_id,
                emulated=emulated,
                facts=facts,
                running=running,
                again=again,
                opts=ResourceOptions(parent=self),
            )
        self.plan, self.cluster_id = cluster, cluster_id
        # The servers are an answer only once the cluster runs as planned; so is what it runs and was told.
        self.bootstrap_servers = told.stdout.apply(lambda _: cluster.bootstrap_servers)
        self.register_outputs(
            {
                "bootstrap_servers": self.bootstrap_servers,
                "runs": told.stdout.apply(lambda _: {name: made.fingerprint for name, made in by_name.items()}),
                "settings": told.stdout.apply(lambda _: dict(settings.settings)),
            }
        )


def _live(settings: Settings, cluster: Cluster, again: str, cluster_id: str, emulated: bool) -> LiveSettings:
    """What the running cluster takes without a restart."""
    return LiveSettings(
        mode=cluster.mode,
        version=cluster.version,
        patience=patience(emulated),
        reapply=settings.reapply + again,
        cluster_id=cluster_id,
        nodes=seats(cluster),
        jump_hosts=settings.jump_hosts,
        defaults=defaults(cluster.version, settings.settings, settings.unchecked),
    )
