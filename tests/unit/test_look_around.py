"""What the operator's computer has to offer, judged before anything is asked of the engine."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from archives import archive as kafka_archive
from images import recipe, shared_classes
from model.leftovers import Thing
from model.machine_names import MachineNames
from model.settings import read
from operations import leftovers, preflight, private_keys
from operations.preflight import Resolved, Unusable

from .samples import nodes

NAMES = MachineNames("kafka-cluster", "dev")


class Computer:
    """A computer that has everything, until something is taken away."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.monkeypatch = monkeypatch
        self.image = folder / "guest.qcow2"
        self.image.touch()
        self.virsh: Any = lambda command: subprocess.CompletedProcess(command, 0, "", "")
        self.asked: list[str] = []
        self.archive("official", folder)
        monkeypatch.delenv("LIBVIRT_DEFAULT_URI", raising=False)
        monkeypatch.setattr(subprocess, "run", self._run)
        monkeypatch.setattr(recipe, "path", lambda: self.image)
        self.manifest(java="17.0.13")
        self.classes(None)
        self.left([])

    def _run(self, command: list[str], **_: object) -> Any:
        assert command[:2] == ["virsh", "--connect"]
        self.asked.append(command[2])
        return self.virsh(command)

    def archive(self, kind: str, folder: Path) -> None:
        found = kafka_archive.Archive("3.6.0", folder / "kafka_2.13-3.6.0.tgz", "5" * 128, kind, "somewhere")
        self.monkeypatch.setattr(kafka_archive, "cached", lambda *_: found)

    def classes(self, found: shared_classes.SharedClasses | None) -> None:
        self.monkeypatch.setattr(shared_classes, "cached", lambda _: found)

    def manifest(self, java: str) -> None:
        beside = recipe.Manifest(java=java, packages=(), sha256="0")
        self.monkeypatch.setattr(recipe, "manifest_beside", lambda _: beside)

    def left(self, things: list[Thing]) -> None:
        self.monkeypatch.setattr(leftovers, "find", lambda *_: things)


@pytest.fixture
def computer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Computer:
    return Computer(monkeypatch, tmp_path)


def look(**changes: Any) -> Resolved:
    return preflight.look_around(read({"nodes": nodes(3), **changes}), [], NAMES)


def refused(**changes: Any) -> str:
    with pytest.raises(Unusable) as caught:
        look(**changes)
    return str(caught.value)


def raising(error: Exception) -> Any:
    def act(*_: object, **__: object) -> None:
        raise error

    return act


def test_a_computer_that_has_everything(computer: Computer) -> None:
    found = look()
    assert (found.uri, found.image, found.warnings) == ("qemu:///system", str(computer.image), ())
    assert (found.archive.name, found.archive.sha512) == ("kafka_2.13-3.6.0.tgz", "5" * 128)


def test_an_archive_that_is_not_there_is_answered_with_the_command_that_fetches_it(computer: Computer) -> None:
    computer.monkeypatch.setattr(kafka_archive, "cached", lambda *_: None)
    told = refused()
    assert "archive: got 'auto'" in told
    assert "make up" in told


def test_an_archive_with_another_checksum_is_told_in_its_own_words(computer: Computer) -> None:
    computer.monkeypatch.setattr(
        kafka_archive, "cached", raising(kafka_archive.ArchiveError("archiveSha512: got 1…, expected 2…"))
    )
    assert "archiveSha512: got 1…, expected 2…" in refused(archive="/tmp/x.tgz")


def test_an_assembled_archive_is_said(computer: Computer, tmp_path: Path) -> None:
    computer.archive("assembled", tmp_path)
    (warning,) = look().warnings
    assert "assembled" in warning, "it is not the official one, and a user has to know"


@pytest.mark.parametrize(
    ("virsh", "why"),
    [
        (raising(FileNotFoundError("virsh")), "virsh is not installed"),
        (raising(subprocess.TimeoutExpired("virsh", 10)), "no answer within"),
        (lambda command: subprocess.CompletedProcess(command, 1, "", "error: Failed to connect socket\n"), "Failed to"),
    ],
)
def test_a_libvirt_that_does_not_answer(computer: Computer, virsh: Any, why: str) -> None:
    computer.virsh = virsh
    told = refused()
    assert "libvirtUri: got 'qemu:///system'" in told
    assert why in told
    assert "make up" in told, "the command that helps"


def test_the_configured_hypervisor_is_asked_else_libvirts_own_default(computer: Computer) -> None:
    assert look(libvirtUri="qemu+ssh://far/system").uri == "qemu+ssh://far/system"
    computer.monkeypatch.setenv("LIBVIRT_DEFAULT_URI", "qemu:///system?socket=/run/x")
    assert look().uri == "qemu:///system?socket=/run/x"
    assert computer.asked == ["qemu+ssh://far/system", "qemu:///system?socket=/run/x"]


@pytest.mark.parametrize("image", ["auto", "/nowhere/other.qcow2"])
def test_an_image_that_is_not_there(computer: Computer, image: str) -> None:
    computer.image.unlink()
    told = refused(image=image)
    assert f"image: got '{computer.image if image == 'auto' else image}'" in told
    assert "make setup" in told


@pytest.mark.parametrize(("mode", "accepted"), [("isolated", False), ("nat", True)])
def test_an_image_without_java_needs_a_network(computer: Computer, mode: str, accepted: bool) -> None:
    computer.manifest(java="")
    if accepted:
        look(networkMode=mode)
    else:
        assert "an isolated network can't fetch it" in refused(networkMode=mode)


def test_somebody_elses_image_is_left_to_the_stage(computer: Computer) -> None:
    computer.monkeypatch.setattr(recipe, "manifest_beside", raising(FileNotFoundError("manifest.json")))
    assert look().image == str(computer.image)


def test_what_makes_java_start_sooner_is_brought_where_it_was_made(computer: Computer, tmp_path: Path) -> None:
    assert look().shared_classes is None
    computer.classes(shared_classes.SharedClasses(tmp_path / "kafka-classes.jsa.gz", "6" * 128, "17.0.9"))
    found = look().shared_classes
    assert found is not None
    assert (found.name, found.sha512) == ("kafka-classes.jsa.gz", "6" * 128)


def test_everything_that_lacks_is_told_at_once(computer: Computer) -> None:
    computer.monkeypatch.setattr(kafka_archive, "cached", lambda *_: None)
    computer.virsh = raising(FileNotFoundError("virsh"))
    computer.image.unlink()
    lines = refused().splitlines()
    assert lines[0] == "this computer is not ready; nothing was changed:"
    assert [line.split(":")[0] for line in lines[1:]] == ["  - archive", "  - libvirtUri", "  - image"]


def test_what_a_killed_run_left_is_answered_with_the_command_that_clears_it(computer: Computer) -> None:
    computer.left([Thing("domain", NAMES.of("n1"))])
    told = refused()
    assert "domain kafka-cluster+dev+n1" in told
    assert "make up STACK=dev" in told


def test_machines_that_exist_need_no_hypervisor(computer: Computer, tmp_path: Path) -> None:
    computer.virsh = raising(FileNotFoundError("virsh"))
    computer.image.unlink()
    computer.monkeypatch.setattr(private_keys, "unusable", lambda _: [])
    login = {"privateKeyFile": str(tmp_path / "key"), "hostKey": "ssh-ed25519 AAAA"}
    found = look(platform="hosts", nodes=[{**node, **login} for node in nodes(3)])
    assert (found.uri, found.image) == ("", "")
    assert not computer.asked


def test_what_an_existing_stack_does_not_follow_is_told(computer: Computer) -> None:
    volume = {"urn": "a::b::c::n1-data", "type": "libvirt:index/volume:Volume", "inputs": {"size": 10 * 1024**3}}
    found = preflight.look_around(read({"nodes": nodes(1), "dataDisk": 20}), [volume], NAMES)
    assert any(sentence.startswith("dataDisk stays 10 GiB") for sentence in found.warnings)
