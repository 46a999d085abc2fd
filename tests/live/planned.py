"""What has to be true of a stack's machines, computed by the model from the stack's configuration and outputs.

Knows where a plan comes from, and which open ports are in it. Refuses to look at a machine.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from pydantic import ValidationError

import files
from model.files import Runtime, node_files
from model.handover import Access, Handover, find
from model.kafka_keys import Mode
from model.listeners import ZOOKEEPER_ELECTION_PORT, ZOOKEEPER_PEER_PORT
from model.machine_names import MachineNames
from model.settings import Platform, Settings, read
from model.stages import NodePlan
from model.times import patience
from model.topology import Cluster, Node, plan
from tests.support.stack import Stack

DNS_PORT = 53


class NotUp(Exception):
    """There is no running stack to look at; the text says why."""


@dataclass(frozen=True)
class Plan:
    """A whole stack as planned. `nodes` and `accesses` are by the node's name."""

    stack: str
    settings: Settings
    handover: Handover = field(repr=False)
    nodes: dict[str, NodePlan]
    accesses: dict[str, Access] = field(repr=False)
    resources: list[dict[str, Any]] = field(repr=False)

    @property
    def cluster(self) -> Cluster:
        """As the configuration describes it."""
        return plan(self.settings)

    @property
    def patience(self) -> int:
        """What every time limit is stretched by."""
        return self.handover.patience


def read_plan(stack: Stack) -> Plan:
    """The plan of a stack that is up; NotUp when it is not."""
    resources = stack.resources()
    try:
        handover = find(resources)
    except ValidationError as error:
        raise NotUp(
            f"stack {stack.name} was brought up by another version of this package ({error.error_count()} parts of its"
            " handover don't fit); run `pulumi up`"
        ) from None
    if handover is None:
        raise NotUp(f"stack {stack.name} is not up; run `pulumi up`")
    settings = read(stack.config())
    accesses = {node.name: node.access for node in handover.nodes}
    names = MachineNames(stack.project_name, stack.name)
    nodes = {
        node.name: _node_plan(settings, handover, names, node, accesses[node.name])
        for node in plan(settings).nodes
        if node.name in accesses
    }
    return Plan(stack.name, settings, handover, nodes, accesses, resources)


def _node_plan(settings: Settings, handover: Handover, names: MachineNames, node: Node, access: Access) -> NodePlan:
    configured = next(entry for entry in settings.nodes if entry.name == node.name)
    made_here = settings.platform is Platform.LIBVIRT
    device = names.data_device(node.id) if made_here else configured.data_device
    emulated = handover.patience == patience(emulated=True)
    stack = f"{names.project}/{names.stack}"
    runtime = Runtime(settings.heap, settings.settings, emulated, bool(device), stack, settings.unchecked)
    cluster = plan(settings)
    return NodePlan(
        cluster=cluster,
        node=node,
        stack=f"{names.project}/{names.stack}",
        login=access.user,
        device=device,
        accept_empty=settings.accept_empty_disk == node.name,
        reapply=settings.reapply,
        files=node_files(cluster, node, runtime, files.text),
    )


@dataclass(frozen=True, order=True)
class Door:
    """A socket that takes what comes from outside: tcp or udp, its address and its port."""

    protocol: str
    address: str
    port: int

    @property
    def ip(self) -> IPv4Address | IPv6Address:
        """The address as a number; an IPv4 one that IPv6 wraps is what it wraps."""
        address = ip_address(self.address)
        return getattr(address, "ipv4_mapped", None) or address

    def __str__(self) -> str:
        return f"{self.protocol} {self.ip}:{self.port}"


def required_ports(cluster: Cluster, node: Node) -> set[int]:
    """The ports that are open on a node's address whatever its part in the cluster is just now."""
    return set(cluster.ports(node)) - _passing_ports(cluster)


def _passing_ports(cluster: Cluster) -> set[int]:
    """The ensemble's leader is where the others connect to, and a lone member has nobody to elect."""
    if cluster.mode is Mode.KRAFT:
        return set()
    alone = {ZOOKEEPER_ELECTION_PORT} if len(cluster.voters) == 1 else set()
    return {ZOOKEEPER_PEER_PORT} | alone


def is_in_plan(door: Door, cluster: Cluster, node: Node, ssh_port: int, beside: Iterable[int]) -> bool:
    """Whether a door may be open: a planned port on the planned address, ssh, or the name service's stub that only the
    machine itself can reach. `beside` are ports that the operator has allowed."""
    ours = door.protocol == "tcp" and str(door.ip) == node.address and door.port in cluster.ports(node)
    ssh = door.protocol == "tcp" and door.port == ssh_port
    name_service = door.ip.is_loopback and door.port == DNS_PORT
    return ours or ssh or name_service or door.port in set(beside)
