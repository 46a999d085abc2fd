"""The cluster as a whole: its nodes, and one resource that brings all of them to run."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Output, Resource, ResourceOptions

from components.foresight import foretell
from components.hand import operate
from components.node import KafkaNode
from components.place import Place
from components.topics import KafkaTopics
from model import identity
from model.handover import LIVE, RUNNING_RESOURCE, Handover, LiveSettings, NodeFacts, seats
from model.kafka_dynamic import defaults
from model.kafka_keys import Role
from model.settings import Settings
from model.times import patience
from model.topology import Cluster
from operations.preflight import Resolved


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
        surroundings: Resolved,
        *,
        stack: str,
        emulated: Output[bool],
        cluster_id: Output[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(identity.CLUSTER, name, _preview_inputs(settings, surroundings.again), opts)
        self.plan, self.cluster_id = cluster, cluster_id
        self._settings, self._surroundings, self._emulated = settings, surroundings, emulated
        nodes = self._nodes(places, stack)
        # A disk or a configuration that is refused on one node keeps every node from being formatted.
        configured = [node.configured for node in nodes.values()]
        facts = [node.format(after=configured) for node in nodes.values()]
        fingerprints = {name: node.fingerprint for name, node in nodes.items()}
        foretell(cluster, surroundings.before, fingerprints, settings)
        running = self._running(facts)
        told = self._live_settings(running)
        if settings.topics:
            self._topics(facts, running)
        # The servers are an answer only once the cluster runs as planned; so is what it runs and was told.
        self.bootstrap_servers = told.apply(lambda _: cluster.bootstrap_servers)
        self.register_outputs(
            {
                "bootstrap_servers": self.bootstrap_servers,
                "runs": told.apply(lambda _: fingerprints),
                "settings": told.apply(lambda _: dict(settings.settings)),
            }
        )

    def _nodes(self, places: Mapping[str, Place], stack: str) -> dict[str, KafkaNode]:
        """The nodes by their names, each up to the point where its disk may be formatted."""
        return {
            node.name: KafkaNode(
                node.name,
                self._settings,
                self.plan,
                node,
                places[node.name],
                self._surroundings,
                stack=stack,
                emulated=self._emulated,
                cluster_id=self.cluster_id,
                others={one: places[one.name] for one in self.plan.nodes if one != node},
                opts=ResourceOptions(parent=self),
            )
            for node in self.plan.nodes
        }

    def _running(self, facts: Sequence[Output[NodeFacts]]) -> Resource:
        """The one resource that brings all nodes to run what is planned."""
        known = Output.all(cluster_id=self.cluster_id, emulated=self._emulated, nodes=Output.all(*facts))
        handover = known.apply(lambda known: self._handover(**known).model_dump_json())
        return operate(RUNNING_RESOURCE, "running", stdin=Output.secret(handover), parent=self)

    def _handover(self, cluster_id: str, emulated: bool, nodes: Sequence[NodeFacts]) -> Handover:
        controllers = self._settings.controllers
        return Handover(
            mode=self.plan.mode,
            version=self.plan.version,
            cluster_id=cluster_id,
            patience=patience(emulated),
            reapply=self._settings.reapply + self._surroundings.again,
            nodes=tuple(nodes),
            controllers=tuple(node.name for node in controllers),
            only_controllers=tuple(node.name for node in controllers if Role.BROKER not in node.roles),
        )

    def _live_settings(self, running: Resource) -> Output[str]:
        """Gives the running cluster what it takes without a restart; an answer once it has."""
        known = Output.all(cluster_id=self.cluster_id, emulated=self._emulated)
        document = known.apply(lambda known: self._live(**known).model_dump_json(indent=1))
        return operate(LIVE, "settings", stdin=document, parent=self, depends_on=[running]).stdout

    def _live(self, cluster_id: str, emulated: bool) -> LiveSettings:
        settings, cluster = self._settings, self.plan
        return LiveSettings(
            mode=cluster.mode,
            version=cluster.version,
            patience=patience(emulated),
            reapply=settings.reapply + self._surroundings.again,
            cluster_id=cluster_id,
            nodes=seats(cluster),
            jump_hosts=settings.jump_hosts,
            defaults=defaults(cluster.version, settings.settings, settings.unchecked),
        )

    def _topics(self, facts: Sequence[Output[NodeFacts]], running: Resource) -> None:
        KafkaTopics(
            "topics",
            self._settings,
            self.plan,
            self._surroundings,
            cluster_id=self.cluster_id,
            emulated=self._emulated,
            facts=facts,
            running=running,
            opts=ResourceOptions(parent=self),
        )


def _preview_inputs(settings: Settings, again: str) -> dict[str, Any]:
    """What preview shows of the cluster: the settings as a person wrote them."""
    return {
        "identity": identity.of(settings),
        "mode": settings.mode.value,
        "version": settings.kafka_version,
        "settings": dict(settings.settings),
        **({"again": again} if again else {}),
    }
