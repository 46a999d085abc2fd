"""Test machines at native speed: any number of Debians with sshd, in a network namespace, in a few seconds.

Knows a lab of machines as one: its plan on disk, its inventory, its faults. Refuses to know Kafka and Pulumi.
The plan is written before anything is made, so `down` finds what a killed `up` left behind, from any process.

    python3 -m lab.machines up --name NAME [--count 3] [--start-address 172.25.254.131] [--json FILE]
    python3 -m lab.machines status|down --name NAME
    python3 -m lab.machines kill|start|stop|reboot|cut|mend|rebuild --name NAME MACHINE
"""

import argparse
import dataclasses
import ipaddress
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from computer import apt, places, telling
from computer.commands import CommandFailed
from computer.waiting import WaitedTooLong, wait_for
from images import recipe
from images.build import build
from images.rootfs import unpacked
from lab.cgroup import ControlGroup, NoControlGroups
from lab.nspawn import Machine, MachineError, Place, Shape, new_key
from lab.nspawn_root import DATA_LINK, USER
from lab.plan import Plan, PlanError
from lab.segment import BRIDGE, Segment

PACKAGES = ("iproute2", "openssh-client", "systemd-container", "tar", "util-linux")
SECONDS_TO_BOOT = 90.0
SECONDS_TO_STOP = 180.0

# A connection lives in the lab's control group: whoever opened it may be killed, and `down` still ends it.
ENTERING = ("/bin/sh", "-euc", 'echo 0 > "$0/cgroup.procs"; exec "$@"')


class Machines:
    """A lab's machines. As a context manager: up on entry, down (and gone) on exit."""

    def __init__(
        self,
        name: str,
        addresses: Sequence[str],
        *,
        names: Sequence[str] | None = None,
        cidr: str = "172.25.254.0/24",
        data_disks: bool = True,
        data_disk_mb: int = 2048,
        memory_mb: int | None = None,
        archive: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        names = names or [f"kafka-server{number}" for number in range(1, len(addresses) + 1)]
        disk = data_disk_mb if data_disks else None
        together = tuple(zip(names, addresses, strict=True))
        found = tuple((environment or {}).items())
        self._set(Plan(name, together, cidr, disk, memory_mb, str(archive or recipe.image().rootfs), found))

    @classmethod
    def load(cls, name: str) -> Self:
        """The lab that is on disk, as an earlier process made it."""
        file = _folder(name) / "plan.json"
        if not file.exists():
            raise MachineError(f"there are no machines by the lab name {name!r} ({file} doesn't exist)")
        known = cls.__new__(cls)
        known._set(Plan.read(file))
        return known

    def _set(self, plan: Plan) -> None:
        self.plan = plan
        self.folder = _folder(plan.name)
        self.group = ControlGroup(f"kafka-cluster-machines-{plan.name}")
        self.clients = ControlGroup(f"{self.group.path}/clients")
        self.segment = Segment(f"machines-{plan.name}", plan.cidr)
        shape = Shape(plan.memory_mb, plan.data_disk_mb, plan.environment)
        shared = Path(plan.archive).parent / "rootfs"

        def place(name: str) -> Place:
            return Place(self.group.path, self.segment.netns, BRIDGE, self.folder / name, shared)

        self.machines = {
            name: Machine(place(name), shape, number, name, address)
            for number, (name, address) in enumerate(plan.machines, 1)
        }

    # The whole lab

    def __enter__(self) -> Self:
        try:
            self.up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def up(self) -> None:
        """Make what isn't made, start what isn't running, and return when all have finished booting."""
        if os.geteuid() != 0:
            raise MachineError("test machines need root: they are containers, mounts and a network namespace")
        with _only_one(self.folder):
            self._settle_plan()
            apt.ensure(PACKAGES)
            self._provide_root()
            self._make_key()
            self.segment.create()
            self.clients.create()
            self._each(self._bring_up)
            self._write_ssh_files()
            self._each(self._wait_until_booted)
            _write(self.folder / "inventory.json", json.dumps(self.inventory(), indent=2) + "\n")

    def _settle_plan(self) -> None:
        """A lab that exists keeps the image it was made from, and is never made into another one."""
        file = self.folder / "plan.json"
        if not file.exists():
            _write(file, self.plan.to_json())
            return
        known = Plan.read(file)
        if dataclasses.replace(self.plan, archive=known.archive) != known:
            raise MachineError(
                f"lab {self.plan.name!r} exists with another plan ({file}); end it first: "
                f"python3 -m lab.machines down --name {self.plan.name}"
            )
        self._set(known)

    def _provide_root(self) -> None:
        archive = Path(self.plan.archive)
        if archive == recipe.image().rootfs:
            build()
        unpacked(archive)

    def _make_key(self) -> None:
        if not self.private_key.exists():
            new_key(self.private_key, self.plan.name)

    def _bring_up(self, machine: Machine) -> None:
        if machine.running():
            return
        if not (machine.place.folder / "made").exists():
            self._make(machine)
        machine.start()

    def _make(self, machine: Machine) -> None:
        made = machine.place.folder / "made"
        made.unlink(missing_ok=True)
        authorized = self.private_key.with_suffix(".pub").read_text()
        machine.make(self.segment.network.prefixlen, self.segment.gateway, authorized, list(self.plan.machines))
        made.touch()

    def down(self) -> None:
        """End every machine and take away all that belongs to this lab, whatever state it is in."""
        if not self.folder.exists():
            return
        with _only_one(self.folder):
            self._each(Machine.remove)
            self.group.remove()
            self.segment.remove()
            shutil.rmtree(self.folder)
        _remove_if_empty(self.folder.parent)

    def _each(self, act: Callable[[Machine], None]) -> None:
        """Side by side; every machine gets its turn, then the first error is raised."""
        with ThreadPoolExecutor(len(self.machines)) as pool:
            turns = [pool.submit(act, machine) for machine in self.machines.values()]
        for turn in turns:
            turn.result()

    # What it is

    @property
    def private_key(self) -> Path:
        return self.folder / "id_ed25519"

    @property
    def ssh_config(self) -> Path:
        return self.folder / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def inventory(self) -> dict[str, Any]:
        return {
            "lab": self.plan.name,
            "netns": self.segment.netns,
            "cidr": self.plan.cidr,
            "gateway": self.segment.gateway,
            "ssh_config": str(self.ssh_config),
            "known_hosts": str(self.known_hosts),
            "machines": [self._entry(machine) for machine in self.machines.values()],
        }

    def _entry(self, machine: Machine) -> dict[str, Any]:
        return {
            "name": machine.name,
            "address": machine.address,
            "port": 22,
            "user": USER,
            "private_key_path": str(self.private_key),
            "host_key": machine.host_key_public,
            "machine_id": machine.machine_id,
            "data_device": DATA_LINK if self.plan.data_disk_mb is not None else None,
        }

    def status(self) -> dict[str, str]:
        return {name: _state(machine) for name, machine in self.machines.items()}

    # One machine

    def machine(self, name: str) -> Machine:
        if name not in self.machines:
            raise MachineError(f"no machine {name!r} in lab {self.plan.name!r}; it has {', '.join(self.machines)}")
        return self.machines[name]

    def ssh(self, name: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run `command` (a shell line) on the machine; the caller judges the exit status."""
        ssh = ["ssh", "-F", str(self.ssh_config), self.machine(name).name, *command]
        held = [*ENTERING, str(self.clients.folder), *self.segment.inside(*ssh)]
        return subprocess.run(held, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def kill(self, name: str) -> None:
        """Hard end, as if its process were killed. The computer's page cache lives on: it is no power cut."""
        self.machine(name).kill()

    def start(self, name: str) -> None:
        self.machine(name).start()
        self._wait_until_booted(self.machine(name))

    def stop(self, name: str) -> None:
        """Shut down in order."""
        machine = self.machine(name)
        self._tell_to_end(name, "poweroff")
        wait_for(f"{name}: off", lambda: not machine.running(), SECONDS_TO_STOP, machine.last_words)

    def reboot(self, name: str) -> None:
        """Reboot in order, and return when it has booted again."""
        machine = self.machine(name)
        before = self._boot_id(name)
        self._tell_to_end(name, "reboot")
        wait_for(
            f"{name}: rebooted",
            lambda: self._boot_id(name) not in ("", before),
            SECONDS_TO_STOP,
            machine.last_words,
        )
        self._wait_until_booted(machine)

    def _boot_id(self, name: str) -> str:
        """Empty while it doesn't answer."""
        return self.ssh(name, "cat /proc/sys/kernel/random/boot_id").stdout.strip()

    def _tell_to_end(self, name: str, verb: str) -> None:
        """Only the effect counts when told: the connection may end before the answer does."""
        reached = self.ssh(name, "true")
        if reached.returncode != 0:
            raise MachineError(f"machine {name} doesn't answer: {reached.stderr.strip()}")
        self.ssh(name, f"sudo systemctl {verb}")

    def cut(self, name: str) -> None:
        """Lose every frame from and to the machine, until `mend` or its next start."""
        self.segment.unplug(self.machine(name).port)

    def mend(self, name: str) -> None:
        self.segment.plug(self.machine(name).port)

    def rebuild(self, name: str) -> None:
        """A new machine in the old one's place: new root and machine-id, the same host key and data disk."""
        machine = self.machine(name)
        machine.kill()
        self._make(machine)
        self.start(name)
        _write(self.folder / "inventory.json", json.dumps(self.inventory(), indent=2) + "\n")

    def _wait_until_booted(self, machine: Machine) -> None:
        answer = ""

        def booted() -> bool:
            nonlocal answer
            if not machine.running():
                raise MachineError(f"machine {machine.name} ended while booting. {machine.last_words()}")
            done = self.ssh(machine.name, "systemctl is-system-running --wait")
            answer = done.stdout.strip() or done.stderr.strip()
            return done.stdout.strip() in ("running", "degraded")

        wait_for(f"{machine.name}: booted", booted, SECONDS_TO_BOOT, lambda: f"{answer}. {machine.last_words()}")
        if answer != "running":
            failed = self.ssh(machine.name, "systemctl --failed --plain --no-legend").stdout
            raise MachineError(f"machine {machine.name} is {answer}; failed units:\n{failed}")

    def _write_ssh_files(self) -> None:
        machines = self.machines.values()
        _write(self.known_hosts, "".join(f"{m.address} {m.host_key_public}\n" for m in machines))
        common = (
            "Host *\n"
            f"  User {USER}\n  IdentityFile {self.private_key}\n  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {self.known_hosts}\n  GlobalKnownHostsFile /dev/null\n"
            "  StrictHostKeyChecking yes\n  BatchMode yes\n"
            "  ConnectTimeout 10\n  ServerAliveInterval 5\n  LogLevel ERROR\n"
        )
        each = "".join(f"Host {m.name} {m.address}\n  HostName {m.address}\n" for m in machines)
        _write(self.ssh_config, each + common)


def take_down(lab: str) -> None:
    """End the lab by that name, whoever made it and however far; nothing to do is fine."""
    if (_folder(lab) / "plan.json").exists():
        Machines.load(lab).down()
    elif _folder(lab).exists():
        shutil.rmtree(_folder(lab))
        _remove_if_empty(_folder(lab).parent)


def _state(machine: Machine) -> str:
    return "running" if machine.running() else "off"


def _folder(lab: str) -> Path:
    return places.labs() / lab / "machines"


def _write(file: Path, text: str) -> None:
    half = file.with_name(f"{file.name}.part")
    half.write_text(text)
    half.rename(file)


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold the lab's folder alone; one that was removed meanwhile is made anew."""
    while True:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            telling.hold(held, "the machines' lab", folder)
            if folder.exists() and os.path.samestat(os.fstat(held), folder.stat()):
                yield
                return
        finally:
            os.close(held)


# The command line

VERBS_OF_ONE = ("kill", "start", "stop", "reboot", "cut", "mend", "rebuild")


def _parser() -> argparse.ArgumentParser:
    about = "Test machines at native speed."
    parser = argparse.ArgumentParser(prog="python3 -m lab.machines", description=about)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    up = verbs.add_parser("up", help="make and start the machines")
    up.add_argument("--count", type=int, default=3)
    first = ipaddress.IPv4Address("172.25.254.131")
    up.add_argument("--start-address", type=ipaddress.IPv4Address, default=first)
    up.add_argument("--cidr", default="172.25.254.0/24")
    up.add_argument("--data-disk-mb", type=int, default=2048, help="0 for none")
    up.add_argument("--memory-mb", type=int)
    up.add_argument("--json", type=Path, help="where to write the inventory, too")
    up.add_argument("--archive", type=Path, help="the root's tar archive (default: the image's)")
    verbs.add_parser("down", help="end the machines and take everything of them away")
    verbs.add_parser("status", help="say which machines run")
    for verb in VERBS_OF_ONE:
        verbs.add_parser(verb, help=f"{verb} one machine").add_argument("machine")
    for parser_of_verb in verbs.choices.values():
        parser_of_verb.add_argument("--name", required=True, help="the lab's name")
    return parser


def _up(asked: argparse.Namespace) -> None:
    machines = Machines(
        asked.name,
        [str(asked.start_address + number) for number in range(asked.count)],
        cidr=asked.cidr,
        data_disks=asked.data_disk_mb > 0,
        data_disk_mb=asked.data_disk_mb,
        memory_mb=asked.memory_mb,
        archive=asked.archive,
    )
    machines.up()
    if asked.json:
        _write(asked.json, json.dumps(machines.inventory(), indent=2) + "\n")
    print(f"{asked.count} machines are up in namespace {machines.segment.netns}; try, for example:")
    first = next(iter(machines.machines))
    print("  " + shlex.join(machines.segment.inside("ssh", "-F", str(machines.ssh_config), first)))


def main() -> int:
    asked = _parser().parse_args()
    try:
        if asked.verb == "up":
            _up(asked)
        elif asked.verb == "down":
            take_down(asked.name)
        elif asked.verb == "status":
            for name, state in Machines.load(asked.name).status().items():
                print(f"{name} {state}")
        else:
            getattr(Machines.load(asked.name), asked.verb)(asked.machine)
    except (PlanError, MachineError, NoControlGroups, WaitedTooLong, CommandFailed, telling.StillHeld) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
