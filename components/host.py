"""Machines that are there already, described by the configuration: looked at, taken, and given back by a destroy."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Output, Resource, ResourceOptions

import files
from components.hand import PATIENT_TRIES, Hand, operate, undo
from components.place import Place
from model import fitness, monitor, stages
from model.handover import Access
from model.metrics import MonitorSettings
from model.settings import NodeSettings, Settings
from model.topology import Cluster, Node
from operations.ways import login


class Hosts(pulumi.ComponentResource):
    """All machines of a cluster. Nothing is done on any of them before all were found fit."""

    places: Mapping[str, Place]

    def __init__(
        self,
        name: str,
        settings: Settings,
        cluster: Cluster,
        *,
        stack: str,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("kafka-cluster:index:Hosts", name, {}, opts)
        configured = {node.name: node for node in settings.nodes}
        accesses = {name: _access(node) for name, node in configured.items()}

        def candidate(node: Node) -> dict[str, Any]:
            device = configured[node.name].data_device
            needs = fitness.needs(cluster, node, stack=stack, heap=settings.heap, device=device)
            access = accesses[node.name].apply(lambda access: access.model_dump())
            return {"access": access, "needs": needs.model_dump(), "look": stages.fit(cluster, node, device)}

        def host(node: Node) -> Host:
            entry = configured[node.name]
            claim = stages.claimed(cluster, node, stack=stack, login=entry.user)
            end = stages.removed(cluster, claim, device=entry.data_device, delete_data=settings.delete_data)
            mine = ResourceOptions(parent=self)
            return Host(f"{node.name}-host", entry, accesses[node.name], claim, end, fit=fit, opts=mine)

        fit = _fit(
            f"{name}-fit", [candidate(node) for node in cluster.nodes], self, accepted=settings.accept_empty_disk
        )
        self.places = {node.name: host(node).place for node in cluster.nodes}
        self.register_outputs({})


def beside(hosts: Hosts, watched: MonitorSettings, cluster: Cluster, *, stack: str, after: Sequence[Resource]) -> Place:
    """A machine that exists, for what watches the cluster: looked at and taken as a node's is, but by itself."""
    entry = monitor.entry(watched)
    access = _access(entry)
    candidate = {
        "access": access.apply(lambda access: access.model_dump()),
        "needs": monitor.needs(watched, stack).model_dump(),
        "look": monitor.fit(cluster, watched),
    }
    fit = _fit(f"{entry.name}-fit", [candidate], hosts, after)
    claim, end = monitor.claimed(cluster, watched, stack), monitor.removed(cluster, watched, stack)
    mine = ResourceOptions(parent=hosts, depends_on=[fit])
    return Host(f"{entry.name}-host", entry, access, claim, end, fit=fit, opts=mine).place


def _fit(
    name: str, candidates: Sequence[Any], parent: Resource, after: Sequence[Resource] = (), *, accepted: str = ""
) -> Resource:
    document = {"nodes": candidates, "accepted": accepted}
    return operate(name, "fit", stdin=_secret_document(document), parent=parent, depends_on=after)


class Host(pulumi.ComponentResource):
    """An existing machine, taken by the plan `claim` and given back by the plan `end`. `place` is where its node goes."""

    place: Place

    def __init__(
        self,
        name: str,
        node: NodeSettings,
        access: Output[Access],
        claim: Mapping[str, Any],
        end: Mapping[str, Any],
        *,
        fit: Resource,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("kafka-cluster:index:Host", name, {"address": node.address}, opts)
        opened = access.apply(lambda access: access.model_dump())
        hand = Hand(access, deleted_with=None, jumps=node.jump_host is not None)
        ready = hand.stage(
            f"{name}-ready",
            first=stages.command("first"),
            again=stages.command("again"),
            program=stages.program(files.text, ("claimed",), claim),
            parent=self,
            depends_on=[fit],
            tries=PATIENT_TRIES,
        )
        machine = ready.stdout.apply(lambda text: text.rsplit("machine ", 1)[-1].strip())
        claimed = f"{name}-claimed"
        taken = undo(
            claimed,
            "removed",
            stdin=_secret_document(
                {"access": opened, "plan": end, "urn": Output.from_input(_urn(self, claimed)), "machine": machine}
            ),
            parent=self,
            depends_on=[ready],
        )
        self.place = Place(hand=hand, machine=machine, device=node.data_device, ready=taken)
        self.register_outputs({"address": node.address})


async def _urn(host: pulumi.Resource, name: str) -> str:
    """What the engine calls a command of a Host. Not an output of the host's: to wait for that is to wait for all that is
    in it, this command included."""
    above, _, _ = str(await host.urn.future()).rpartition("::")
    return f"{above}$command:local:Command::{name}"


def _secret_document(value: Any) -> Output[str]:
    return Output.secret(Output.json_dumps(value))


def _access(node: NodeSettings) -> Output[Access]:
    """How the machine is reached."""
    jump = login(node.jump_host) if node.jump_host else None
    access: Any = Access(name=node.name, jump_host=jump, **login(node).model_dump())
    return Output.secret(access)
