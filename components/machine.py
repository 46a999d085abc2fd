"""A virtual machine: its disks, its first boot and the domain.

One of the two modules that know pulumi_libvirt.
"""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_libvirt as libvirt
from pulumi import Output, ResourceOptions

from components.hand import Hand, operate
from components.keys import KeyPair, key_pair
from components.place import Place
from components.site import Site
from model import pending_replacement
from model.cloud_init import LOGIN, FirstBoot, meta_data, network_config, user_data
from model.handover import Access
from model.machine_names import MachineNames, domain_xslt
from model.paths import Paths
from model.settings import NetworkMode, NodeSettings, Settings
from model.times import cpu_mode, patience

_GIB = 1024**3
_CONSOLE_BYTES = 1024**2


class Machine(pulumi.ComponentResource):
    """One machine with a fixed address. `place` is where its node goes. `kind` is libvirt's type of one that stays as it is;
    another one is as the site says."""

    place: Place

    def __init__(
        self,
        name: str,
        settings: Settings,
        node: NodeSettings,
        names: MachineNames,
        site: Site,
        operator: KeyPair,
        *,
        kind: str = "",
        replaceable: bool,
        with_data: bool = True,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("kafka-cluster:index:Machine", name, {"address": node.address}, opts)
        self._kind, self._replaceable = kind, replaceable
        self._settings, self._node, self._names, self._site = settings, node, names, site
        host_key = key_pair(f"{name}-host-key", self)
        root, console = self._volumes(name)
        data = self._data_volume(name) if with_data else None
        # The provider writes what a machine is told for its first boot to its debug log: a key that stays has no
        # place in it.
        first_key = key_pair(f"{name}-first-key", self)
        first_boot = self._first_boot(name, first_key, operator)
        free = operate(
            f"{name}-address", f"free-address {node.address}", parent=self, depends_on=[site.network], once=True
        ).stdout
        domain = self._domain(name, root, data, console, first_boot, free)
        known = Output.all(private_key=operator.private, host_key=host_key.public, machine=domain.id)
        access = known.apply(lambda known: _access(node, known["private_key"], known["host_key"]))
        self.place = Place(
            hand=Hand(access, deleted_with=domain),
            machine=domain.id,
            device=names.data_device(node.id) if with_data else "",
            ready=self._ready(name, access, domain, console, first_key, host_key),
        )
        self.register_outputs({"address": node.address})

    def _mine(self, **more: Any) -> ResourceOptions:
        return ResourceOptions(parent=self, provider=self._site.provider, delete_before_replace=True, **more)

    def _kept(self, *inputs: str) -> list[str]:
        """Inputs whose change waits until this machine is the one to be replaced."""
        return [] if self._replaceable else list(inputs)

    def _volumes(self, name: str) -> tuple[libvirt.Volume, libvirt.Volume]:
        root = libvirt.Volume(
            f"{name}-root",
            name=self._names.root_volume(name),
            pool=self._site.pool.name,
            base_volume_id=self._site.image.id,
            size=self._settings.root_disk * _GIB,
            opts=self._mine(ignore_changes=self._kept(*pending_replacement.ROOT)),
        )
        console = libvirt.Volume(
            f"{name}-console",
            name=self._names.console_volume(name),
            pool=self._site.pool.name,
            size=_CONSOLE_BYTES,
            format="raw",
            opts=self._mine(ignore_changes=["size", "format"]),
        )
        return root, console

    def _data_volume(self, name: str) -> libvirt.Volume:
        return libvirt.Volume(
            f"{name}-data",
            name=self._names.data_volume(self._node.id),
            pool=self._site.pool.name,
            size=self._settings.data_disk * _GIB,
            format="qcow2",
            # Every field of a volume replaces it, and a replaced data volume is an empty one.
            opts=self._mine(ignore_changes=["size", "format", "pool", "name"], protect=self._settings.protect_data),
        )

    def _first_boot(self, name: str, host_key: KeyPair, operator: KeyPair) -> libvirt.CloudInitDisk:
        settings, node = self._settings, self._node
        isolated = settings.network_mode is NetworkMode.ISOLATED

        def boot(keys: Mapping[str, str]) -> FirstBoot:
            return FirstBoot(
                name=node.name,
                address=node.address,
                mac=self._names.mac(node.id),
                cidr=settings.network_cidr,
                gateway=None if isolated else settings.gateway,
                dns=settings.network_dns,
                **keys,
            )

        documents = Output.all(
            authorized_key=operator.public, host_private_key=host_key.private, host_public_key=host_key.public
        ).apply(boot)
        return libvirt.CloudInitDisk(
            f"{name}-first-boot",
            name=self._names.first_boot_volume(name),
            pool=self._site.pool.name,
            user_data=documents.apply(user_data),
            network_config=Output.unsecret(documents.apply(network_config)),
            meta_data=Output.unsecret(documents.apply(meta_data)),
            # It is read at the first boot only, so a change of it must not replace a machine.
            opts=self._mine(ignore_changes=["userData", "networkConfig", "metaData"]),
        )

    def _domain(
        self,
        name: str,
        root: libvirt.Volume,
        data: libvirt.Volume | None,
        console: libvirt.Volume,
        first_boot: libvirt.CloudInitDisk,
        free: Output[str],
    ) -> libvirt.Domain:
        settings, site = self._settings, self._site
        disks = [libvirt.DomainDiskArgs(volume_id=root.id)]
        if data:
            disks.append(libvirt.DomainDiskArgs(volume_id=data.id, scsi=True, wwn=self._names.wwn(self._node.id)))
        return libvirt.Domain(
            f"{name}-domain",
            name=free.apply(lambda _: self._names.of(name)),
            type=site.domain_type,
            # The provider puts the first-boot disk on IDE, which only this machine type has.
            machine="pc",
            cpu={"mode": site.domain_type.apply(cpu_mode)},
            vcpu=settings.vcpu,
            memory=settings.memory,
            disks=disks,
            cloudinit=first_boot.id,
            network_interfaces=[{"network_id": site.network.id, "mac": self._names.mac(self._node.id).upper()}],
            consoles=[{"type": "pty", "target_port": "0", "target_type": "serial"}],
            xml={"xslt": console.id.apply(domain_xslt)},
            autostart=True,
            running=True,
            opts=self._mine(ignore_changes=self._kept(*pending_replacement.DOMAIN)),
        )

    def _ready(
        self,
        name: str,
        access: Output[Access],
        domain: libvirt.Domain,
        console: libvirt.Volume,
        first_key: KeyPair,
        host_key: KeyPair,
    ) -> pulumi.Resource:
        document = {
            "access": access.apply(lambda access: access.model_dump()),
            "upload_folder": Paths.upload_folder,
            "patience": self._site.domain_type.apply(lambda kind: patience((self._kind or kind) == "qemu")),
            "machine": domain.id,
            "console": {"uri": self._site.uri, "volume": console.name, "pool": self._site.pool.name},
            "first_key": {"public": first_key.public, "lasting_private": host_key.private},
        }
        return operate(
            f"{name}-ready",
            "ready",
            stdin=Output.secret(Output.json_dumps(document)),
            parent=self,
            deleted_with=domain,
        )


def _access(node: NodeSettings, private_key: str, host_key: str) -> Access:
    return Access(name=node.name, address=node.address, user=LOGIN, private_key=private_key, host_key=host_key)
