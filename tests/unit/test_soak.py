"""What the soak tries: a seed stands for one trial, every moment comes in its turn, and findings are a table's rows."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess
from subprocess import run as run_shell
from typing import Any

import pytest

from computer import places
from lab.nspawn import MachineError
from tests.soak import run
from tests.soak.run import WENT_THROUGH, Defect, Soak
from tests.soak.trials import (
    AGAIN,
    DEFECT,
    FIRST,
    NO_MOMENT,
    NOT_BEFALLEN,
    OPERATIONS,
    REBUILD,
    ROLL,
    SWITCH,
    UP_KILLED,
    Finding,
    Trial,
    appended,
    choose,
    following,
)
from tests.support.faults import FAULTS, CouldNotBefall, Fault, wake_broker

NODES = ("kafka-server1", "kafka-server2", "kafka-server3")
TRIAL = Trial("7", ROLL, UP_KILLED, "before `running`", "kafka-running updating", NODES[0], NODES[1])
MOMENTS = {(name, moment) for name, operation in OPERATIONS.items() for moment in operation.moments}
PAGE = places.CHECKOUT / "docs" / "reference" / "faults.md"


def test_a_seed_stands_for_one_trial() -> None:
    assert choose("12", NODES) == choose("12", NODES), "a trial that found something must be repeatable"


def walked(seed: str, count: int) -> list[Trial]:
    """The first trials of a walk."""
    trials = []
    for _ in range(count):
        trials.append(choose(seed, NODES))
        seed = following(seed)
    return trials


def test_every_moment_comes_before_any_comes_again() -> None:
    tried = [(trial.operation, trial.moment) for trial in walked("12", 2 * len(MOMENTS))]
    assert set(tried[: len(MOMENTS)]) == MOMENTS, "what is left to chance may never be tried"
    assert tried[: len(MOMENTS)] == tried[len(MOMENTS) :]
    other = [(trial.operation, trial.moment) for trial in walked("13", len(MOMENTS))]
    assert other != tried[: len(MOMENTS)], "each run would begin with the same ones"


def test_a_walk_can_be_taken_up_in_its_middle() -> None:
    walk = walked("12", 5)
    assert [trial.seed for trial in walk] == ["12", "12-1", "12-2", "12-3", "12-4"]
    assert walked("12-2", 3) == walk[2:], "the page says that a seed repeats its trial, and goes on from there"


def test_every_fault_is_tried_at_every_moment() -> None:
    tried = walked("12", 100 * len(MOMENTS))
    wanted = {(name, fault, moment) for name, op in OPERATIONS.items() for fault in op.faults for moment in op.moments}
    assert {(trial.operation, trial.fault, trial.moment) for trial in tried} == wanted
    assert {(trial.victim, trial.node) for trial in tried} == {(one, other) for one in NODES for other in NODES}


def test_a_moment_of_one_node_is_that_of_the_node_whose_machine_is_made_anew() -> None:
    tried = [trial for trial in walked("12", 500) if trial.operation == REBUILD]
    named = {trial.node for trial in tried for name in NODES if name in trial.line and name != trial.node}
    assert tried
    assert not named, "nothing of the others is made anew, and the moment would not come"


def test_every_fault_is_one_that_can_be_done() -> None:
    faults = {fault for operation in OPERATIONS.values() for fault in operation.faults}
    assert {fault for fault in faults if not fault.startswith("`up` killed")} == set(FAULTS)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_moment_is_a_pattern_without_a_gap(operation: str) -> None:
    lines = [trial.line for trial in walked("12", len(MOMENTS)) if trial.operation == operation]
    assert lines
    for line in lines:
        re.compile(line)
        assert "{" not in line


def test_a_finding_is_a_row_of_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    heading = next(line for line in page.splitlines() if line.startswith("| seed"))
    finding = Finding(TRIAL, "kraft", "`up` went through", 1.26)
    row = appended(page, [finding]).splitlines()[-1]
    assert (
        row
        == "| 7 | kraft | a roll | `up` killed with all it had started | before `running` | `up` went through | 1.3 s |"
    )
    assert row.count("|") == heading.count("|")


def test_the_page_explains_its_columns_and_every_operation_and_fault() -> None:
    prose, _, table = PAGE.read_text(encoding="utf-8").partition("\n| ")
    columns = [cell.strip() for cell in table.splitlines()[0].strip("| ").split("|")]
    assert "operation" in columns
    missing = [column for column in columns if f"- **{column}**: " not in prose]
    faults = {fault for operation in OPERATIONS.values() for fault in operation.faults}
    missing += [what for what in (*OPERATIONS, *faults) if f"- *{what}*: " not in prose]
    missing += [
        outcome for outcome in (NO_MOMENT, NOT_BEFALLEN) if outcome[1:].rstrip(": ") not in " ".join(prose.split())
    ]
    assert missing == []


def test_the_page_holds_no_defect_that_nobody_looked_at() -> None:
    assert DEFECT not in PAGE.read_text(encoding="utf-8"), "mend it, or say in words why it is as it is"


def test_an_operation_that_stops_the_cluster_has_no_stall() -> None:
    finding = Finding(replace(TRIAL, operation=SWITCH), "kraft", "done", None)
    assert "not meant to go on" in finding.row


class Ground:
    """A stack and machines that note what is done to them. `answers` is what a node says to a command."""

    def __init__(self) -> None:
        self.done: list[tuple[str, Any]] = []
        self.answers: Callable[[str, str], str] = lambda name, command: ""
        self.machines = dict.fromkeys(NODES)
        self.status = 0

    @property
    def ground(self) -> Any:
        return type("G", (), {"stack": self, "machines": self})()

    def configure(self, **values: Any) -> None:
        self.done.append(("configure", values))

    def up(self, *options: str) -> None:
        self.done.append(("up", options))

    def destroy(self) -> None:
        self.done.append(("destroy", None))

    def outputs(self) -> dict[str, str]:
        return {"cluster_id": "known"}

    def rebuild(self, name: str) -> None:
        self.done.append(("rebuild", name))

    def ssh(self, name: str, command: str) -> "CompletedProcess[str]":
        self.done.append((name, command))
        return CompletedProcess([], self.status, self.answers(name, command), "")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_is_begun_by_something(operation: str) -> None:
    made = Ground()
    options = Soak(made.ground)._begin(replace(TRIAL, operation=operation))
    assert made.done, "an `up` that has nothing to do has no moment in which it could be cut off"
    assert options == (("--replace", f"**{NODES[1]}-host-ready") if operation == REBUILD else ())


def test_a_first_up_finds_what_it_is_to_find() -> None:
    kept, wiped = Ground(), Ground()
    Soak(kept.ground)._begin(replace(TRIAL, operation=AGAIN))
    assert kept.done == [("configure", {"clusterId": "known"}), ("destroy", None)]
    soak = Soak(wiped.ground, identities={(NODES[0], "myid"): "1"})
    soak._begin(replace(TRIAL, operation=FIRST))
    assert wiped.done[:2] == [("configure", {"clusterId": None}), ("destroy", None)]
    assert [name for name, command in wiped.done[2:] if "wipefs" in command] == list(NODES)
    assert not soak.identities, "who the nodes were is gone with their disks"


def identified(first: str, then: str, *, under_way: bool) -> None:
    """Who the nodes are is looked at twice."""
    made = Ground()
    soak = Soak(made.ground)
    made.answers = lambda name, command: first
    soak._identify(under_way=True)
    made.answers = lambda name, command: then
    soak._identify(under_way=under_way)


@pytest.mark.parametrize(("first", "then"), [("", "1"), ("1", "1"), ("", "")])
def test_who_becomes_somebody_or_stays_the_same_is_no_defect(first: str, then: str) -> None:
    identified(first, then, under_way=False)


@pytest.mark.parametrize(("first", "then"), [("1", "2"), ("1", "")])
def test_who_is_somebody_else_or_nobody_any_more_is_a_defect(first: str, then: str) -> None:
    with pytest.raises(Defect, match="the data volume was 1 and is"):
        identified(first, then, under_way=False)


def test_a_disk_that_is_not_mounted_yet_is_compared_later() -> None:
    identified("1", "", under_way=True)


def test_every_roll_is_one() -> None:
    made = Ground()
    soak = Soak(made.ground)
    for _ in range(3):
        soak._begin(TRIAL)
    asked = [values for _, values in made.done]
    assert asked[0] != asked[1] != asked[2], "what is asked for again changes nothing"
    begun = {"heap": run.HEAPS[0], "settings": run.SETTINGS[0]}
    assert all(asked[0][key] != begun[key] for key in begun), "nor does what the cluster began with"


class Up:
    """An `up` that is under way: comes to every moment or to none, and ends with some status."""

    said = "no broker came"

    def __init__(self, status: int, *, comes: bool = True) -> None:
        self.end = lambda: status
        self.search = lambda line: re.fullmatch(re.escape(line), line) if comes else None


BY_SIGNAL, BY_DISK = (replace(TRIAL, fault=fault) for fault in ("SIGSTOP of a broker", "disk full"))


@pytest.fixture
def went(monkeypatch: pytest.MonkeyPatch) -> Callable[[Ground, Trial, Up], str]:
    """How an `up` with a fault in it went; the fault is mended at once."""
    monkeypatch.setattr(run, "FAULT_SECONDS", 0)

    def go(made: Ground, trial: Trial, up: Up) -> str:
        @contextmanager
        def under_way(*_: object) -> Iterator[Up]:
            yield up

        monkeypatch.setattr(run, "up_under_way", under_way)
        return Soak(made.ground)._up(trial, ())

    return go


Went = Callable[[Ground, Trial, Up], str]


@pytest.mark.parametrize("trial", [BY_SIGNAL, BY_DISK])
def test_a_fault_that_befell_is_told_from_one_that_could_not(went: Went, trial: Trial) -> None:
    made = Ground()
    assert went(made, trial, Up(0)) == WENT_THROUGH
    mended = [command for name, command in made.done if name == trial.victim]
    assert len(mended) == 2, "what lasts is to be mended"
    made.status, made.answers = 1, lambda name, command: "no | such\nthing"
    outcome = went(made, trial, Up(0))
    assert outcome == f"{NOT_BEFALLEN}{trial.victim}: no / such thing", "a trial of nothing would count as passed"
    finding = Finding(trial, "kraft", outcome, None)
    assert finding.tried_nothing
    assert not finding.is_defect


def test_an_up_that_a_fault_ended_is_completed(went: Went) -> None:
    made = Ground()
    assert went(made, BY_DISK, Up(1)) == "`up` ended with an error, the next one completed it"
    assert [what for what, _ in made.done].count("up") == 2


def test_an_up_that_fails_by_itself_is_a_defect(went: Went) -> None:
    made = Ground()
    made.status = 1
    with pytest.raises(Defect, match=r"could not befall.*and `up` ended with an error: no broker came"):
        went(made, BY_DISK, Up(1))
    with pytest.raises(Defect, match=NO_MOMENT):
        went(Ground(), BY_DISK, Up(1, comes=False))


def test_a_moment_that_did_not_come_tried_nothing(went: Went) -> None:
    assert Finding(BY_DISK, "kraft", went(Ground(), BY_DISK, Up(0, comes=False)), None).tried_nothing


def test_a_fault_that_could_not_be_mended_is_not_passed_over(went: Went, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise MachineError("it does not boot")

    monkeypatch.setattr(run, "FAULTS", {TRIAL.fault: Fault(lambda *_: None, refuse)})
    monkeypatch.setattr(run, "KILLS", ())
    with pytest.raises(MachineError):
        went(Ground(), TRIAL, Up(0))


def test_a_disk_counts_as_full_when_it_takes_nothing_more(tmp_path: Path) -> None:
    """As the machine's shell would, with programs in the places of those that need a volume."""
    made, ran = Ground(), tmp_path / "ran"
    FAULTS["disk full"].befall(made, NODES[0])  # type: ignore[arg-type]
    [(_, command)] = made.done
    for mounted, full in ((True, True), (True, False), (False, True)):
        programs = {"sudo": '"$@"', "mountpoint": f"exit {0 if mounted else 32}", "fallocate": "exit 1", "df": "echo 1"}
        programs["cat"] = f"echo filled >> {ran}; exit {1 if full else 0}"
        for name, does in programs.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
            (tmp_path / name).chmod(0o755)
        ran.unlink(missing_ok=True)
        here = command.replace("/var/lib/kafka", str(tmp_path))
        path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        done = run_shell(["sh", "-c", here], env=path, capture_output=True)
        assert (done.returncode == 0) == (mounted and full)
        assert ran.exists() == mounted, "a folder in the volume's place is the machine's own disk"


def test_a_signal_is_for_a_process_that_there_is() -> None:
    made = Ground()
    made.status = 1
    with pytest.raises(CouldNotBefall):
        FAULTS["kill -9 of a broker"].befall(made, NODES[0])  # type: ignore[arg-type]
    assert "--kill-whom=main" in made.done[0][1], "without it systemd answers that a signal to nobody was sent"
    wake_broker(made, NODES[0])  # type: ignore[arg-type]
