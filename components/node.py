"""A node on its machine: everything up to the point where it only has to be started.

Knows the order of the stages. Refuses to know what they do (`model/stages.py` and `files/stages/`) and where the
machine comes from.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pulumi
from pulumi import Output, Resource, ResourceOptions

import files
from components.hand import Stage, operate
from components.place import Place, there
from model import stages
from model.emptied import Emptied, Other
from model.files import Runtime, node_files
from model.handover import Access, NodeFacts, seats
from model.logins import JumpSettings
from model.settings import Settings
from model.times import patience
from model.topology import Cluster, Node
from operations.preflight import ArchiveFile, Resolved


class KafkaNode(pulumi.ComponentResource):
    """One Kafka node. `configured` is its last stage that makes nothing on its disk, `fingerprint` what it will run."""

    configured: Stage
    fingerprint: Output[str]

    def __init__(
        self,
        name: str,
        settings: Settings,
        cluster: Cluster,
        node: Node,
        place: Place,
        surroundings: Resolved,
        *,
        stack: str,
        emulated: Output[bool],
        cluster_id: Output[str],
        others: Mapping[Node, Place],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("kafka-cluster:index:KafkaNode", name, _preview_inputs(settings, node), opts)
        self._name, self._place, self._emulated, self._cluster_id = name, place, emulated, cluster_id
        self._plan = self._planned(settings, cluster, node, stack=stack, again=surroundings.again)
        first: list[Resource] = []
        if settings.accept_empty_disk == node.name and node.name in surroundings.formatted:
            first.append(self._asked(cluster, settings.jump_hosts, others))
        installed = self._installed(surroundings, first)
        self.configured = self._stage(
            ("identity", "activation", "configured"),
            Output.all(plan=self._plan, cluster_id=cluster_id).apply(lambda known: stages.configured(**known)),
            [installed],
        )
        self.fingerprint = self._plan.apply(lambda plan: plan.fingerprint)
        self.register_outputs({"fingerprint": self.fingerprint})

    def _planned(
        self, settings: Settings, cluster: Cluster, node: Node, *, stack: str, again: str
    ) -> Output[stages.NodePlan]:
        device = self._place.device

        def plan(emulated: bool, login: str) -> stages.NodePlan:
            runtime = Runtime(settings.heap, settings.settings, emulated, bool(device), stack, settings.unchecked)
            return stages.NodePlan(
                cluster,
                node,
                stack,
                login,
                device,
                settings.accept_empty_disk == node.name,
                settings.reapply + again,
                node_files(cluster, node, runtime, files.text),
            )

        return Output.all(emulated=self._emulated, login=self._place.login).apply(lambda known: plan(**known))

    def _installed(self, surroundings: Resolved, first: Sequence[Resource]) -> Stage:
        """Its first stage, once `first` are done and what it unpacks is on the machine."""
        archive, pieces, classes = surroundings.archive, surroundings.pieces, surroundings.shared_classes
        brought = [] if archive.carried else [("archive", archive)]
        brought += [(_piece_name(piece), piece) for piece in (*pieces, *([classes] if classes else []))]
        uploaded = [self._place.upload(f"{self._name}-{what}", file, self) for what, file in brought]
        shared = there(classes) if classes else None
        return self._stage(
            ("java", "packages", "volume", "tools", "shared_classes", "pieces", "installed"),
            self._plan.apply(
                lambda plan: stages.installed(plan, archive.sha512, there(archive).path, map(there, pieces), shared)
            ),
            [*first, *uploaded],
        )

    def format(self, after: Sequence[Resource]) -> Output[NodeFacts]:
        """Its last stage, once `after` are done. Answers what the cluster has to know of the node to start it."""
        identity = Output.all(plan=self._plan, cluster_id=self._cluster_id).apply(
            lambda known: stages.formatted(**known)
        )
        formatted = self._stage(("volume", "identity", "shared_classes", "activation", "formatted"), identity, after)
        # What was formatted anew has to be started anew, although nothing else of the node changed.
        return Output.all(
            plan=self._plan, access=self._place.hand.access, machine=self._place.machine, storage=formatted.stdout
        ).apply(lambda known: _facts(**known))

    def _asked(
        self, cluster: Cluster, jump_hosts: Mapping[str, JumpSettings], others: Mapping[Node, Place]
    ) -> Resource:
        """Whether the other nodes hold what this one has lost, asked in every `up` that would take an empty disk."""
        looks = [stages.held(cluster, one, mounted=bool(place.device)) for one, place in others.items()]

        def document(
            access: Access, plan: stages.NodePlan, cluster_id: str, emulated: bool, accesses: Sequence[Access]
        ) -> str:
            return Emptied(
                mode=cluster.mode,
                version=cluster.version,
                patience=patience(emulated),
                nodes=seats(cluster),
                access=access,
                look=stages.emptied(plan, cluster_id),
                others=tuple(Other(access=one, look=look) for one, look in zip(accesses, looks, strict=True)),
                asked=datetime.now(UTC).isoformat(),
                jump_hosts=dict(jump_hosts),
            ).model_dump_json()

        told: Output[str] = Output.all(
            access=self._place.hand.access,
            plan=self._plan,
            cluster_id=self._cluster_id,
            emulated=self._emulated,
            accesses=Output.all(*(place.hand.access for place in others.values())),
        ).apply(lambda known: document(**known))
        return operate(
            f"{self._name}-emptied",
            "emptied",
            stdin=Output.secret(told),
            parent=self,
            depends_on=[self._place.ready],
        )

    def _stage(self, parts: tuple[str, ...], plan: Output[Mapping[str, Any]], depends_on: Sequence[Resource]) -> Stage:
        program = plan.apply(lambda plan: stages.program(files.text, parts, plan))
        return self._place.stage(f"{self._name}-{parts[-1]}", program, self, depends_on)


def _piece_name(file: ArchiveFile) -> str:
    """Without its version, which changes, and without its ending."""
    return re.sub(r"-[0-9].*", "", file.name).replace("_", "-").partition(".")[0]


def _preview_inputs(settings: Settings, node: Node) -> dict[str, Any]:
    """What preview shows of a node: the settings as a person wrote them."""
    metrics = {"metrics": settings.metrics.ports()} if settings.metrics.enabled else {}
    return {
        **metrics,
        "id": node.id,
        "roles": list(node.roles),
        "mode": settings.mode.value,
        "heap": settings.heap,
        "settings": dict(settings.settings),
    }


def _facts(plan: stages.NodePlan, access: Access, machine: str, storage: str) -> NodeFacts:
    return NodeFacts(
        name=plan.node.name,
        id=plan.node.id,
        address=plan.node.address,
        roles=plan.node.roles,
        fingerprint=plan.fingerprint,
        machine=machine,
        storage=storage,
        access=access,
    )
