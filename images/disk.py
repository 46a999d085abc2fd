"""Makes a bootable disk from a directory: GPT, GRUB for a BIOS, one ext4 root file system.

Knows the layout of the disk. Nothing is mounted and no loop device is used, so nothing can be left behind.
Refuses to know what the directory holds, except that /boot/grub/grub.cfg is in it.
"""

import os
import struct
from pathlib import Path

from computer.commands import logged

SECTOR = 512
# On whole mebibytes: systemd-repart takes what lies off its grain for free space, and discards it.
CORE_START = 2048
ROOT_START = 4096
BACKUP_TABLE = 2048

BIOS_BOOT = "21686148-6449-6E6F-744E-656564454649"
ROOT_X86_64 = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"

GRUB = Path("/usr/lib/grub/i386-pc")
GRUB_MODULES = ("biosdisk", "part_gpt", "ext2", "normal", "linux16")
# What a GRUB of this release reads and what makes no difference to anything else.
EXT4_FEATURES = "^metadata_csum_seed,^orphan_file"

# Where GRUB's first two sectors keep the address of what they load next.
BOOT_KERNEL_SECTOR = 0x5C
CORE_BLOCK_LIST = 0x1F4
BOOT_CODE = 440


def make(root: Path, disk: Path, size: int, work: Path, log: Path) -> None:
    """Writes the qcow2 disk of `size` bytes that boots from the directory `root`."""
    raw = work / "disk.raw"
    with raw.open("wb") as file:
        file.truncate(size)
    logged(["sfdisk", "--quiet", raw], log, stdin=partition_table(size))
    _make_file_system(root, raw, size, log)
    _install_grub(raw, work, log)
    logged(["qemu-img", "convert", "-O", "qcow2", raw, disk], log)
    raw.unlink()


def root_sectors(size: int) -> int:
    """All of the disk but the room for the two partition tables."""
    return size // SECTOR - ROOT_START - BACKUP_TABLE


def partition_table(size: int) -> str:
    """The layout in sfdisk's words."""
    return (
        "label: gpt\n"
        f"start={CORE_START}, size={ROOT_START - CORE_START}, type={BIOS_BOOT}\n"
        f"start={ROOT_START}, size={root_sectors(size)}, type={ROOT_X86_64}, name=root\n"
    )


def boot_code(boot: bytes) -> bytes:
    """GRUB's boot sector, told where its core lies."""
    patched = bytearray(boot)
    struct.pack_into("<Q", patched, BOOT_KERNEL_SECTOR, CORE_START)
    return bytes(patched[:BOOT_CODE])


def core_image(core: bytes) -> bytes:
    """GRUB's core, whose first sector is told where the others lie."""
    patched = bytearray(core)
    struct.pack_into("<Q", patched, CORE_BLOCK_LIST, CORE_START + 1)
    if len(patched) > (ROOT_START - CORE_START) * SECTOR:
        raise ValueError(f"GRUB's core of {len(patched)} bytes does not fit before the root partition")
    return bytes(patched)


def _make_file_system(root: Path, raw: Path, size: int, log: Path) -> None:
    offset = f"offset={ROOT_START * SECTOR},root_owner=0:0,lazy_itable_init=1"
    kibibytes = f"{root_sectors(size) * SECTOR // 1024}k"
    options = ["-q", "-t", "ext4", "-L", "root", "-m", "1", "-O", EXT4_FEATURES, "-E", offset, "-d", str(root)]
    logged(["mke2fs", *options, raw, kibibytes], log)


def _install_grub(raw: Path, work: Path, log: Path) -> None:
    core = work / "core.img"
    prefix = ["--prefix", "(,gpt2)/boot/grub"]
    logged(["grub-mkimage", "--format", "i386-pc", *prefix, "--output", core, *GRUB_MODULES], log)
    with raw.open("r+b") as file:
        file.write(boot_code((GRUB / "boot.img").read_bytes()))
        file.seek(CORE_START * SECTOR)
        file.write(core_image(core.read_bytes()))
        os.fsync(file.fileno())
