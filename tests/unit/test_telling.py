"""Whoever waits is told for what, how long already and how long at most; and nobody is told of a moment."""

import asyncio
import fcntl
import io
import os
import re
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from computer import apt, commands, telling
from computer.commands import CommandFailed
from model import stages
from model.handover import LiveSettings, seats
from model.health import Partition, Sample
from model.kafka_keys import Mode
from model.paths import Paths
from operations.gates import Gates
from operations.kafka_view import KafkaView
from operations.live_settings import DefaultsUpdater, SettingsView
from operations.topics import TopicsView, settle
from operations.wait import TimedOut, until, with_progress
from operations.ways import DIRECT
from operations.whole_stop import WholeStop

from .samples import cluster
from .stage_machine import Machine
from .test_handover import handover
from .test_topics import plan

QUICK = 0.02
NAMES = ("n1", "n2", "n3")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds takes hundredths."""
    monkeypatch.setattr(telling, "FIRST_SECONDS", QUICK)
    monkeypatch.setattr(telling, "EVERY_SECONDS", QUICK)


def seconds_left_out(text: str) -> str:
    """How long it took depends on who else works on this computer."""
    return re.sub(r"\(\d+ s ", "(N s ", text)


def run(work: Any) -> Any:
    async def all_of_it() -> Any:
        return await work

    return asyncio.run(all_of_it())


async def slow(answer: Any = None, seconds: float = 5 * QUICK) -> Any:
    await asyncio.sleep(seconds)
    return answer


# -- operations ------------------------------------------------------------------------------------------------


def test_a_question_that_takes_long_is_told_of_while_it_is_open(capsys: pytest.CaptureFixture[str]) -> None:
    run(until("the moon", slow, limit=9))
    said = seconds_left_out(capsys.readouterr().out).splitlines()
    assert said[0] == "waiting for the moon: no answer yet (N s of at most 9 s)", "and not only between two questions"
    assert len(said) > 1


def test_what_is_still_missing_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    answers = iter(["half of it"] * 9)

    async def ask() -> str | None:
        return next(answers, None)

    run(until("the moon", ask, limit=9, every=QUICK))
    assert "waiting for the moon: half of it (N s of at most 9 s)" in seconds_left_out(capsys.readouterr().out)


def test_a_question_without_an_end_is_given_up_with_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.wait._ONE_ANSWER_SECONDS", 0.0)
    with pytest.raises(TimedOut, match="for the moon; still missing: no answer yet"):
        run(until("the moon", lambda: slow(seconds=60), limit=3 * QUICK))


def test_work_is_told_of_and_answers_what_it_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(with_progress("the work", slow(7), limit=30)) == 7
    assert "waiting for the work (N s of at most 30 s)" in seconds_left_out(capsys.readouterr().out)


def test_of_waits_inside_each_other_the_outermost_speaks(capsys: pytest.CaptureFixture[str]) -> None:
    async def ask() -> str | None:
        await with_progress("what is inside", slow(), limit=1)
        return None

    run(until("the whole", ask, limit=9))
    said = capsys.readouterr().out
    assert "the whole" in said
    assert "inside" not in said


def test_work_that_fails_fails_here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "FIRST_SECONDS", 2.0)

    async def fail() -> None:
        raise OSError("no route")

    with pytest.raises(OSError, match="no route"):
        run(with_progress("the work", fail(), limit=1))
    assert capsys.readouterr().out == "", "nothing is said of a moment"


def test_work_that_nobody_waits_for_any_more_ends() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(with_progress("the work", work(), limit=60), QUICK)
        await asyncio.sleep(0)

    asyncio.run(give_up())
    assert ended


class SlowToStop:
    """A machine whose services are down soon and ended late."""

    async def run(self, command: str) -> str:
        is_asked = "show" in command or "--no-block" in command
        return "inactive" if is_asked else str(await slow())


def test_services_that_end_late_are_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    machine: Any = SlowToStop()
    run(WholeStop(handover(Mode.KRAFT), dict.fromkeys(NAMES, machine)).stop())
    said = seconds_left_out(capsys.readouterr().out)
    assert "waiting for n1, n2, n3 to stop (N s of at most 60 s)" in said


def test_leaders_that_go_back_slowly_are_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    class SlowView(KafkaView):
        leader = 2

        async def sample(self) -> Sample:
            return Sample(frozenset({1, 2}), 1, (Partition("t", 0, self.leader, (1, 2), (1, 2)),))

        @property
        def admin(self) -> Any:
            time.sleep(5 * QUICK)  # as the client does while it connects
            self.leader = 1
            return SimpleNamespace(elect_leaders=lambda _: None)

        async def hurry(self) -> None: ...

    gates = Gates(handover(Mode.KRAFT), DIRECT)
    gates.view = SlowView(cluster(), DIRECT)
    run(gates.restore_leaders())
    said = seconds_left_out(capsys.readouterr().out)
    assert "waiting for leaders to go back: no answer yet (N s of at most 300 s)" in said, (
        "emulated machines have five times as long"
    )


class SlowBrokers(KafkaView):
    """Brokers that answer late."""

    async def of_brokers(self) -> Sample:
        await slow()
        return Sample(frozenset({1, 2, 3}), 1, ())


def test_a_look_at_the_cluster_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    run(SlowBrokers(cluster(), DIRECT).sample())
    said = seconds_left_out(capsys.readouterr().out)
    assert "waiting for the cluster to say how it is (N s of at most 70 s)" in said


def test_topics_are_asked_for_and_altered_with_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def late(*_: object) -> Any:
        time.sleep(5 * QUICK)
        return {}

    monkeypatch.setenv("KAFKA_CLUSTER_HOME", str(tmp_path))
    for question in ("seen", "faults", "carry_out", "delete"):
        monkeypatch.setattr(TopicsView, question, late)
    run(settle(plan({})))
    said = seconds_left_out(capsys.readouterr().out)
    for what, most in (("list the", 30), ("judge the", 20), ("alter the", 20)):
        assert f"waiting for the brokers to {what} topics (N s of at most {most} s)" in said


def test_live_settings_are_asked_for_with_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = cluster()

    def late(*_: object) -> Any:
        time.sleep(5 * QUICK)
        return {}

    monkeypatch.setattr(SettingsView, "settings", late)
    wanted = LiveSettings(
        mode=Mode.KRAFT, version=shape.version, cluster_id="c", patience=1, nodes=seats(shape), defaults={}
    )
    run(DefaultsUpdater(wanted, DIRECT).update())
    said = seconds_left_out(capsys.readouterr().out)
    assert "waiting for the brokers to say what they work with: no answer yet (N s of at most 60 s)" in said


# -- programs that block ---------------------------------------------------------------------------------------


def test_what_blocks_is_told_of_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    with telling.telling("the build", 60):
        time.sleep(5 * QUICK)
    said = capfd.readouterr()
    assert "waiting for the build (N s of at most 60 s)" in seconds_left_out(said.err)
    assert said.out == "", "an answer may be read from there"


def test_what_speaks_for_itself_is_not_told_of_as_well(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough for a busy computer to come back to the loop in between.
    for name in ("FIRST_SECONDS", "EVERY_SECONDS"):
        monkeypatch.setattr(telling, name, 1.0)
    ended = time.monotonic() + 2.5
    with telling.telling("the build", 60) as heard:
        while time.monotonic() < ended:
            heard()
            time.sleep(0.01)
    assert capfd.readouterr().err == ""


class Endless:
    """Something that never comes to its end."""

    def read(self, size: int) -> bytes:
        time.sleep(QUICK)
        return b"x"


def test_what_comes_from_elsewhere_is_given_up_in_the_end(tmp_path: Path) -> None:
    with (
        (tmp_path / "file").open("wb") as target,
        pytest.raises(TimeoutError, match="took longer than 0 s, and was ended"),
    ):
        telling.copied(Endless(), target, "an archive", 3 * QUICK)


def test_what_comes_from_elsewhere_comes_whole(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    with (tmp_path / "file").open("wb") as target:
        telling.copied(io.BytesIO(content), target, "an archive", 60)
    assert (tmp_path / "file").read_bytes() == content


APT = """#!/bin/sh
[ "$LC_ALL" = C ] || echo "in another language" >&2
echo "$@" >> {folder}/asked
[ "$(wc -l < {folder}/asked)" -lt {tries} ] && {{ echo "E: {words}" >&2; exit 100; }}
exit 0
"""
HELD = "Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)"


@pytest.fixture
def lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An apt that fetches its lists at the n-th try, and says why not before."""

    def make(tries: int, words: str) -> Path:
        (tmp_path / "apt-get").write_text(APT.format(folder=tmp_path, tries=tries, words=words))
        (tmp_path / "apt-get").chmod(0o755)
        return tmp_path / "asked"

    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(apt, "_PAUSE_SECONDS", 3 * QUICK)
    return make


def test_apts_lists_are_waited_for_while_another_holds_them(lists: Any, capfd: pytest.CaptureFixture[str]) -> None:
    asked = lists(4, HELD)
    apt.update()
    assert len(asked.read_text().splitlines()) == 4
    said = seconds_left_out(capfd.readouterr().err)
    assert "waiting for apt's lists, which another program holds (N s of at most 600 s)" in said


def test_apts_lists_are_not_waited_for_where_nobody_holds_them(lists: Any, capfd: pytest.CaptureFixture[str]) -> None:
    asked = lists(4, "Could not open lock file /var/lib/apt/lists/lock - open (13: Permission denied)")
    with pytest.raises(CommandFailed, match="13: Permission denied"):
        apt.update()
    assert len(asked.read_text().splitlines()) == 1
    assert capfd.readouterr().err == ""


def test_apts_lists_are_given_up_in_the_end_with_who_holds_them(lists: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt, "LOCK_SECONDS", 5 * QUICK)
    lists(10_000, HELD)
    with pytest.raises(CommandFailed, match="held by process 7"):
        apt.update()


def test_a_program_that_is_waited_for_is_given_up_in_the_end(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="`sleep 60` took longer than 0 s, and was ended"):
        commands.output(["sleep", "60"], most=QUICK)
    with pytest.raises(CommandFailed, match="and was ended"):
        commands.logged(["sleep", "60"], tmp_path / "log", most=QUICK)


def test_a_moment_is_not_told_of(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "FIRST_SECONDS", 2.0)
    with telling.telling("a moment", 60):
        pass
    assert capfd.readouterr().err == ""


def test_what_takes_minutes_is_told_of_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert [telling.pause(elapsed) for elapsed in (0, 2, 40, 100, 1000)] == [2, 5, 5, 10, 30]


def test_a_lock_that_another_holds_is_waited_for_and_not_for_ever(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "lock"
    with file.open("w") as holder, file.open("w") as other:
        telling.hold(holder, "the build", file)
        with pytest.raises(telling.StillHeld, match="for the build; `fuser "):
            telling.hold(other, "the build", file, 5 * QUICK)
        fcntl.flock(holder, fcntl.LOCK_UN)
        telling.hold(other, "the build", file)
    said = seconds_left_out(capfd.readouterr().err)
    assert f"waiting for the build, which another program holds ({file}) (N s of at most 0 s)" in said


# -- stages on a machine ---------------------------------------------------------------------------------------


def test_a_stages_limit_is_the_one_that_it_speaks_of(machine: Machine) -> None:
    assert machine.load()["MOST_SECONDS"] == stages.RUN_SECONDS


def test_a_stages_command_that_takes_long_is_told_of(machine: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    program = machine.load()
    program.update(FIRST_SECONDS=QUICK, EVERY_SECONDS=QUICK)
    done = program["patiently"](("sh", "-c", "sleep 0.2; cat"), "typed", {})
    assert (done.returncode, done.stdout) == (0, "typed")
    said = capfd.readouterr()
    words = "waiting for `sh -c sleep 0.2; cat` (N s of at most 1800 s for the whole stage)"
    assert words in seconds_left_out(said.err)
    assert said.out == "", "the answer of a machine is read from there"


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """The command of a stage, with a sudo that is none and a short first wait."""
    (tmp_path / "sudo").write_text('#!/bin/sh\nshift\nexec "$@"\n')
    (tmp_path / "sudo").chmod(0o755)
    text = stages.command("first", "a b").replace(Paths.lock, str(tmp_path / "lock")).replace("step=2", "step=1")
    return ["env", f"PATH={tmp_path}:{os.environ['PATH']}", "sh", "-c", text]


PROGRAM = "import sys; print(sys.argv[1:]); sys.exit(3)"


def test_a_stages_program_gets_its_words_and_keeps_its_end(command: list[str]) -> None:
    done = subprocess.run(command, input=PROGRAM, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, "['first', 'a b']\n", "")


def test_a_stage_waits_for_another_one_and_says_so(command: list[str], tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        first = process.stderr.readline()
    assert first.startswith("waiting for another stage that runs on this machine (")
    out, _ = process.communicate(PROGRAM)
    assert (process.returncode, out) == (3, "['first', 'a b']\n")
