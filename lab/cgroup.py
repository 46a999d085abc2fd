"""A control group of the lab's own: everything in it can be counted and killed as one.

Knows the cgroup file systems of this computer (version 2, alone or beside version 1). Refuses to know what
runs in a group. Its name says whose it is: its processes are ours by construction, and no pid is remembered.
"""

from dataclasses import dataclass
from pathlib import Path

from computer.waiting import wait_for

SECONDS_TO_DIE = 120.0


class NoControlGroups(Exception):
    """This computer has no cgroup version 2 hierarchy mounted."""


def mounted(mounts: str, kind: str, option: str = "") -> Path | None:
    """Where the first file system of this kind (with this option) is, by the text of /proc/self/mounts."""
    for line in mounts.splitlines():
        _, place, found, options = line.split()[:4]
        if found == kind and (not option or option in options.split(",")):
            return Path(place)
    return None


def _mounts() -> str:
    return Path("/proc/self/mounts").read_text()


def hierarchy() -> Path:
    """Where cgroup version 2 is mounted."""
    found = mounted(_mounts(), "cgroup2")
    if found is None:
        raise NoControlGroups(
            "no cgroup2 file system is mounted, which holds the machines; mount it, for example:\n"
            "  mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified"
        )
    return found


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """The group `path` (relative to any hierarchy's mount)."""

    path: str

    @property
    def folder(self) -> Path:
        return hierarchy() / self.path

    def _memory_folder(self) -> Path | None:
        mount = mounted(_mounts(), "cgroup", "memory")
        return mount / self.path if mount else None

    def create(self, memory_mb: int | None = None) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if memory_mb is not None:
            self._limit_memory(memory_mb * 1024 * 1024)

    def _limit_memory(self, size: int) -> None:
        version_1 = self._memory_folder()
        if version_1:
            version_1.mkdir(parents=True, exist_ok=True)
            (version_1 / "memory.limit_in_bytes").write_text(str(size))
            return
        for above in reversed([p for p in self.folder.parents if p.is_relative_to(hierarchy())]):
            (above / "cgroup.subtree_control").write_text("+memory")
        (self.folder / "memory.max").write_text(str(size))

    def folders_to_join(self) -> list[Path]:
        """The folders (one per hierarchy) into whose cgroup.procs a process writes itself."""
        memory = self._memory_folder()
        return [self.folder] + ([memory] if memory and memory.is_dir() else [])

    def alive(self) -> bool:
        """Whether any process lives in the group or below it."""
        return self._event("populated")

    def _event(self, name: str) -> bool:
        try:
            lines = (self.folder / "cgroup.events").read_text().splitlines()
        except FileNotFoundError:
            return False
        return f"{name} 1" in lines

    def kill(self) -> None:
        """End every process of the group at once, frozen ones too, and see it empty."""
        if not self.alive():
            return
        (self.folder / "cgroup.kill").write_text("1")
        wait_for(f"{self.path}: empty", lambda: not self.alive(), SECONDS_TO_DIE, self._who)

    def _who(self) -> str:
        pids = [p for procs in self.folder.rglob("cgroup.procs") for p in procs.read_text().split()]
        return f"Still alive: pids {' '.join(pids)}"

    def remove(self) -> None:
        """Kill what is in the group, then take the group and all below it away."""
        self.kill()
        memory = self._memory_folder()
        for folder in [self.folder] + ([memory] if memory else []):
            _remove_tree(folder)


def _remove_tree(folder: Path) -> None:
    if not folder.is_dir():
        return
    for child in [c for c in folder.iterdir() if c.is_dir()]:
        _remove_tree(child)
    folder.rmdir()
