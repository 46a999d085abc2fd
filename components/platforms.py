"""The ground a cluster stands on: machines made here, or machines that are there already."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import Output, Resource, ResourceOptions

from components import host, keys
from components.host import Hosts
from components.machine import Machine
from components.place import Place
from components.site import Site
from model import monitor, topology
from model.machine_names import MachineNames
from model.metrics import MonitorSettings
from model.settings import NodeSettings, Platform, Settings
from operations.preflight import Resolved


@dataclass(frozen=True)
class Ground:
    """A place for every node, by its name. `root` is the component that everything else hangs from. `beside` makes a place
    for what watches the cluster, once those resources are there."""

    places: Mapping[str, Place]
    emulated: Output[bool]
    root: pulumi.ComponentResource
    beside: Callable[[MonitorSettings, Sequence[Resource]], Place]


def machines(settings: Settings, surroundings: Resolved, opts: ResourceOptions | None = None) -> Ground:
    """The machines of the configured platform."""
    if settings.platform is Platform.HOSTS:
        return _hosts(settings, opts)
    return _made_here(settings, surroundings, opts)


def _hosts(settings: Settings, opts: ResourceOptions | None) -> Ground:
    stack = f"{pulumi.get_project()}/{pulumi.get_stack()}"
    cluster = topology.plan(settings)
    root = Hosts("hosts", settings, cluster, stack=stack, opts=opts)

    def beside(watched: MonitorSettings, after: Sequence[Resource]) -> Place:
        return host.beside(root, watched, cluster, stack=stack, after=after)

    return Ground(root.places, Output.from_input(False), root, beside)


def _made_here(settings: Settings, surroundings: Resolved, opts: ResourceOptions | None) -> Ground:
    names = MachineNames(pulumi.get_project(), pulumi.get_stack())
    site = _site(settings, names, surroundings, opts)
    if not surroundings.kinds and not pulumi.runtime.is_dry_run():
        # Pulumi itself shows what is being made, and for how long already.
        pulumi.log.info(
            "libvirt makes the network, the pool and the disks: its plugin waits 1 min at most for each of them", site
        )
    operator = keys.key_pair("operator-key", site)

    def place(node: NodeSettings) -> Place:
        return Machine(
            node.name,
            settings,
            node,
            names,
            site,
            operator,
            kind=surroundings.kinds.get(node.name, ""),
            replaceable=node.name == surroundings.replaced,
            opts=ResourceOptions(parent=site),
        ).place

    def beside(watched: MonitorSettings, after: Sequence[Resource]) -> Place:
        return Machine(
            watched.name,
            settings.model_copy(update={"memory": watched.memory}),
            monitor.entry(watched),
            names,
            site,
            operator,
            replaceable=True,  # nothing on it is missed for longer than it takes
            with_data=False,
            opts=ResourceOptions(parent=site, depends_on=after),
        ).place

    places = {node.name: place(node) for node in settings.nodes}
    kinds = [surroundings.kinds.get(node.name) for node in settings.nodes]
    emulated = site.domain_type.apply(lambda kind: _emulated(each or kind for each in kinds))
    return Ground(places, emulated, site, beside)


def _site(settings: Settings, names: MachineNames, surroundings: Resolved, opts: ResourceOptions | None) -> Site:
    return Site(
        "site",
        settings,
        names,
        uri=surroundings.uri,
        image=surroundings.image,
        image_volume=surroundings.image_volume,
        opts=opts,
    )


def _emulated(kinds: Iterable[str]) -> bool:
    """Whether any machine is; the cluster is as patient as its slowest member needs."""
    emulated = "qemu" in kinds
    if emulated:
        pulumi.log.warn("KVM does not work on this hypervisor: the machines are emulated, and several times slower")
    return emulated
