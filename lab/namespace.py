"""A place on this computer with a network of its own and libvirt's directories of its own.

Knows network namespaces, bind mounts and who lives in them. Refuses to know what runs inside.
Nothing inside can be reached from outside, and what two of them and the computer itself keep under the same
paths is three different things. A process belongs to a namespace when the kernel says so, not when a file says so.
"""

import os
import re
import shlex
import shutil
import signal
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from computer import places
from computer.commands import CommandFailed, output
from computer.waiting import WaitedTooLong, wait_for

NAMES = re.compile(r"[a-z0-9][a-z0-9-]{0,19}")
SOCKETS = Path("/run/kafka-lab")
KEPT = ("/etc/libvirt", "/var/lib/libvirt", "/var/log/libvirt")
SECONDS_TO_END = 15.0


@dataclass(frozen=True, slots=True)
class Namespace:
    name: str

    def __post_init__(self) -> None:
        if not NAMES.fullmatch(self.name):
            raise CommandFailed(
                f"lab name {self.name!r}: expected at most 20 small letters, digits and dashes, as in 'dev'"
            )

    @property
    def netns(self) -> str:
        return f"kafka-lab-{self.name}"

    @property
    def kept(self) -> Path:
        """What outlives a reboot: definitions, disks, logs."""
        return places.labs() / self.name / "libvirt"

    @property
    def volatile(self) -> Path:
        """Sockets and run-time state, at a path short enough for a socket."""
        return SOCKETS / self.name

    @property
    def mounts(self) -> dict[Path, Path]:
        """What is seen inside under libvirt's paths, and where it lies outside."""
        kept = {inside: self.kept / inside.parts[-2] for inside in map(Path, KEPT)}
        # What libvirt found out about qemu holds for every lab, and takes seconds to find out.
        return {Path("/run/libvirt"): self.volatile, Path("/var/cache/libvirt"): places.cache() / "libvirt", **kept}

    def outside(self, inside: Path) -> Path:
        """Where a path that is meant inside lies for the computer itself."""
        for mounted, source in self.mounts.items():
            if inside.is_relative_to(mounted):
                return source / inside.relative_to(mounted)
        return inside

    def exists(self) -> bool:
        """Whether the network namespace stands; a file that a reboot or a killed run left is none."""
        try:
            return self._handle.stat().st_dev == Path("/proc/self/ns/net").stat().st_dev
        except FileNotFoundError:
            return False

    @property
    def _handle(self) -> Path:
        return Path("/run/netns", self.netns)

    def is_ours(self) -> bool:
        """Whether what runs inside keeps its things where this process would look for them."""
        return self._kept_by_them.is_symlink() and self._kept_by_them.readlink() == self.kept

    @property
    def _kept_by_them(self) -> Path:
        return self.volatile / "kept"

    def create(self) -> None:
        """Makes whatever of it does not stand yet. State of processes that are gone is cleared."""
        if self.processes() and not self.is_ours():
            raise CommandFailed(
                f"lab {self.name} is up and keeps its data in {self._kept_by_them.resolve()}, not in {self.kept}:"
                " set KAFKA_CLUSTER_HOME as it was then, or another KAFKA_CLUSTER_LAB"
            )
        for inside, source in self.mounts.items():
            inside.mkdir(parents=True, exist_ok=True)
            source.mkdir(parents=True, exist_ok=True)
        if not self.exists():
            self._handle.unlink(missing_ok=True)
            output(["ip", "netns", "add", self.netns])
        output(["ip", "-n", self.netns, "link", "set", "lo", "up"])
        if not self.processes():
            _empty(self.volatile)
            self._kept_by_them.symlink_to(self.kept)

    def inside(self, command: Sequence[str | Path]) -> list[str]:
        """The command that runs `command` inside, as the same process.

        `ip netns exec` gives each a mount namespace of its own, so these mounts are seen nowhere else and
        end with their last process.
        """
        binds = [f"mount --bind {shlex.quote(str(source))} {inside}" for inside, source in self.mounts.items()]
        script = " && ".join([*binds, 'exec "$@"'])
        words = [str(word) for word in command]
        return ["ip", "netns", "exec", self.netns, "sh", "-c", script, "inside", *words]

    def processes(self, programs: Collection[str] = ()) -> list[int]:
        """The processes inside, or those of them that run one of the programs."""
        if not self.exists():
            return []
        inode = self._handle.stat().st_ino
        everything = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
        inside = [pid for pid in everything if _net_inode(pid) == inode]
        return [pid for pid in inside if not programs or _program(pid) in programs]

    def end(self, programs: Collection[str]) -> None:
        """Ends the processes inside that run one of the programs: asks first, kills after a while."""
        for number in signal.SIGTERM, signal.SIGKILL:
            _signal(self.processes(programs), number)
            if self._ended(programs):
                return
        raise CommandFailed(f"processes {self.processes(programs)} in {self.netns} don't end, not even killed")

    def _ended(self, programs: Collection[str]) -> bool:
        try:
            wait_for(f"the programs of {self.name} to end", lambda: not self.processes(programs), SECONDS_TO_END)
        except WaitedTooLong:
            return False
        return True

    def remove(self, *, delete: bool) -> None:
        """Takes the namespace away, and with `delete` also what it kept."""
        if self.exists():
            output(["ip", "netns", "delete", self.netns])
        self._handle.unlink(missing_ok=True)
        _remove_tree(self.volatile)
        if delete:
            _remove_tree(self.kept)


def _net_inode(pid: int) -> int | None:
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None


def _program(pid: int) -> str:
    try:
        return Path(os.readlink(f"/proc/{pid}/exe")).name.removesuffix(" (deleted)")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _signal(pids: Collection[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _remove_tree(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    if folder.parent.is_dir() and not any(folder.parent.iterdir()):
        folder.parent.rmdir()
