"""Where the machines live on a hypervisor: its provider, a network, a pool and the base image.

One of the two modules that know pulumi_libvirt.
"""

import pulumi
import pulumi_libvirt as libvirt
from pulumi import Output, ResourceOptions

from components.hand import operate
from model.machine_names import MachineNames
from model.settings import NetworkMode, Settings

_NETWORK_MODES = {NetworkMode.ISOLATED: "none", NetworkMode.NAT: "nat", NetworkMode.BRIDGE: "bridge"}


class Site(pulumi.ComponentResource):
    """A network, a pool and the base image on one hypervisor."""

    domain_type: Output[str]
    network: libvirt.Network
    pool: libvirt.Pool
    image: libvirt.Volume
    provider: libvirt.Provider

    def __init__(
        self,
        name: str,
        settings: Settings,
        names: MachineNames,
        *,
        uri: str,
        image: str,
        image_volume: str,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("kafka-cluster:index:Site", name, {}, opts)
        self.uri = uri
        self.provider = libvirt.Provider(f"{name}-hypervisor", uri=uri, opts=ResourceOptions(parent=self))
        self.domain_type = operate(
            f"{name}-domain-type", f"domain-type {settings.domain_type}", stdin=uri, parent=self
        ).stdout.apply(str.strip)
        self.network = self._network(name, settings, names)
        self.pool = self._pool(name, settings, names)
        self.image = self._image(name, names.of(image_volume), image)
        self.register_outputs({"domain_type": self.domain_type})

    def _mine(self, ignore_changes: list[str] | None = None) -> ResourceOptions:
        """A fixed name for every resource: delete first, or the new one finds its name taken."""
        return ResourceOptions(
            parent=self, provider=self.provider, delete_before_replace=True, ignore_changes=ignore_changes
        )

    def _network(self, name: str, settings: Settings, names: MachineNames) -> libvirt.Network:
        return libvirt.Network(
            f"{name}-network",
            name=names.prefix,
            mode=_NETWORK_MODES[settings.network_mode],
            bridge=settings.network_bridge or None,
            addresses=None if settings.network_mode is NetworkMode.BRIDGE else [settings.network_cidr],
            dhcp={"enabled": False},
            dns={"enabled": False},
            autostart=True,
            opts=self._mine(),
        )

    def _pool(self, name: str, settings: Settings, names: MachineNames) -> libvirt.Pool:
        return libvirt.Pool(
            f"{name}-pool",
            name=names.prefix,
            type="dir",
            path=names.pool(settings.pool_path),
            # What the file system says of itself changes with every file in it.
            opts=self._mine(["allocation", "available", "capacity"]),
        )

    def _image(self, name: str, volume: str, source: str) -> libvirt.Volume:
        return libvirt.Volume(
            f"{name}-image",
            name=volume,
            pool=self.pool.name,
            source=source,
            format="qcow2",
            # The image of the first `up` stays: a newer one never replaces a machine by itself.
            opts=self._mine(["source"]),
        )
