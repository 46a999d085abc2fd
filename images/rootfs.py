"""An image's root file system as a folder beside its archive, unpacked by whoever comes first.

Knows what of the archive is left out. Refuses to know who stands on the folder: all share it, and nobody writes to it.
"""

import shutil
from pathlib import Path

from computer.commands import output
from computer.telling import hold, telling

NEEDED_BY_VIRTUAL_MACHINES_ONLY = ("boot", "dev", "usr/lib/modules")
_UNPACK_SECONDS = 600.0


def unpacked(archive: Path) -> Path:
    """The archive's contents as a folder beside it, unpacked by whoever comes first."""
    root = archive.parent / "rootfs"
    if root.is_dir():
        return root
    with (archive.parent / "rootfs.lock").open("w") as lock:
        hold(lock, "the machines' root", lock.name)
        if not root.is_dir():
            with telling(f"{archive} to be unpacked", _UNPACK_SECONDS):
                _unpack(archive, root)
    return root


def _unpack(archive: Path, root: Path) -> None:
    half = root.with_name("rootfs.part")
    if half.exists():
        shutil.rmtree(half)
    half.mkdir()
    half.chmod(0o755)
    faithful = ["--numeric-owner", "--same-owner", "--preserve-permissions", "--xattrs", "--xattrs-include=*"]
    left_out = [f"--exclude=./{tree}/*" for tree in NEEDED_BY_VIRTUAL_MACHINES_ONLY]
    output(["tar", "--directory", half, *faithful, *left_out, "--extract", "--file", archive], most=_UNPACK_SECONDS)
    half.rename(root)
