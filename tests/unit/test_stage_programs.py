"""What every program on a machine starts with: files written whole or not at all, words of a failure, refusals."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import files
from model import stages

from .stage_machine import Machine, answer, refused


def test_a_file_is_written_once_and_then_left_alone(machine: Machine) -> None:
    write, path = machine.load()["write"], machine.path("/etc/a/b")
    assert write(path, "text", mode="0640") is True
    assert (path.read_text(), path.stat().st_mode & 0o7777) == ("text", 0o640)
    before = path.stat()
    assert write(path, "text", mode="0640") is False
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_ino == before.st_ino, "a file that is right is not touched"


def test_a_wrong_mode_or_content_is_mended(machine: Machine) -> None:
    write, path = machine.load()["write"], machine.path("/etc/x")
    write(path, "text")
    assert write(path, "text", mode="0600") is True
    assert path.stat().st_mode & 0o777 == 0o600
    assert write(path, "other", mode="0600") is True
    assert path.read_text() == "other"


def test_a_write_that_fails_leaves_the_old_file_whole(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    program, path = machine.load(), machine.path("/etc/x")
    program["write"](path, "old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(program["os"], "fsync", full)
    with pytest.raises(OSError, match="No space"):
        program["write"](path, "new")
    assert path.read_text() == "old"


def test_a_link_in_the_way_is_replaced_and_not_followed(machine: Machine) -> None:
    target, path = machine.path("/etc/passwd"), machine.path("/etc/x")
    target.write_text("root")
    path.symlink_to(target)
    machine.load()["write"](path, "text")
    assert not path.is_symlink()
    assert target.read_text() == "root"


def test_broken_json_is_refused_and_a_missing_file_is_not(machine: Machine) -> None:
    program, path = machine.load(), machine.path("/etc/OWNER.json")
    assert program["read_json"](path) is None
    path.write_text('{"half')
    assert str(path) in refused(program, "read_json", path), "half a file must not pass for none"


def test_a_failed_command_carries_its_last_words(machine: Machine) -> None:
    words = "import sys; [print('line', number, file=sys.stderr) for number in range(40)]; sys.exit(3)"
    with pytest.raises(machine.load()["Refused"]) as caught:
        machine.genuine_run("python3", "-c", words)
    told = str(caught.value)
    assert told.startswith(f"`python3 -c {words}` ended with 3:\n")
    assert told.endswith("line 38\nline 39")
    assert len(told.splitlines()) < 20, "the last words, and not a screen full of them"


@pytest.mark.parametrize("state", ["active", "activating", "reloading", "deactivating", "inactive", "failed"])
def test_a_service_that_is_neither_down_nor_up_counts_as_up(machine: Machine, state: str) -> None:
    program = machine.load()
    machine.answer(("systemctl", "show"), answer(f"{state}\n"))
    assert program["is_active"]("kafka.service") is (state not in ("inactive", "failed"))


def program(body: str) -> str:
    """A program with that body."""
    texts = {"stages/common.py": files.text("stages/common.py"), "stages/own.py": f"def main(plan):\n    {body}"}
    return stages.program(texts.__getitem__, ("own",), {"node": "n1", "stage": "installed"})


def ended(body: str) -> subprocess.CompletedProcess[str]:
    """One that was run as a machine runs it."""
    return subprocess.run([sys.executable, "-"], input=program(body), capture_output=True, text=True)


def test_a_refusal_ends_the_program_with_node_and_stage() -> None:
    done = ended("raise Refused('the reason')")
    assert (done.returncode, done.stderr) == (1, "n1: stage 'installed': the reason\n")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("raise OSError(28, 'No space left on device')", "OSError: [Errno 28] No space left on device"),
        ("run('no-such-program')", "FileNotFoundError: [Errno 2] No such file or directory: 'no-such-program'"),
        ("plan['nothing']", "KeyError: 'nothing'"),
    ],
)
def test_what_nobody_foresaw_ends_with_node_and_stage_too(body: str, told: str) -> None:
    done = ended(body)
    *place, last = done.stderr.splitlines()
    assert (done.returncode, last) == (1, f"n1: stage 'installed': {told}")
    assert "in main" in "\n".join(place), "where it happened stands above"


def test_a_program_whose_caller_is_gone_goes_on_to_its_end(tmp_path: Path) -> None:
    """The connection that it was sent over is cut while it says what it waits for."""
    done = tmp_path / "done"
    at_once = "globals().update(FIRST_SECONDS=0.05, EVERY_SECONDS=0.05)"
    text = program(f"{at_once}; run('sleep', '0.3'); write({str(done)!r}, 'x')")
    reader, writer = os.pipe()
    os.close(reader)
    try:
        subprocess.run([sys.executable, "-"], input=text, stdout=subprocess.PIPE, stderr=writer, text=True)
    finally:
        os.close(writer)
    assert done.exists(), "between a stop and a start, a node that was well would stay down"


def test_no_hang_up_ends_a_program() -> None:
    assert ended("import signal; os.kill(os.getpid(), signal.SIGHUP); say('done')").stdout == "done\n", (
        "nor does the end of the connection that it was sent over"
    )


def test_a_program_ends_as_it_says_itself() -> None:
    assert (ended("sys.exit(3)").returncode, ended("sys.exit(3)").stderr) == (3, "")
    assert "KeyboardInterrupt" in ended("raise KeyboardInterrupt").stderr.splitlines()[-1]


def test_a_login_with_a_strict_umask_shuts_nobody_out(tmp_path: Path) -> None:
    folder = tmp_path / "etc/kafka-cluster"
    before = os.umask(0o077)
    try:
        assert ended(f"write({str(folder / 'file')!r}, 'x')").returncode == 0
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o755, "Kafka's own user would not find its configuration"


def test_programs_answer_in_the_words_that_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert ended("sys.exit(os.environ['LC_ALL'] != 'C.UTF-8')").returncode == 0, "apt says Installationskandidat there"
