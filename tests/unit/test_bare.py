"""What Pulumi's own verbs and our own programs become: what is said before, and in which network they run."""

import hashlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lab import __main__ as lab_door
from lab.libvirt import Libvirt
from lab.namespace import Namespace
from toolchain import bare, inside
from toolchain.selected import read, selected

from .test_locks import DEAD, lock
from .test_protection import data_volume


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
        (["pre"], "preview"),
        (["down", "--yes"], "destroy"),
    ],
)
def test_the_verb_is_found_among_options(arguments: list[str], verb: str) -> None:
    assert read(arguments).verb == verb


def test_what_a_node_is_told_is_not_read(project: Path) -> None:
    assert read(["ssh", "--stack", "it", "kafka-server1", "tool", "--stack", "of its own"]).stack == "it"


def stack_of(*arguments: str) -> str:
    found = selected(read(arguments))
    return f"{found.project}/{found.stack}" if found else ""


def test_the_stack_is_the_one_that_pulumi_takes(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stack_of("up") == "kafka-cluster/dev"
    assert stack_of("up", "--stack", "organization/kafka-cluster/it") == "kafka-cluster/it"
    assert stack_of("up", "-s=it") == "kafka-cluster/it"
    monkeypatch.setenv("PULUMI_STACK", "told")
    assert stack_of("up") == "kafka-cluster/told"


def test_a_project_is_found_from_below_and_from_afar(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path.cwd()
    monkeypatch.chdir("below")
    assert stack_of("up") == "kafka-cluster/dev", "as Pulumi looks for it"
    monkeypatch.chdir("/")
    assert not stack_of("up")
    assert stack_of("-C", str(folder), "up") == "kafka-cluster/dev"


WAYS_ON = [("up", "make up"), ("preview", "make up"), ("refresh", "make up"), ("destroy", "make destroy")]


@pytest.mark.parametrize("verb", ["up", "refresh"])
def test_a_killed_runs_lock_is_told_with_the_way_on(
    project: Path, became: list[list[str]], capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    lock(project)
    assert bare.main("/bin/pulumi", verb, "--yes") == 1
    said = capsys.readouterr().err
    assert "`make up STACK=dev`" in said, (
        "Pulumi itself knows `pulumi cancel` only, after which leftovers are in the way"
    )
    assert "pulumi cancel dev" in said
    assert str(DEAD) in said
    assert not became


@pytest.mark.parametrize("cleared", [True, False])
def test_a_stack_that_is_to_go_is_rid_of_a_killed_runs_leftovers_first(
    project: Path, became: list[list[str]], monkeypatch: pytest.MonkeyPatch, cleared: bool
) -> None:
    asked: list[list[str]] = []

    def run(command: list[str]) -> subprocess.CompletedProcess[str]:
        asked.append(command[3:])
        return subprocess.CompletedProcess(command, 0 if cleared else 1)

    monkeypatch.setattr(subprocess, "run", run)
    lock(project)
    assert bare.main("/bin/pulumi", "destroy", "--yes") == (0 if cleared else 1)
    assert asked == [["clear", "--stack", "dev", "--project", str(Path.cwd())]]
    assert bool(became) is cleared, "its own words say what is still in the way"


@pytest.mark.parametrize("arguments", [["preview"], ["up", "--stack", "other"], ["destroy", "--stack", "other"]])
def test_what_a_lock_does_not_stop_goes_to_pulumi(project: Path, became: list[list[str]], arguments: list[str]) -> None:
    lock(project)
    assert bare.main("/bin/pulumi", *arguments) == 0
    assert became == [["run", "--or-outside", "--", "/bin/pulumi", *arguments]]


def living_at(backend: Path, uri: str) -> None:
    """Gives the stack a state whose machines are on that hypervisor."""
    folder = backend / ".pulumi/stacks/kafka-cluster"
    folder.mkdir(parents=True)
    (backend / ".pulumi/meta.yaml").write_text("version: 1\n")
    known = [
        {
            "urn": "urn:pulumi:dev::kafka-cluster::a::site-hypervisor",
            "type": "pulumi:providers:libvirt",
            "inputs": {"uri": uri},
        }
    ]
    kept = {"version": 3, "checkpoint": {"latest": {"resources": known}}}
    (folder / "dev.json").write_text(json.dumps(kept))


def protecting(backend: Path, *, protect: bool) -> None:
    """Gives the stack a state with a data volume."""
    living_at(backend, "")
    file = backend / ".pulumi/stacks/kafka-cluster/dev.json"
    kept = json.loads(file.read_text())
    kept["checkpoint"]["latest"]["resources"] = [data_volume(protect)]
    file.write_text(json.dumps(kept))


@pytest.mark.parametrize(
    ("says", "protect", "goes"),
    [
        ("protectData: true", False, False),
        ("mode: kraft", False, False),
        ("protectData: true", True, True),  # the engine itself refuses
        ("protectData: false", False, True),
        ('protectData: "false"', False, True),
    ],
)
def test_a_destroy_that_would_delete_what_is_to_be_protected_is_not_begun(
    project: Path,
    became: list[list[str]],
    capsys: pytest.CaptureFixture[str],
    says: str,
    protect: bool,
    goes: bool,
) -> None:
    protecting(project, protect=protect)
    Path("Pulumi.dev.yaml").write_text(f"config:\n  kafka-cluster:{says}\n")
    assert bare.main("/bin/pulumi", "destroy", "--yes") == (0 if goes else 1)
    assert bool(became) is goes, "the engine obeys what the last `up` applied, and would delete the records"
    assert ("`pulumi up` first" in capsys.readouterr().err) is not goes
    assert bare.main("/bin/pulumi", "up") == 0, "that is what applies it"


def test_a_project_of_somebodys_own_is_not_judged_by_our_configuration(
    project: Path, became: list[list[str]], tmp_path: Path
) -> None:
    protecting(project, protect=False)
    ours = project / ".pulumi/stacks/kafka-cluster"
    ours.rename(ours.with_name("orders"))
    Path("Pulumi.yaml").write_text("name: orders\nruntime: python\n")
    assert bare.main("/bin/pulumi", "destroy", "--stack", "dev") == 0, "its program says what is protected"


OUTSIDE = "outside"


@pytest.fixture
def lab(project: Path, became: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> Libvirt:
    """A lab that is up; what does not run in it says so."""
    monkeypatch.delenv("KAFKA_CLUSTER_LAB", raising=False)
    monkeypatch.setattr(Namespace, "processes", lambda *_: [1])
    monkeypatch.setattr(Libvirt, "is_up", lambda _: True)

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


@pytest.mark.parametrize("arguments", [["config", "set", "a", "up"], ["stack", "output"], ["cancel"], ["--version"]])
def test_what_speaks_to_no_machine_stays_outside(
    project: Path, became: list[list[str]], lab: Libvirt, arguments: list[str]
) -> None:
    lock(project)
    with pytest.raises(SystemExit):
        bare.main("/bin/pulumi", *arguments)
    assert became == [[OUTSIDE, "/bin/pulumi", *arguments]], (
        "a state that is kept elsewhere is not reached from the lab"
    )


def test_another_stack_needs_no_lab(
    project: Path, became: list[list[str]], lab: Libvirt, monkeypatch: pytest.MonkeyPatch
) -> None:
    living_at(project, lab.uri)
    monkeypatch.setattr(Namespace, "processes", lambda *_: [])
    assert bare.main("/bin/pulumi", "up", "--stack", "other") == 0, "it is on hosts, or was never up"
    assert became[0][0] == "run"


def test_a_state_that_is_kept_elsewhere_does_not_meet_the_lab(
    project: Path,
    became: list[list[str]],
    lab: Libvirt,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://states")
    assert bare.main("/bin/pulumi", "up") == 1
    assert "s3://states, which nobody reaches" in capsys.readouterr().err, "Pulumi would try for minutes, in vain"
    monkeypatch.setattr(Libvirt, "is_up", lambda _: False)
    assert bare.main("/bin/pulumi", "up") == 0


@pytest.mark.parametrize("uri", ["qemu:///system", "qemu+ssh://far/system", "qemu:///system?socket=/run/another"])
def test_a_state_whose_machines_live_elsewhere_never_meets_the_lab(
    project: Path, became: list[list[str]], lab: Libvirt, uri: str
) -> None:
    living_at(project, uri)
    with pytest.raises(SystemExit):
        bare.main("/bin/pulumi", "refresh")
    assert became == [[OUTSIDE, "/bin/pulumi", "refresh"]]


# What a stack's configuration says of machines that the lab has not made.
ELSEWHERE = ["platform: hosts", "libvirtUri: qemu+ssh://far/system"]


@pytest.mark.parametrize("says", ELSEWHERE)
@pytest.mark.parametrize("verb", ["up", "preview"])
def test_a_first_up_on_machines_elsewhere_does_not_enter_the_lab(
    project: Path, became: list[list[str]], lab: Libvirt, says: str, verb: str
) -> None:
    Path("Pulumi.dev.yaml").write_text(f"config:\n  kafka-cluster:{says}\n")
    with pytest.raises(SystemExit):
        bare.main("/bin/pulumi", verb)
    assert became == [[OUTSIDE, "/bin/pulumi", verb]], "from the lab's network nobody reaches them"


@pytest.mark.parametrize("says", ["platform: libvirt", "libvirtUri: auto", "libvirtUri: 'auto'", "mode: kraft"])
def test_a_first_up_on_machines_of_the_lab_enters_it(
    project: Path, became: list[list[str]], lab: Libvirt, says: str
) -> None:
    Path("Pulumi.dev.yaml").write_text(f"config:\n  kafka-cluster:{says}\n")
    assert bare.main("/bin/pulumi", "up") == 0
    assert became == [["run", "--or-outside", "--", "/bin/pulumi", "up"]]


PROGRAMS = [("operations", "status", "--watch"), ("pytest", "tests/", "-s", "-x")]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("says", ELSEWHERE)
def test_our_own_programs_run_where_the_stacks_machines_are(
    project: Path, became: list[list[str]], lab: Libvirt, program: tuple[str, ...], says: str
) -> None:
    command = [sys.executable, "-m", *program]
    assert inside.main(*program) == 0
    Path("Pulumi.dev.yaml").write_text(f"config:\n  kafka-cluster:{says}\n")
    with pytest.raises(SystemExit):
        inside.main(*program)
    assert became == [["run", "--or-outside", "--", *command], [OUTSIDE, *command]]


def test_the_stack_that_is_asked_about_counts(project: Path, became: list[list[str]], lab: Libvirt) -> None:
    Path("Pulumi.plant.yaml").write_text("config:\n  kafka-cluster:platform: hosts\n")
    with pytest.raises(SystemExit):
        inside.main("operations", "status", "--stack", "plant")
    assert inside.main("operations", "status") == 0
    assert [each[0] for each in became] == [OUTSIDE, "run"]


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
