"""What a stack's things are called on a hypervisor, so that two stacks can live on one and never adopt
each other's volumes."""

import hashlib
import re
from dataclasses import dataclass

# No project, stack or host name can hold it, so no two stacks ever share a name.
_BETWEEN = "+"
# What a node or the monitor may be called, and with it a domain. It holds no dot, and a snapshot's or a copy's name does.
HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# What virt-clone and virt-manager call the copy of a machine, which is somebody's own.
_CLONE = re.compile(r".*-clone(-?[0-9]+)?")
# The guest image as it is, and by the other name where its upload failed.
IMAGE_VOLUMES = ("image.qcow2", "image-again.qcow2")
_ROOT, _CONSOLE, _FIRST_BOOT = "-root.qcow2", "-console.log", "-first-boot.iso"
_OF_MACHINE = re.compile(f"{HOST_NAME.pattern}({'|'.join(map(re.escape, (_ROOT, _CONSOLE, _FIRST_BOOT)))})")
# The same of every stack: a pool with its folder, and what a machine is made anew with.
_POOL = re.compile(r"[^+]+\+[^+]+")
_WITHOUT_RECORDS = re.compile(rf"{_POOL.pattern}\+({'|'.join(map(re.escape, IMAGE_VOLUMES))}|{_OF_MACHINE.pattern})")


@dataclass(frozen=True, slots=True)
class MachineNames:
    """Names below one project and stack."""

    project: str
    stack: str

    @property
    def prefix(self) -> str:
        """What every name starts with; also the pool's and the network's name."""
        return f"{self.project}{_BETWEEN}{self.stack}"

    @property
    def pool_path(self) -> str:
        """Where the pool lies on the hypervisor unless the configuration says otherwise."""
        return f"/var/lib/libvirt/{self.prefix}"

    def pool(self, configured: str) -> str:
        """Where the pool lies, given what the configuration says."""
        return self.pool_path if configured == "auto" else configured

    def of(self, thing: str) -> str:
        """The name of a domain or a volume."""
        return f"{self.prefix}{_BETWEEN}{thing}"

    def root_volume(self, machine: str) -> str:
        return self.of(f"{machine}{_ROOT}")

    def console_volume(self, machine: str) -> str:
        return self.of(f"{machine}{_CONSOLE}")

    def first_boot_volume(self, machine: str) -> str:
        return self.of(f"{machine}{_FIRST_BOOT}")

    def data_volume(self, node_id: int) -> str:
        """A data volume is called by the node's id: it belongs to the node, whatever its machine is called."""
        return self.of(f"node{node_id}-data.qcow2")

    def is_data_volume(self, name: str) -> bool:
        """Whether a volume of that name holds a node's data."""
        return re.fullmatch(re.escape(self.of("node")) + r"[0-9]+-data\.qcow2", name) is not None

    def is_machine(self, name: str) -> bool:
        """Whether a domain of that name is called as a machine of this stack, and not as somebody's copy of one."""
        machine = self._thing(name)
        return HOST_NAME.fullmatch(machine) is not None and _CLONE.fullmatch(machine) is None

    def is_volume(self, name: str) -> bool:
        """Whether this package gives a volume that name. A snapshot of one is called by another, and so is a copy."""
        thing = self._thing(name)
        return thing in IMAGE_VOLUMES or _OF_MACHINE.fullmatch(thing) is not None or self.is_data_volume(name)

    def _thing(self, name: str) -> str:
        """What the name of a domain or a volume says behind the prefix; nothing where it has another one."""
        return name.removeprefix(self.of("")) if name.startswith(self.of("")) else ""

    def carries(self, name: str) -> bool:
        """Whether a name begins as this stack's do. Somebody else's may: a snapshot of a disk does."""
        return name == self.prefix or name.startswith(self.of(""))

    def mac(self, node_id: int) -> str:
        """A hardware address in the range of QEMU, the same for as long as the stack and the id are."""
        digest = hashlib.sha256(self.prefix.encode()).digest()
        return f"52:54:00:{digest[0]:02x}:{digest[1]:02x}:{node_id:02x}"

    def wwn(self, node_id: int) -> str:
        """The data disk's world-wide name: virtio disks get no serial here, SCSI ones with this do."""
        digest = hashlib.sha256(self.prefix.encode()).hexdigest()
        return f"05abcd{digest[:8]}{node_id:02x}"

    def data_device(self, node_id: int) -> str:
        """Where the guest finds its data disk."""
        return f"/dev/disk/by-id/wwn-0x{self.wwn(node_id)}"


def may_hold_records(folder: str, name: str) -> bool:
    """Whether any stack's records may be in a file, by the names of its folder and its own: it is a data volume, or is
    called as a snapshot or a copy of one. So may whatever else lies in a pool's folder and is none of the volumes that
    this package gives a machine."""
    return "-data." in name or bool(_POOL.fullmatch(folder) and not _WITHOUT_RECORDS.fullmatch(name))


def domain_xslt(console: str) -> str:
    """A transformation of the domain's XML for what the provider itself has no word for; `console` is the path of a file in
    the pool.

    - The console's output is kept in that file.
    - Disks are named by their paths. virt-aa-helper, which makes the AppArmor profile of a machine, can't look into a pool,
      and one whose disks are missing there does not start (Launchpad bug 1677398).
    - There is no screen: nobody could log in there, and not every QEMU has the provider's default, SPICE.
    """
    pool = console.rpartition("/")[0]
    return f"""\
<?xml version="1.0"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:output omit-xml-declaration="yes" indent="yes"/>
  <xsl:template match="node()|@*">
    <xsl:copy><xsl:apply-templates select="node()|@*"/></xsl:copy>
  </xsl:template>
  <xsl:template match="/domain/devices/console">
    <serial type="file"><source path="{console}" append="on"/><target port="0"/></serial>
  </xsl:template>
  <xsl:template match="/domain/devices/disk/@type[. = 'volume']">
    <xsl:attribute name="type">file</xsl:attribute>
  </xsl:template>
  <xsl:template match="/domain/devices/disk/source[@volume]">
    <source file="{pool}/{{@volume}}"/>
  </xsl:template>
  <xsl:template match="/domain/devices/graphics"/>
</xsl:stylesheet>
"""
