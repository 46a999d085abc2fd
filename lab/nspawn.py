"""One test machine: a real Debian with systemd and sshd, in a container that boots in about a second.

Knows systemd-nspawn: its folder, root, disk, control group and network port. Refuses to know its neighbours,
ssh, or what it is used for. All it starts or mounts hangs on the machine's folder and control group, so that
a later process can end it.
"""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from computer.commands import output
from lab import loop
from lab.cgroup import ControlGroup
from lab.nspawn_root import Identity, Planted, data_device_link, plant, planted

KEEPER = Path(__file__).with_name("nspawn-keeper.sh")
CONSOLE_LINES = 15

# Joins the control groups before the namespace hides their hierarchies and before `start` returns,
# then leaves the machine's keeper behind.
ENTER = """\
for folder in $JOIN; do echo 0 > "$folder/cgroup.procs"; done
exec setsid --fork ip netns exec "$NETNS" /bin/sh "$KEEPER" "$@"
"""


class MachineError(Exception):
    """A machine isn't as it was asked to be."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a machine stands: on this computer and in its network."""

    group: str
    netns: str
    bridge: str
    folder: Path
    shared_root: Path


@dataclass(frozen=True, slots=True)
class Shape:
    """What a machine is like, apart from its name and address."""

    memory_mb: int | None = None
    data_disk_mb: int | None = 2048
    environment: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine `name`, the `number`th of its lab."""

    place: Place
    shape: Shape
    number: int
    name: str
    address: str

    @property
    def group(self) -> ControlGroup:
        return ControlGroup(f"{self.place.group}/{self.name}")

    @property
    def console(self) -> Path:
        return self.place.folder / "console.log"

    @property
    def disk(self) -> Path:
        return self.place.folder / "data.img"

    @property
    def port(self) -> str:
        """The host's end of the machine's cable; systemd-nspawn derives it from the short name below."""
        return f"vb-{self._short_name}"

    @property
    def _short_name(self) -> str:
        return f"m{self.number}"

    @property
    def machine_id(self) -> str:
        return (self.place.folder / "machine-id").read_text().strip()

    @property
    def host_key_public(self) -> str:
        kind, key = (self.place.folder / "host_key.pub").read_text().split()[:2]
        return f"{kind} {key}"

    def running(self) -> bool:
        return self.group.alive()

    def make(self, prefix: int, gateway: str, authorized_key: str, neighbours: list[tuple[str, str]]) -> None:
        """Everything the machine is made of, on disk; its data disk and host key outlive this root."""
        folder = self.place.folder
        folder.mkdir(parents=True, exist_ok=True)
        self._forget_root()
        for part in ("upper", "work", "root"):
            (folder / part).mkdir()
            (folder / part).chmod(0o755)
        if not (folder / "host_key").exists():
            new_key(folder / "host_key", self.name)
        (folder / "machine-id").write_text(f"{uuid.uuid4().hex}\n")
        identity = Identity(
            name=self.name,
            address=self.address,
            prefix=prefix,
            gateway=gateway,
            machine_id=self.machine_id,
            host_key=(folder / "host_key").read_text(),
            host_key_public=(folder / "host_key.pub").read_text(),
            authorized_key=authorized_key,
            neighbours=neighbours,
            environment=self.shape.environment,
        )
        self._plant(planted(identity, self.place.shared_root))

    def _plant(self, files: Iterator[Planted] | list[Planted]) -> None:
        plant(files, self.place.folder / "upper", self.place.shared_root)

    def start(self) -> None:
        """Boot; returns as soon as it is under way."""
        if self.running():
            raise MachineError(f"machine {self.name} is running already (control group {self.group.path})")
        self.group.create(self.shape.memory_mb)
        bound = []
        if self.shape.data_disk_mb is not None:
            device = loop.attach(self.disk, self.shape.data_disk_mb)
            self._plant([data_device_link(device)])
            bound = [f"--bind={device}"]
        self._launch(bound)

    def _launch(self, bound: list[str]) -> None:
        command = ["/bin/sh", "-euc", ENTER, "enter", *self._options(), *bound]
        environment = {"PATH": os.environ.get("PATH", os.defpath), **self._keeper_settings()}
        with self.console.open("ab") as console:
            subprocess.run(
                command,
                env=environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                check=True,
            )

    def _keeper_settings(self) -> dict[str, str]:
        folder = self.place.folder
        return {
            "JOIN": " ".join(map(str, self.group.folders_to_join())),
            "NETNS": self.place.netns,
            "KEEPER": str(KEEPER),
            "GROUP": self.group.path,
            "WIRE": f"vb-{self._short_name}",
            "LOWER": str(self.place.shared_root),
            "UPPER": str(folder / "upper"),
            "WORK": str(folder / "work"),
            "ROOT": str(folder / "root"),
        }

    def _options(self) -> list[str]:
        return [
            "--boot",
            "--quiet",
            f"--machine={self._short_name}",
            f"--hostname={self.name}",
            f"--network-bridge={self.place.bridge}",
            "--register=no",
            "--keep-unit",
            "--link-journal=no",
            "--resolv-conf=off",
            "--timezone=off",
            "--console=read-only",
        ]

    def kill(self) -> None:
        """The hard end: every process at once, nothing told."""
        self.group.kill()

    def last_words(self) -> str:
        """The end of the console, for messages."""
        if not self.console.exists():
            return "Its console is empty: it was never started."
        lines = [line for line in self.console.read_text(errors="replace").splitlines() if line.strip()]
        return f"The end of {self.console}:\n" + "\n".join(f"  {line}" for line in lines[-CONSOLE_LINES:])

    def remove(self) -> None:
        """End the machine and take away everything of it, its data too."""
        self.group.remove()
        loop.detach(self.disk)
        if self.place.folder.exists():
            shutil.rmtree(self.place.folder)

    def _forget_root(self) -> None:
        for part in ("upper", "work", "root"):
            if (self.place.folder / part).exists():
                shutil.rmtree(self.place.folder / part)


def new_key(file: Path, comment: str) -> None:
    """An ed25519 key pair `file` and `file`.pub."""
    output(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file])
