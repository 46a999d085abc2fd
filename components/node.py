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
from components.place import Place
from model import stages
from model.emptied import Emptied, Other
from model.files import Runtime, node_files
from model.handover import Access, NodeFacts, seats
from model.logins import JumpSettings
from model.paths import Paths
from model.settings import Settings
from model.times import patience
from model.topology import Cluster, Node
from operations.preflight import ArchiveFile


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
        *,
        stack: str,
        emulated: Output[bool],
        cluster_id: Output[str],
        archive: ArchiveFile,
        pieces: Sequence[ArchiveFile],
        shared_classes: ArchiveFile | None,
        was_formatted: bool,
        others: Mapping[Node, Place],
        again: str = "",
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("kafka-cluster:index:KafkaNode", name, _preview_inputs(settings, node), opts)
        self._name, self._place = name, place

        def planned(emulated: bool, login: str) -> stages.NodePlan:
            runtime = Runtime(settings.heap, settings.settings, emulated, bool(place.device), stack, settings.unchecked)
            return stages.NodePlan(
                cluster,
                node,
                stack,
                login,
                place.device,
                settings.accept_empty_disk == node.name,
                settings.reapply + again,
                node_files(cluster, node, runtime, files.text),
            )

        login = Output.unsecret(place.hand.access.apply(lambda access: access.user))
        self._plan = plan = Output.all(emulated, login).apply(lambda values: planned(*values))
        self._cluster_id = cluster_id
        first: list[Resource] = []
        if was_formatted and settings.accept_empty_disk == node.name:
            first.append(self._asked(cluster, emulated, settings.jump_hosts, others))
        uploaded = [] if archive.carried else [self._upload(f"{name}-archive", archive)]
        brought = [*pieces, *([shared_classes] if shared_classes else [])]
        uploaded += [self._upload(f"{name}-{_piece_name(piece)}", piece) for piece in brought]
        classes = there(shared_classes) if shared_classes else None
        installed = self._stage(
            ("java", "packages", "volume", "tools", "shared_classes", "pieces", "installed"),
            plan.apply(
                lambda plan: stages.installed(plan, archive.sha512, there(archive).path, map(there, pieces), classes)
            ),
            [*first, *uploaded],
        )
        self.configured = self._stage(
            ("identity", "activation", "configured"),
            Output.all(plan, cluster_id).apply(lambda values: stages.configured(*values)),
            [installed],
        )
        self.fingerprint = plan.apply(lambda plan: plan.fingerprint)
        self.register_outputs({"fingerprint": self.fingerprint})

    def format(self, after: Sequence[Resource]) -> Output[NodeFacts]:
        """Its last stage, once `after` are done. Answers what the cluster has to know of the node to start it."""
        identity = Output.all(self._plan, self._cluster_id).apply(lambda values: stages.formatted(*values))
        formatted = self._stage(("volume", "identity", "shared_classes", "activation", "formatted"), identity, after)
        # What was formatted anew has to be started anew, although nothing else of the node changed.
        return Output.all(self._plan, self._place.hand.access, self._place.machine, formatted.stdout).apply(_facts)

    def _asked(
        self,
        cluster: Cluster,
        emulated: Output[bool],
        jump_hosts: Mapping[str, JumpSettings],
        others: Mapping[Node, Place],
    ) -> Resource:
        """Whether the other nodes hold what this one has lost, asked in every `up` that would take an empty disk."""
        looks = [stages.held(cluster, one, mounted=bool(place.device)) for one, place in others.items()]

        def document(access: Access, plan: stages.NodePlan, cluster_id: str, emulated: bool, *accesses: Access) -> str:
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

        accesses = [place.hand.access for place in others.values()]
        values = Output.all(self._place.hand.access, self._plan, self._cluster_id, emulated, *accesses)
        told: Output[str] = values.apply(lambda values: document(*values))
        return operate(
            f"{self._name}-emptied",
            "emptied",
            stdin=Output.secret(told),
            parent=self,
            depends_on=[self._place.ready],
        )

    def _upload(self, name: str, file: ArchiveFile) -> Resource:
        return self._place.hand.upload(
            name,
            file=str(file.path),
            to=there(file).path,
            machine=self._place.machine,
            parent=self,
            depends_on=[self._place.ready],
        )

    def _stage(self, parts: tuple[str, ...], plan: Output[Mapping[str, Any]], depends_on: Sequence[Resource]) -> Stage:
        stage = parts[-1]

        def command(word: str) -> Output[str]:
            return self._place.machine.apply(lambda machine: stages.command(word, machine=machine))

        return self._place.hand.stage(
            f"{self._name}-{stage}",
            first=command("first"),
            again=command("again"),
            program=plan.apply(lambda plan: stages.program(files.text, parts, plan)),
            parent=self,
            depends_on=depends_on,
        )


def there(file: ArchiveFile) -> stages.Upload:
    """A file as it arrives on a machine, or as it is there from the beginning."""
    return stages.Upload(file.carried or f"{Paths.upload_folder}/{file.name}", file.sha512, file.java)


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


def _facts(values: Sequence[Any]) -> NodeFacts:
    plan, access, machine, storage = values
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
