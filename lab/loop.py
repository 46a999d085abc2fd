"""A sparse file as a block device.

Knows losetup. Refuses to remember devices: the file says which device is its own.
"""

from pathlib import Path

from computer.commands import output


def _losetup(*arguments: str) -> list[str]:
    return output(["losetup", *arguments]).split()


def attached(file: Path) -> list[str]:
    """The loop devices that carry `file`."""
    if not file.exists():
        return []
    return _losetup("--noheadings", "--output", "NAME", "--associated", str(file))


def attach(file: Path, size_mb: int) -> str:
    """The device of `file`, which is made (sparse) when there is none."""
    if not file.exists():
        with file.open("xb") as new:
            new.truncate(size_mb * 1024 * 1024)
    return (attached(file) or _losetup("--find", "--show", str(file)))[0]


def detach(file: Path) -> None:
    for device in attached(file):
        _losetup("--detach", device)
