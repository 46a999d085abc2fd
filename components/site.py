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
        mine = ResourceOptions(parent=self, provider=self.provider)
        self.domain_type = operate(
            f"{name}-domain-type", f"domain-type {settings.domain_type}", stdin=uri, parent=self
        ).stdout.apply(str.strip)
        # A fixed name for every resource: delete first, or the new one finds its name taken.
        replaced = ResourceOptions.merge(mine, ResourceOptions(delete_before_replace=True))
        self.network = libvirt.Network(
            f"{name}-network",
            name=names.prefix,
            mode=_NETWORK_MODES[settings.network_mode],
            bridge=settings.network_bridge or None,
            addresses=None if settings.network_mode is NetworkMode.BRIDGE else [settings.network_cidr],
            dhcp={"enabled": False},
            dns={"enabled": False},
            autostart=True,
            opts=replaced,
        )
        self.pool = libvirt.Pool(
            f"{name}-pool",
            name=names.prefix,
            type="dir",
            path=names.pool(settings.pool_path),
            opts=ResourceOptions.merge(
                replaced,
                # What the file system says of itself changes with every file in it.
                ResourceOptions(ignore_changes=["allocation", "available", "capacity"]),
            ),
        )
        self.image = libvirt.Volume(
            f"{name}-image",
            name=names.of(image_volume),
            pool=self.pool.name,
            source=image,
            format="qcow2",
            # The image of the first `up` stays: a newer one never replaces a machine by itself.
            opts=ResourceOptions.merge(replaced, ResourceOptions(ignore_changes=["source"])),
        )
        self.register_outputs({"domain_type": self.domain_type})
