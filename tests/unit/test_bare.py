"""Pulumi's own verbs: what is said before Pulumi starts, and that everything else goes straight to it."""

import hashlib
import json
import os
import socket
from pathlib import Path

import pytest

from lab import __main__ as lab_door
from lab.libvirt import Libvirt
from lab.namespace import Namespace
from toolchain import bare

from .test_locks import DEAD, lock


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose selected stack is `dev`, and the folder of its backend."""
    folder, backend = tmp_path / "project", tmp_path / "backend"
    for each in (folder / "below", backend, tmp_path / "home/workspaces"):
        each.mkdir(parents=True)
    file = folder / "Pulumi.yaml"
    file.write_text("description: name: of nothing\nname: kafka-cluster # ours\nruntime: python\n")
    chosen = f"kafka-cluster-{hashlib.sha1(str(file).encode()).hexdigest()}-workspace.json"
    (tmp_path / "home/workspaces" / chosen).write_text(json.dumps({"stack": "organization/kafka-cluster/dev"}))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PWD", str(folder))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PULUMI_BACKEND_URL", backend.as_uri())
    monkeypatch.delenv("PULUMI_STACK", raising=False)
    return backend


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the lab was told to run."""
    told: list[list[str]] = []

    def run(arguments: list[str]) -> int:
        told.append(arguments)
        return 0

    monkeypatch.setattr(lab_door, "main", run)
    return told


@pytest.mark.parametrize(
    ("arguments", "verb"),
    [
        (["up"], "up"),
        (["--non-interactive", "--cwd", "up", "preview", "--stack", "destroy"], "preview"),
        (["--color=always", "-v", "9", "destroy", "--target", "up"], "destroy"),
        (["config", "set", "mode", "up"], "config"),
        (["--version"], ""),
    ],
)
def test_the_verb_is_found_among_options(arguments: list[str], verb: str) -> None:
    assert bare.read(arguments).verb == verb


def test_the_stack_is_the_one_that_pulumi_takes(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bare.selected(bare.read(["up"])) == ("kafka-cluster", "dev")
    assert bare.selected(bare.read(["up", "--stack", "organization/kafka-cluster/it"])) == ("kafka-cluster", "it")
    assert bare.selected(bare.read(["up", "-s=it"])) == ("kafka-cluster", "it")
    monkeypatch.setenv("PULUMI_STACK", "told")
    assert bare.selected(bare.read(["up"])) == ("kafka-cluster", "told")


def test_a_project_is_found_from_below_and_from_afar(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path.cwd()
    monkeypatch.chdir("below")
    assert bare.selected(bare.read(["up"])) == ("kafka-cluster", "dev"), "as Pulumi looks for it"
    monkeypatch.chdir("/")
    assert bare.selected(bare.read(["up"])) is None
    assert bare.selected(bare.read(["-C", str(folder), "up"])) == ("kafka-cluster", "dev")


WAYS_ON = [("up", "make up"), ("preview", "make up"), ("refresh", "make up"), ("destroy", "make destroy")]


@pytest.mark.parametrize(("verb", "way_on"), [way for way in WAYS_ON if way[0] != "preview"])
def test_a_killed_runs_lock_is_told_with_the_way_on(
    project: Path, became: list[list[str]], capsys: pytest.CaptureFixture[str], verb: str, way_on: str
) -> None:
    lock(project)
    assert bare.main("/bin/pulumi", verb, "--yes") == 1
    said = capsys.readouterr().err
    assert f"`{way_on} STACK=dev`" in said, (
        "Pulumi itself knows `pulumi cancel` only, after which leftovers are in the way"
    )
    assert "pulumi cancel dev" in said
    assert str(DEAD) in said
    assert not became


@pytest.mark.parametrize(
    "arguments", [["preview"], ["cancel"], ["config", "set", "a", "up"], ["up", "--stack", "other"]]
)
def test_what_a_lock_does_not_stop_goes_to_pulumi(project: Path, became: list[list[str]], arguments: list[str]) -> None:
    lock(project)
    assert bare.main("/bin/pulumi", *arguments) == 0
    assert became == [["run", "--or-outside", "--", "/bin/pulumi", *arguments]]


def living_at(backend: Path, uri: str) -> None:
    """Gives the stack a state whose machines are on that hypervisor."""
    folder = backend / ".pulumi/stacks/kafka-cluster"
    folder.mkdir(parents=True)
    (backend / ".pulumi/meta.yaml").write_text("version: 1\n")
    known = [{"urn": "urn:pulumi:dev::kafka-cluster::a::site-hypervisor", "inputs": {"uri": uri}}]
    kept = {"version": 3, "checkpoint": {"latest": {"resources": known}}}
    (folder / "dev.json").write_text(json.dumps(kept))


OUTSIDE = "outside"


@pytest.fixture
def lab(project: Path, became: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> Libvirt:
    """A lab that is up; what does not run in it says so."""
    monkeypatch.delenv("KAFKA_CLUSTER_LAB", raising=False)
    monkeypatch.setattr(Namespace, "processes", lambda *_: [1])

    def outside(program: str, command: list[str]) -> None:
        became.append([OUTSIDE, *command])
        raise SystemExit(0)

    monkeypatch.setattr(os, "execv", outside)
    return Libvirt("dev")


@pytest.mark.parametrize(("verb", "way_on"), WAYS_ON)
def test_machines_of_a_lab_that_is_down_are_told_with_the_way_on(
    project: Path,
    became: list[list[str]],
    lab: Libvirt,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verb: str,
    way_on: str,
) -> None:
    living_at(project, lab.uri)
    assert bare.main("/bin/pulumi", verb) == 0
    monkeypatch.setattr(Namespace, "processes", lambda *_: [])
    assert bare.main("/bin/pulumi", verb) == 1
    assert f"`{way_on} STACK=dev`" in capsys.readouterr().err, "Pulumi itself speaks of a socket that is not there"
    assert len(became) == 1


@pytest.mark.parametrize("arguments", [["config"], ["stack", "output"], ["up", "--stack", "other"]])
def test_what_asks_no_hypervisor_needs_no_lab(
    project: Path, became: list[list[str]], lab: Libvirt, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    living_at(project, lab.uri)
    monkeypatch.setattr(Namespace, "processes", lambda *_: [])
    assert bare.main("/bin/pulumi", *arguments) == 0, "other is on hosts, or was never up"
    assert became[0][0] == "run"


@pytest.mark.parametrize("uri", ["qemu:///system", "qemu+ssh://far/system", "qemu:///system?socket=/run/another"])
def test_a_state_whose_machines_live_elsewhere_never_meets_the_lab(
    project: Path, became: list[list[str]], lab: Libvirt, uri: str
) -> None:
    living_at(project, uri)
    with pytest.raises(SystemExit):
        bare.main("/bin/pulumi", "refresh")
    assert became == [[OUTSIDE, "/bin/pulumi", "refresh"]]


def test_an_agent_that_is_gone_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = str(tmp_path / "agent")
    monkeypatch.setenv("SSH_AUTH_SOCK", address)
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(address)
        agent.listen()
        bare.forget_dead_agent()
        assert os.environ["SSH_AUTH_SOCK"] == address, "it may hold the key to a hypervisor"
    bare.forget_dead_agent()
    assert "SSH_AUTH_SOCK" not in os.environ, "the command plugin fails on it, although it is given a key"
    bare.forget_dead_agent()
