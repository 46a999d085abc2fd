"""What set-up installs, on computers that have different things already."""

import ast
import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest

from computer import apt, host, places
from computer.commands import CommandFailed
from computer.waiting import wait_for
from images import recipe
from toolchain import beforehand, setup
from toolchain.selected import names_image, on_hosts

SETUP = places.CHECKOUT / "toolchain/setup.py"


def elsewhere(pretended: str) -> "subprocess.CompletedProcess[str]":
    """The set-up's first words, where `sys` says something else of the computer; nothing of ours may be imported by then."""
    program = f"import sys, runpy; {pretended}; runpy.run_path({str(SETUP)!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-P", "-X", "importtime", "-c", program], capture_output=True, text=True)
    assert "computer.host" not in done.stderr, "an older Python can't read it, and ends with words that help nobody"
    return done


def test_an_older_python_is_told_of_and_how_to_name_another() -> None:
    done = elsewhere("sys.version, sys.version_info = '3.9.2 (main)', (3, 9, 2)")
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert said.startswith(f"set-up needs Python 3.11 or newer, and {sys.executable} is 3.9.2: "), said
    assert "make setup PYTHON=" in said


def test_another_system_than_linux_is_told_of() -> None:
    done = elsewhere("sys.platform = 'darwin'")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("set-up needs Linux, and this computer is darwin: ")


def test_an_older_python_can_read_that_far() -> None:
    ast.parse(SETUP.read_text(encoding="utf-8"), feature_version=(3, 8))


def test_make_sets_up_with_the_python_that_is_named() -> None:
    makefile = (places.CHECKOUT / "Makefile").read_text(encoding="utf-8")
    assert "\nPYTHON ?= python3\n" in makefile
    ran = [line.split()[0] for line in makefile.splitlines() if "toolchain/setup.py" in line]
    assert set(ran) == {"$(PYTHON)"}, "and by no other one"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The packages that are installed on a computer without any."""
    found: list[str] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(apt, "missing", list)

    def ensure(packages: Iterable[str]) -> None:
        found.extend(packages)

    monkeypatch.setattr(apt, "ensure", ensure)
    return found


@pytest.mark.parametrize("uri", [None, "qemu:///system"])
def test_what_the_provider_starts_is_installed_whichever_libvirt_there_is(
    installed: list[str], monkeypatch: pytest.MonkeyPatch, uri: str | None
) -> None:
    monkeypatch.setattr(host, "system_libvirt", lambda: uri)
    setup.packages(lambda _: None)
    assert {"genisoimage", "libvirt-clients", "xsltproc"} <= set(installed), (
        "no first-boot disk and no console can be made without them"
    )
    assert ("libvirt-daemon" in installed) is (uri is None), "a second libvirt beside the computer's own is in its way"


def test_nobody_is_asked_for_a_libvirt_that_only_root_can_start(
    installed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(host, "system_libvirt", lambda: None)
    setup.packages(lambda _: None)
    assert "libvirt-clients" in installed
    assert "libvirt-daemon" not in installed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("config:\n  kafka-cluster:platform: hosts\n", True),
        ('config:\n  kafka-cluster:platform: "hosts"\n', True),
        ("config:\n  kafka-cluster:platform: libvirt\n", False),
        ("config:\n  kafka-cluster:mode: kraft\n# platform: hosts\n", False),
    ],
)
def test_machines_that_are_there_already_need_no_libvirt(
    installed: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, expected: bool
) -> None:
    monkeypatch.setattr(places, "CHECKOUT", tmp_path)
    (tmp_path / "Pulumi.plant.yaml").write_text(text)
    monkeypatch.setattr(host, "system_libvirt", lambda: None)
    monkeypatch.setattr("sys.argv", ["setup.py", "--stack", "organization/kafka-cluster/plant", "packages"])
    assert setup.main() == 0
    assert ("libvirt-daemon" in installed) is not expected, "who has machines wants no hypervisor on this computer"
    assert "maven" in installed
    assert "mmdebstrap" not in installed, "an image is built where machines are made of it, and brings its tools itself"


@pytest.mark.parametrize(
    ("line", "expected"), [("platform: hosts", False), ("platform: libvirt", True), ("image: /srv/guest.qcow2", False)]
)
def test_an_image_is_built_where_machines_are_made_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str, expected: bool
) -> None:
    ran: list[Callable[[setup.Say], None]] = []
    monkeypatch.setattr(setup.Progress, "run", lambda _, phase: ran.append(phase))
    monkeypatch.setattr(beforehand, "refuse_image_elsewhere", lambda: None)
    monkeypatch.setattr(places, "CHECKOUT", tmp_path)
    (tmp_path / "Pulumi.plant.yaml").write_text(f"config:\n  kafka-cluster:{line}\n")
    monkeypatch.setattr("sys.argv", ["setup.py", "--stack", "plant"])
    assert setup.main() == 0
    assert (setup.PHASES["image"] in ran) is expected, "it takes minutes and root, and no machine is made of it"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image: /srv/guest.qcow2", True),
        ('image: "/srv/guest.qcow2"', True),
        ("image: auto.qcow2", True),
        ("image: auto", False),
        ("image: 'auto'  # as ever", False),
        ("image:\n  kafka-cluster:mode: kraft", False),
        ("mode: kraft\n# image: /srv/guest.qcow2", False),
    ],
)
def test_a_configuration_names_an_image_or_leaves_it_to_us(tmp_path: Path, text: str, expected: bool) -> None:
    (tmp_path / "Pulumi.plant.yaml").write_text(f"config:\n  kafka-cluster:{text}\n")
    assert names_image(tmp_path, "plant") is expected


def test_a_stack_that_is_not_there_yet_may_need_one(tmp_path: Path) -> None:
    for stack in ("dev", ""):
        assert not on_hosts(tmp_path, stack)
        assert not names_image(tmp_path, stack)


def test_who_is_not_root_is_told_the_one_command_for_the_image(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran: list[str] = []
    monkeypatch.setattr(setup, "_run", lambda say, *command: ran.extend(command))
    monkeypatch.setenv("KAFKA_CLUSTER_CACHE", str(tmp_path / "a b"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(setup.PhaseFailed) as raised:
        setup.image(lambda _: None)
    assert not ran, "the build would only refuse"
    words = shlex.split(str(raised.value).split("`")[3])
    assert words[:3] == ["cd", str(places.CHECKOUT), "&&"]
    assert words[3:] == [
        "sudo", "env", f"KAFKA_CLUSTER_CACHE={tmp_path}/a b", sys.executable, "-B", "-m", "images", "build",
    ], "into this user's cache, and without byte code of root's in the checkout"  # fmt: skip
    recipe.image().folder.mkdir(parents=True)
    setup.image(lambda _: None)
    assert ran, "an image that is there needs nobody's rights"


def test_what_root_builds_for_a_user_can_be_read_by_that_user() -> None:
    program = (
        "import os, runpy; from images import build; build.main = lambda _: os.umask(0); os.umask(0o077);"
        " runpy.run_module('images', run_name='__main__')"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=places.CHECKOUT, check=False).returncode == 0o022


@pytest.mark.parametrize(
    ("sudo", "running", "others", "refused"),
    [
        ("1000", 0, True, True),
        ("1000", 0, False, False),
        ("0", 0, True, False),
        ("", 0, True, False),
        ("1000", 1000, True, False),
    ],
    ids=["sudo make", "root's own checkout", "root's sudo", "no sudo", "sudo for another user"],
)
def test_sudo_in_a_users_own_checkout_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    sudo: str,
    running: int,
    others: bool,
    refused: bool,
) -> None:
    owner = 54321 if others else 0
    monkeypatch.setattr(places, "CHECKOUT", tmp_path)
    monkeypatch.setattr(Path, "stat", lambda _: os.stat_result((0o40755, 0, 0, 2, owner, 0, 0, 0, 0, 0)))
    monkeypatch.setattr(os, "geteuid", lambda: running)
    monkeypatch.setenv("SUDO_UID", sudo) if sudo else monkeypatch.delenv("SUDO_UID", raising=False)
    ran: list[Callable[[setup.Say], None]] = []
    monkeypatch.setattr(setup.Progress, "run", lambda _, phase: ran.append(phase))
    monkeypatch.setattr("sys.argv", ["setup.py", "secret"])
    assert setup.main() == int(refused)
    assert bool(ran) is not refused, "the passphrase would lie in root's home"
    assert ("belongs to user 54321" in capsys.readouterr().err) is refused


DEBIAN_12 = "bookworm deb http://mirror/debian/ bookworm main"
UBUNTU = {"ID": "ubuntu", "VERSION_CODENAME": "noble", "PRETTY_NAME": "Ubuntu 24.04 LTS"}


@pytest.mark.parametrize(
    ("system", "sources", "refused"),
    [
        ({"ID": "debian", "VERSION_CODENAME": "bookworm"}, "", False),
        ({"ID": "debian", "VERSION_CODENAME": "trixie", "PRETTY_NAME": "Debian 13"}, "", True),
        ({"ID": "debian", "VERSION_CODENAME": "trixie"}, DEBIAN_12, False),
        (UBUNTU, "", True),
        ({"ID": "fedora", "PRETTY_NAME": "Fedora Linux 41"}, None, True),
    ],
    ids=["before its first update", "another Debian", "another Debian with such sources", "Ubuntu", "no apt"],
)
def test_an_image_that_cannot_be_built_here_is_told_of_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    system: dict[str, str],
    sources: str | None,
    refused: bool,
) -> None:
    ran: list[Callable[[setup.Say], None]] = []
    monkeypatch.setattr(setup.Progress, "run", lambda _, phase: ran.append(phase))
    monkeypatch.setenv("KAFKA_CLUSTER_CACHE", str(tmp_path))
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: system)
    monkeypatch.setattr(shutil, "which", lambda program: f"/usr/bin/{program}" if sources is not None else None)
    monkeypatch.setattr("images.build.output", lambda _: sources)
    monkeypatch.setattr("sys.argv", ["setup.py"])
    assert setup.main() == int(refused)
    assert bool(ran) is not refused, "the tools and a quarter of an hour would be for nothing"
    said = capsys.readouterr().err
    for word in (system.get("PRETTY_NAME", ""), "Build it on a Debian 12", "kafka-cluster:image: /path/guest.qcow2"):
        assert (word in said) is refused or not word
    recipe.image().folder.mkdir(parents=True)
    assert setup.main() == 0, "it may have come from elsewhere"


def test_missing_packages_are_told_with_the_command_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CommandFailed, match="`sudo apt-get install --no-install-recommends no-such-a no-such-b`"):
        apt.ensure(["no-such-a", "no-such-b"])


def test_a_program_of_another_origin_will_do(installed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "system_libvirt", lambda: "qemu:///system")
    monkeypatch.setattr(shutil, "which", lambda program: f"/opt/bin/{program}")
    setup.packages(lambda _: None)
    assert not {"maven", "genisoimage", "libvirt-clients", "xsltproc"} & set(installed)


@pytest.mark.parametrize("there", [("ssh", "mvn"), ("ssh",)], ids=["all is there", "one is missing"])
def test_where_there_is_no_apt_programs_are_looked_for(monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...]) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: f"/bin/{program}" if program in there else None)

    def run(command: list[str], **_: object) -> SimpleNamespace:
        if command[0] != sys.executable:
            raise FileNotFoundError(command[0])
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(subprocess, "run", run)
    if "mvn" in there:
        setup.packages_for_hosts(lambda _: None)
        return
    with pytest.raises(CommandFailed, match=r"missing on PATH, and there is no apt here .*: mvn$"):
        setup.packages_for_hosts(lambda _: None)


def test_a_phase_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(say: setup.Say) -> None:
        setup._run(say, "sleep", "600")

    monkeypatch.setitem(setup.MOST_SECONDS, "hangs", 0.5)
    progress, started = setup.Progress(), time.monotonic()
    progress.run(hangs)
    assert time.monotonic() - started < 60, "it was waited for, however long it takes"
    assert len(progress.failures) == 1, "what is not there must not be taken for done"


def test_what_a_program_has_started_ends_with_it(tmp_path: Path) -> None:
    """As Ctrl-C ends it: a build that nobody waits for any more would take the processors from the next try."""
    begun = tmp_path / "begun"
    inner = f"echo $$ > {begun}.part; mv {begun}.part {begun}; exec sleep 600"
    program = f"import subprocess; subprocess.run(['sh', '-c', {inner!r}])"
    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL, text=True) as process:
        wait_for("a program of the program's", begun.exists, 60)
        with setup._ended_in(process, 0.1):
            process.wait()
    there = Path(f"/proc/{begun.read_text().strip()}")
    wait_for("the end of what it had started", lambda: not there.exists(), 10)


def test_a_python_of_ours_seldom_looks_for_garbage_and_not_at_its_end(tmp_path: Path) -> None:
    """It is read by Python's own reader of such files, which skips a line that it can't run with a few words only."""
    (tmp_path / "kafka_cluster.pth").write_text(setup.STARTS_WITH, encoding="utf-8")
    program = (
        f"import gc, site, sys; site.addsitedir({str(tmp_path)!r}); import atexit; print(gc.get_threshold()[0]);"
        " atexit._run_exitfuncs(); print(gc.get_freeze_count() > 0, sys.path[-1])"
    )
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["50000", "True", str(places.CHECKOUT)], done.stderr


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KAFKA_CLUSTER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_passphrase_is_made_once_and_is_its_owners(home: Path) -> None:
    setup.secret(print)
    made = (home / "passphrase").read_text()
    setup.secret(print)
    assert (home / "passphrase").read_text() == made, "with another one nobody reads the state again"
    assert len(made.strip()) > 30
    assert (home / "passphrase").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in home.iterdir()) == ["passphrase", "state"]


def test_a_passphrase_of_another_set_up_beside_this_one_stays(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def meanwhile(_: int) -> str:
        (home / "passphrase").write_text("the other's")
        return "mine"

    monkeypatch.setattr("secrets.token_urlsafe", meanwhile)
    setup.secret(print)
    assert (home / "passphrase").read_text() == "the other's", "a stack may have been made with it already"


def test_a_set_up_that_is_killed_leaves_no_half_a_passphrase(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(_: int) -> str:
        raise SystemExit("killed")

    monkeypatch.setattr("os.fsync", killed)
    with pytest.raises(SystemExit):
        setup.secret(print)
    assert not (home / "passphrase").exists(), "the next set-up would take it for one"


def test_make_clean_keeps_state_and_caches(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_CLUSTER_CACHE", str(tmp_path / "cache"))
    checkout = tmp_path / "checkout"
    kept = [
        home / "passphrase",
        home / "state" / "stack.json",
        tmp_path / "cache" / "image",
        checkout / "Pulumi.dev.yaml",
    ]
    gone = [checkout / ".venv" / "pyvenv.cfg", checkout / "model" / "__pycache__" / "left.pyc"]
    for file in (*kept, *gone):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    shutil.copy(places.CHECKOUT / "Makefile", checkout)
    subprocess.run(["make", "clean"], cwd=checkout, check=True, capture_output=True)
    assert all(file.exists() for file in kept), "what can't be made again is gone"
    assert not any(file.exists() for file in gone)
