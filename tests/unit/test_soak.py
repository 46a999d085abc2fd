"""What the soak tries: a seed stands for one trial, every kind comes up, and its findings are a table's rows."""

import re

import pytest

from tests.soak.trials import DEFECT, OPERATIONS, ROLL, SWITCH, UP_KILLED, Finding, Trial, appended, choose
from tests.support.faults import FAULTS
from toolchain import places

NODES = ("kafka-server1", "kafka-server2", "kafka-server3")
TRIAL = Trial("7", ROLL, UP_KILLED, "before `running`", "kafka-running updating", NODES[0])
PAGE = places.CHECKOUT / "docs" / "reference" / "faults.md"


def test_a_seed_stands_for_one_trial() -> None:
    assert choose("12", NODES) == choose("12", NODES), "a trial that found something must be repeatable"


def test_every_operation_fault_and_moment_is_tried() -> None:
    tried = [choose(str(seed), NODES) for seed in range(2000)]
    wanted = {(name, fault, moment) for name, op in OPERATIONS.items() for fault in op.faults for moment in op.moments}
    assert {(trial.operation, trial.fault, trial.moment) for trial in tried} == wanted
    assert {trial.victim for trial in tried} == set(NODES)


def test_every_fault_is_one_that_can_be_done() -> None:
    faults = {fault for operation in OPERATIONS.values() for fault in operation.faults}
    assert {fault for fault in faults if not fault.startswith("`up` killed")} == set(FAULTS)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_moment_is_a_pattern_without_a_gap(operation: str) -> None:
    for seed in range(200):
        line = choose(str(seed), NODES).line
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


def test_the_page_holds_no_defect_that_nobody_looked_at() -> None:
    assert DEFECT not in PAGE.read_text(encoding="utf-8"), "mend it, or say in words why it is as it is"


def test_an_operation_that_stops_the_cluster_has_no_stall() -> None:
    finding = Finding(Trial("7", SWITCH, UP_KILLED, "m", "l", NODES[0]), "kraft", "done", None)
    assert "not meant to go on" in finding.row
