"""What the guest image is made of, and where the image made from it lies.

Knows packages, files, units and sizes, and that Kafka lies in it already. Refuses to know how any of it is brought together.
The recipe's fingerprint covers everything that decides the result, so an image is found again by it.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from archives import archive as kafka_archive
from computer import places

RELEASE = "bookworm"

PACKAGES = (
    "ca-certificates",
    "cloud-init",
    "dbus",
    "e2fsprogs",
    "iproute2",
    "iputils-ping",
    "linux-image-amd64",  # the cloud kernel has no IDE driver, so it would never see the cloud-init disk
    "openjdk-17-jre-headless",
    "openssh-server",
    "procps",
    "python3",
    "sudo",
    "systemd-resolved",
    "systemd-sysv",
    "util-linux",
    "xfsprogs",
    "zstd",
)

# What no virtual machine without a screen uses: half the size of the image, and hardware nobody looks for.
LEFT_OUT = (
    "/usr/share/man/*/*",
    "/usr/share/locale/*/*",
    "/lib/modules/*/kernel/sound/*",
    "/lib/modules/*/kernel/drivers/gpu/*",
    "/lib/modules/*/kernel/drivers/infiniband/*",
    "/lib/modules/*/kernel/drivers/media/*",
    "/lib/modules/*/kernel/drivers/net/wireless/*",
    "/lib/modules/*/kernel/drivers/staging/*",
    "/lib/modules/*/kernel/net/bluetooth/*",
    "/lib/modules/*/kernel/net/mac80211/*",
    "/lib/modules/*/kernel/net/wireless/*",
    # Without its search for a cloud, cloud-init is simply on; its documents always come from a NoCloud disk.
    "/usr/lib/cloud-init/ds-identify",
    # Run before anything else at every boot, for kinds of disk that are not here.
    "/lib/systemd/system-generators/systemd-cryptsetup-generator",
    "/lib/systemd/system-generators/systemd-gpt-auto-generator",
    "/lib/systemd/system-generators/systemd-hibernate-resume-generator",
    "/lib/systemd/system-generators/systemd-integritysetup-generator",
    "/lib/systemd/system-generators/systemd-veritysetup-generator",
)

ENABLED = ("systemd-networkd.service",)

MASKED = (
    # Work that starts by itself, at a time of its own choosing, beside a cluster that is being measured.
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    # Stages that do nothing here: see cloud.cfg.d/90-image.cfg.
    "cloud-init.service",
    "cloud-config.service",
    "cloud-final.service",
    "cloud-init-hotplugd.socket",
    # Part of every boot, and slow on an emulated machine, for what no broker asks for.
    "proc-sys-fs-binfmt_misc.automount",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-binfmt.service",
    "systemd-pstore.service",
)

DISK_BYTES = 2 << 30

# Where the disk keeps the Kafka archive that `auto` means, and where it lies unpacked: a machine made from it needs no
# upload. The root file system has neither, as it is the ground of machines that somebody else made.
ARCHIVES = "/var/cache/kafka-cluster"
UNPACKED = "/usr/local"
# In an unpacked archive, the SHA-512 of what it was unpacked from: as the stage that unpacks it on a machine leaves it.
MARK = ".archive-sha512"

_ROOM = Path(__file__).resolve().parent
OVERLAY = _ROOM / "overlay"
_DECIDES = ("recipe.py", "build.py", "disk.py")


@dataclass(frozen=True, slots=True)
class Image:
    """A built image: one folder that appears whole or not at all."""

    folder: Path

    @property
    def disk(self) -> Path:
        """The bootable disk of a virtual machine."""
        return self.folder / "guest.qcow2"

    @property
    def rootfs(self) -> Path:
        """The same root file system as a tar archive."""
        return self.folder / "rootfs.tar"

    def is_built(self) -> bool:
        return self.folder.is_dir()

    def manifest(self) -> "Manifest":
        return manifest_beside(self.disk)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a built image says about itself, in `manifest.json` beside its disk."""

    java: str
    packages: tuple[str, ...]
    sha256: str
    kafka: str = ""
    """The SHA-512 of the archive that it carries, if any"""

    def to_json(self) -> str:
        fields = {"java": self.java, "packages": self.packages, "sha256": self.sha256, "kafka": self.kafka}
        return json.dumps(fields, indent=2) + "\n"


def fingerprint() -> str:
    """The recipe as sixteen hexadecimal digits."""
    digest = hashlib.sha256()
    files = [_ROOM / name for name in _DECIDES] + sorted(path for path in OVERLAY.rglob("*") if path.is_file())
    for path in files:
        executable = bool(path.stat().st_mode & 0o100)
        digest.update(f"{path.relative_to(_ROOM)} {executable} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    if kafka := archive():
        digest.update(kafka.sha512.encode())
    return digest.hexdigest()[:16]


def archive() -> kafka_archive.Archive | None:
    """The Kafka archive that an image built now carries; None where the cache has none."""
    return kafka_archive.cached()


def images() -> Path:
    """The folder of all built images."""
    return places.cache() / "images"


def image() -> Image:
    """The image of this checkout's recipe, built or not."""
    return Image(images() / fingerprint())


def path() -> Path:
    """The disk that `image: auto` means in this checkout, built or not."""
    return image().disk


def manifest_beside(disk: Path) -> Manifest:
    """The manifest of an image of ours; FileNotFoundError for any other image."""
    fields = json.loads((disk.parent / "manifest.json").read_text())
    return Manifest(fields["java"], tuple(fields["packages"]), fields["sha256"], fields.get("kafka", ""))
