"""A machine that isn't one: stage programs run here in this process, on a temporary folder, with fakes for every
command. Knows how a program is put together; refuses to know what any stage should do."""

import hashlib
import json
import os
import pwd
import shutil
import sys
import tarfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from subprocess import CompletedProcess
from types import CodeType, SimpleNamespace
from typing import Any

import pytest

import files

Answer = CompletedProcess[str]
Program = dict[str, Any]
Plan = dict[str, Any]


@cache
def _compiled(part: str) -> CodeType:
    return compile(files.text(f"stages/{part}.py"), f"stages/{part}.py", "exec")


def answer(stdout: str = "", code: int = 0, stderr: str = "") -> Answer:
    """What a command ended with."""
    return CompletedProcess([], code, stdout, stderr)


class Machine:
    """A root file system in `root` and the commands that were run. Absolute paths that programs spell themselves are
    led into the root; those of plans are there already."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.monkeypatch = monkeypatch
        self.calls: list[tuple[str, ...]] = []
        self.said: list[str] = []
        self.mounted: set[Path] = set()
        self.users = {"root", "kafka", "zookeeper"}
        self._answers: list[tuple[tuple[str, ...], Callable[..., Answer]]] = []
        self.answer(("mv", "-T"), self._move)
        self.answer(("tar", "-xzf"), self._untar)
        monkeypatch.setattr(Path, "is_mount", lambda path: path in self.mounted)
        monkeypatch.setattr(os.path, "expanduser", lambda path: path.replace("~", f"{root}/home/", 1))
        monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) in self.mounted)

    def path(self, absolute: str) -> Path:
        """Where a path of the machine lies here."""
        return self.root / absolute.lstrip("/")

    def answer(self, start: tuple[str, ...], given: Answer | Callable[..., Answer]) -> None:
        """What commands that start so end with; the newest word counts."""
        self._answers.insert(0, (start, given if callable(given) else lambda *_: given))

    def ran(self, *start: str) -> list[tuple[str, ...]]:
        """The commands that started so."""
        return [call for call in self.calls if call[: len(start)] == start]

    def load(self, *parts: str, first: bool = True) -> Program:
        """The program's names, without the call at its end."""
        program: Program = {}
        for part in ("common", *parts):
            exec(_compiled(part), program)
        self.genuine_run = program["run"]
        self.monkeypatch.setattr(sys, "argv", ["-", "first" if first else "again"])
        accounts = SimpleNamespace(getpwnam=self._account, getpwuid=lambda _: SimpleNamespace(pw_name="root"))
        group = SimpleNamespace(gr_gid=os.getgid(), gr_name="root")
        groups = SimpleNamespace(getgrnam=lambda _: group, getgrgid=lambda _: group)
        run = self._runner(program["Refused"])
        program.update(run=run, say=self.said.append, Path=self._path, pwd=accounts, grp=groups)
        return program

    def _account(self, name: str) -> SimpleNamespace:
        if name not in self.users:
            raise KeyError(name)
        return SimpleNamespace(pw_uid=os.getuid(), pw_dir=pwd.getpwuid(os.getuid()).pw_dir)

    def _path(self, *parts: Any) -> Path:
        path = Path(*parts)
        inside = path.is_relative_to(self.root) or not path.is_absolute()
        return path if inside else self.path(str(path))

    def _runner(self, refused: type[Exception]) -> Callable[..., Answer]:
        def run(*command: str, check: bool = True, stdin: str | None = None, **_: Any) -> Answer:
            self.calls.append(command)
            for start, act in self._answers:
                if command[: len(start)] == start:
                    done = act(*command)
                    break
            else:
                done = answer()
            if check and done.returncode != 0:
                raise refused(f"`{' '.join(command)}` ended with {done.returncode}:\n{done.stderr}")
            return done

        return run

    @staticmethod
    def _move(*command: str) -> Answer:
        source, target = Path(command[2]), Path(command[3])
        assert not target.exists(), "`mv -T` would not replace a folder that holds something"
        source.rename(target)
        return answer()

    @staticmethod
    def _untar(*command: str) -> Answer:
        shutil.unpack_archive(command[2], command[4], "gztar")
        return answer()


def snapshot(folder: Path) -> dict[str, str]:
    """Everything below a folder: contents, and where links lead."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        else:
            found[name] = path.read_text(errors="replace") if path.is_file() else "folder"
    return found


def tgz(folder: Path, name: str, members: dict[str, str]) -> Path:
    """A gzipped archive of text files."""
    source = folder / "source"
    for member, content in members.items():
        (source / member).parent.mkdir(parents=True, exist_ok=True)
        (source / member).write_text(content)
    path = folder / name
    with tarfile.open(path, "w:gz") as archive:
        for child in sorted(source.iterdir()):
            archive.add(child, child.name)
    shutil.rmtree(source)
    return path


def write_json(path: Path, value: object) -> None:
    """A JSON file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def refused(program: Program, function: str, *arguments: object) -> str:
    """What a function of a program says when it refuses."""
    with pytest.raises(program["Refused"]) as caught:
        program[function](*arguments)
    return str(caught.value)


def planned_file(path: Path, content: str) -> dict[str, str]:
    """A file as a plan tells it."""
    digest = hashlib.sha256(content.encode()).hexdigest()
    return {"path": str(path), "content": content, "owner": "root", "group": "root", "mode": "0644", "sha256": digest}


def configured_plan(machine: Machine, content: str = "one", fingerprint: str = "f1") -> Plan:
    """The plan of stage `configured`: a properties file and a unit, for a disk that is new."""
    owner = machine.path("/var/lib/kafka/OWNER.json")
    write_json(owner, {"stack": "kafka-cluster/dev", "node_id": 1, "formatted": []})
    planned = [
        planned_file(machine.path("/usr/local/x/server.properties"), content),
        planned_file(machine.path("/etc/systemd/system/kafka.service"), f"[Unit]\n# {content}\n"),
    ]
    places = {
        "staged": str(machine.path("/etc/kafka-cluster/staged")),
        "fingerprint_file": str(machine.path("/etc/kafka-cluster/fingerprint")),
    }
    starts = str(machine.path("/etc/kafka-cluster/starts.jsonl"))
    return {
        **places,
        "node": "n1",
        "stage": "configured",
        "fingerprint": fingerprint,
        "running_fingerprint": str(machine.path("/run/kafka/fingerprint")),
        "services": ["kafka.service"],
        "idle_services": ["zookeeper.service"],
        "read_by": {},
        "misled": str(machine.path("/etc/kafka-cluster/misled.json")),
        "beside": {**places, "starts": starts, "why": "it was down", "from": ""},
        "files": planned,
        "mode": "kraft",
        "mounted": False,
        "data": str(owner.parent),
        "accept_empty": False,
        "owner_file": str(owner),
        "identity_file": str(machine.path("/var/lib/kafka/logs/kraft-combined-logs/meta.properties")),
        "identity": {"cluster.id": "A_D5kj5zTbi2EDTeXHDH3g", "node.id": "1"},
        "brokers_own": {},
    }


def runs(plan: Plan, fingerprint: str) -> None:
    """A process runs with this fingerprint."""
    path = Path(plan["running_fingerprint"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(fingerprint + "\n")


def lives(machine: Machine, unit: str, run: str) -> None:
    """A service is up, in the run of that name."""
    for name, value in (("ActiveState", "active"), ("InvocationID", run)):
        machine.answer(("systemctl", "show", "--value", "-p", name, unit), answer(f"{value}\n"))
