"""The embedded libvirt's pure parts: names, paths, the way inside, KVM's verdict, the lock that leaves nothing."""

import multiprocessing
import os
import subprocess
from pathlib import Path

import pytest

from computer import host
from computer.commands import CommandFailed
from lab import __main__ as door
from lab.alone import alone
from lab.libvirt import PACKAGES, Libvirt
from lab.namespace import Namespace


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_CLUSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KAFKA_CLUSTER_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", ["", "Dev", "a/b", "-a", "a" * 21, "..", "a b"])
def test_a_name_that_could_be_a_path_is_refused(name: str) -> None:
    with pytest.raises(CommandFailed, match="as in 'dev'"):
        Namespace(name)


def test_two_labs_share_no_path_but_what_can_be_made_again(tmp_path: Path) -> None:
    one, other = Namespace("dev"), Namespace("test")
    assert one.mounts.keys() == other.mounts.keys()
    shared = [source for inside, source in one.mounts.items() if other.mounts[inside] == source]
    assert shared == [tmp_path / "cache/libvirt"]


def test_a_socket_path_fits() -> None:
    socket = Libvirt("a" * 20).uri.partition("socket=")[2]
    assert len(socket) < 108, "the kernel's limit"


def test_a_path_inside_is_found_outside(tmp_path: Path) -> None:
    lab = Namespace("dev")
    assert lab.outside(Path("/var/log/libvirt/qemu/a.log")) == tmp_path / "home/lab/dev/libvirt/log/qemu/a.log"
    assert lab.outside(Path("/run/libvirt/libvirt-sock")) == Path("/run/kafka-lab/dev/libvirt-sock")
    assert lab.outside(Path("/etc/hosts")) == Path("/etc/hosts")


def test_the_way_inside_ends_in_the_very_command() -> None:
    way = Namespace("dev").inside(["virsh", "list", "--name", "with space"])
    assert way[:4] == ["ip", "netns", "exec", "kafka-lab-dev"]
    assert way[-4:] == ["virsh", "list", "--name", "with space"]


def test_the_way_inside_takes_the_commands_words_as_they_are() -> None:
    """The same shell script, with mounts and the namespace played by programs that do nothing."""
    script = Namespace("dev").inside(["printf", "%s|", "a b", "$HOME", "c'd"])[4:]
    mount_free = [word.replace("mount --bind", "true") for word in script]
    assert subprocess.run(mount_free, capture_output=True, text=True, check=True).stdout == "a b|$HOME|c'd|"


def test_a_lab_that_never_was_is_down() -> None:
    lab = Libvirt("never-was")
    assert not lab.namespace.exists()
    assert lab.namespace.processes() == []
    assert not lab.is_up()


def test_no_package_brings_a_service_of_libvirts() -> None:
    assert "libvirt-daemon" in PACKAGES
    assert not [package for package in PACKAGES if package.startswith("libvirt-daemon-system")]


@pytest.mark.parametrize(
    ("cpuinfo", "works"),
    [
        ("flags\t\t: fpu vmx sse\n", True),
        ("flags\t\t: fpu svm\n", True),
        ("flags\t\t: fpu sse\nbugs\t\t: svm\n", False),
        ("", False),
    ],
)
def test_a_processor_says_whether_it_virtualises(cpuinfo: str, works: bool) -> None:
    assert host._processor_virtualises(cpuinfo) is works


def test_kvm_gives_its_reason() -> None:
    works, reason = host.kvm_works()
    assert isinstance(works, bool)
    assert reason


def test_a_libvirt_of_the_users_choice_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBVIRT_DEFAULT_URI", "qemu+ssh://far/system")
    asked: list[str] = []

    def answers(uri: str) -> bool:
        asked.append(uri)
        return True

    monkeypatch.setattr(host, "answers", answers)
    assert host.system_libvirt() == "qemu+ssh://far/system"
    assert asked == ["qemu+ssh://far/system"]


def test_a_libvirt_that_does_not_answer_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIBVIRT_DEFAULT_URI", raising=False)
    monkeypatch.setattr(host, "answers", lambda uri: False)
    assert host.system_libvirt() is None


VIRSH = """#!/bin/sh
[ "$2" = qemu:///works ] && exit
echo "error: failed to connect to the hypervisor
error: Failed to connect socket to '/var/run/libvirt/libvirt-sock': Permission denied" >&2
exit 1
"""


@pytest.fixture
def virsh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose libvirt refuses its user, but for one address."""
    (tmp_path / "virsh").write_text(VIRSH)
    (tmp_path / "virsh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("LIBVIRT_DEFAULT_URI", "qemu:///system")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


@pytest.mark.usefixtures("virsh")
def test_who_is_refused_by_the_computers_own_libvirt_is_told_why_and_what_helps() -> None:
    with pytest.raises(CommandFailed) as raised:
        Libvirt("dev").up()
    told = str(raised.value)
    assert told.startswith("the embedded libvirt needs root; a libvirt of the computer's own (qemu:///system) does not")
    assert "libvirt-sock': Permission denied. " in told, "virsh's own words"
    assert "group libvirt, and log in again" in told


@pytest.mark.usefixtures("virsh")
def test_who_names_a_lab_beside_a_libvirt_that_answers_is_told_of_root_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBVIRT_DEFAULT_URI", "qemu:///works")
    assert host.answers("qemu:///works")
    with pytest.raises(CommandFailed, match=r"\(qemu:///works\) does not$"):
        Libvirt("dev").up()


def test_status_of_a_lab_that_is_down_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert door.main(["status", "--name", "never-was"]) == 1
    assert capsys.readouterr().out == "lab: never-was is down\n"


def test_running_without_any_libvirt_says_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "system_libvirt", lambda: None)
    assert door.main(["run", "--name", "never-was", "--", "true"]) == 1
    assert "python3 -m lab up" in capsys.readouterr().err


def _count_alone(folder: Path, counter: Path, rounds: int) -> None:
    for _ in range(rounds):
        with alone(folder):
            counter.write_text(str(int(counter.read_text()) + 1))
            folder.rmdir()


def test_one_at_a_time_even_when_each_removes_what_the_others_wait_for(tmp_path: Path) -> None:
    folder, counter = tmp_path / "parent/lab", tmp_path / "counter"
    counter.write_text("0")
    crowd = [multiprocessing.Process(target=_count_alone, args=(folder, counter, 50)) for _ in range(4)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join(timeout=60)
    assert [one.exitcode for one in crowd] == [0, 0, 0, 0]
    assert counter.read_text() == "200"
    assert not folder.exists()


def test_the_lock_is_let_go(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with alone(tmp_path / "lab"):
            continue
    assert len(os.listdir("/proc/self/fd")) == before
