"""What a node says of itself, and what follows from it."""

from dataclasses import replace
from typing import Any

import pytest

from model import vitals
from model.handover import Access, NodeFacts
from model.kafka_keys import Role
from model.numbers import LogSearch
from model.vitals import Account, Clock, NodeStatus, Start

NOW = 1_700_000_000
FACTS = NodeFacts(
    name="n1",
    id=1,
    address="172.25.254.131",
    roles=(Role.BROKER, Role.CONTROLLER),
    fingerprint="f1",
    access=Access(name="n1", address="172.25.254.131", user="admin", host_key="", private_key=""),
)
UP = {"ActiveState": "active", "ActiveEnterTimestamp": f"@{NOW}", "NRestarts": "0"}
DOWN = {"ActiveState": "inactive", "ActiveEnterTimestamp": "", "NRestarts": "0"}
EXACT = Clock(0.0, 0.01)


def account(**more: Any) -> Account:
    plain = {
        "units": {"kafka.service": UP, "zookeeper.service": DOWN},
        "blind": False,
        "running": "f1",
        "free_bytes": 50,
        "total_bytes": 100,
        "booted": NOW - 900,
        "boot_is_over": True,
        "start": {"when": NOW - 1, "why": "its configuration changed"},
        "heap": "512M",
        "collected": "",
        "elections": {"lines": [], "oldest": "2026-01-02 03:04:05"},
    }
    return Account.model_validate({**plain, **more})


def node(clock: Clock = EXACT, services: tuple[str, ...] = ("kafka.service",), **more: Any) -> NodeStatus:
    return vitals.status(FACTS, services, account(**more), clock)


def test_a_node_that_does_its_part() -> None:
    found = node()
    assert (found.since, found.reason, found.restarts) == (NOW, "its configuration changed", 0)
    assert found.is_current is True
    assert found.heap_mib == 512
    assert vitals.faults(found) == vitals.warnings(found) == []


@pytest.mark.parametrize(
    ("restarts", "booted", "start", "why"),
    [
        (0, NOW - 900, Start(when=NOW - 1, why="it was down"), "it was down"),
        (0, NOW - 900, Start(when=NOW, why="its configuration changed"), "its configuration changed"),
        (2, NOW - 900, Start(when=NOW - 1, why="it was down"), "it failed, and systemd started it again (2 times)"),
        (0, NOW - 9, Start(when=NOW - 5000, why="it was down"), "its machine was booted"),
        (0, NOW - 9, None, "its machine was booted"),
        (0, NOW - 9000, Start(when=NOW - 5000, why="it was down"), "it was started by hand"),
        (0, NOW - 9000, Start(when=NOW + 5, why="of a later one"), "it was started by hand"),
    ],
)
def test_why_a_node_was_started(restarts: int, booted: int, start: Start | None, why: str) -> None:
    assert vitals.reason(NOW, restarts, booted, start) == why


def test_a_service_that_is_down_is_a_fault_and_its_configuration_is_none() -> None:
    found = node(units={"kafka.service": DOWN, "zookeeper.service": DOWN})
    assert vitals.faults(found) == ["n1: kafka.service is inactive"]
    assert (found.since, found.reason) == (None, None)


def test_only_the_modes_services_are_asked_for() -> None:
    both = ("zookeeper.service", "kafka.service")
    assert vitals.faults(node(services=both)) == ["n1: zookeeper.service is inactive"]


def test_another_configuration_than_planned_is_a_fault() -> None:
    assert vitals.faults(node(running="f0")) == ["n1 runs the configuration f0, planned is f1"]


def test_a_node_that_did_not_answer_is_a_fault_and_nothing_else_is_known_of_it() -> None:
    found = vitals.unasked(FACTS, "no answer within 1.4 s")
    assert vitals.faults(found) == ["n1 can't be asked: no answer within 1.4 s"]
    assert vitals.warnings(found) == []
    assert found.is_current is None


@pytest.mark.parametrize(("free", "said"), [(9, True), (10, False)])
def test_a_disk_that_fills_up_is_told(free: int, said: bool) -> None:
    assert any("data volume is free" in warning for warning in vitals.warnings(node(free_bytes=free))) == said


@pytest.mark.parametrize(
    ("clock", "words"),
    [(Clock(5.0, 0.01), "5.0 s ahead of"), (Clock(-3.0, 0.01), "3.0 s behind"), (Clock(1.5, 0.8), ""), (EXACT, "")],
)
def test_a_clock_is_off_only_when_that_is_certain(clock: Clock, words: str) -> None:
    found = vitals.warnings(node(clock))
    assert bool(found) == bool(words)
    assert words in "".join(found)


@pytest.mark.parametrize(
    ("line", "mib"),
    [
        (
            "[2026-11-22T20:00:00.000+0000][gc] GC(3) Pause Young (Normal) (G1 Evacuation Pause) 178M->32M(512M) 3.2ms",
            32,
        ),
        ("GC(0) Pause Full (Metadata GC Threshold) 1G->1G(2G) 30ms", 1024),
        ("GC(0) Pause Young 900K->512K(1024K) 1ms", 0),
        ("Using G1", None),
        ("", None),
    ],
)
def test_the_heap_is_what_a_collection_left_of_it(line: str, mib: int | None) -> None:
    assert vitals.heap_after_collection(line) == mib


def test_logs_that_could_not_be_read_are_not_logs_without_a_line() -> None:
    assert account(elections=None).elections is None
    assert account().elections == LogSearch((), "2026-01-02 03:04:05")


def test_a_repeated_failure_is_worth_a_look() -> None:
    assert "systemd had to start it again 4 times" in vitals.warnings(replace(node(), restarts=4))[0]


def test_a_process_that_tells_no_metrics_is_worth_a_look() -> None:
    silent = node(silent=("kafka.service", "zookeeper.service"))
    (said,) = vitals.warnings(silent)
    assert said == f"{FACTS.name}: kafka.service tells no metrics; its journal says why it started without"
    assert vitals.faults(silent) == [], "it serves as ever"
    down = node(silent=("kafka.service",), units={"kafka.service": {**UP, "ActiveState": "inactive"}})
    assert vitals.warnings(down) == [], "that it is down is said"


@pytest.mark.parametrize("state", ["activating", "failed", "inactive"])
def test_a_machine_that_tells_no_metrics_is_worth_a_look_and_no_fault(state: str) -> None:
    mute = node(exporter=state)
    (said,) = vitals.warnings(mute)
    assert said.startswith(f"{FACTS.name}: kafka-node-exporter.service is {state} and tells no metrics")
    assert "its port may be taken, and its journal says why" in said, "whoever reads it has to know where to look"
    assert vitals.faults(mute) == [], "it serves as ever, so a status and an `up` must not fail of it"
    assert not vitals.stays_down(mute), "nobody waits for it, so it is no reason to stop waiting"


@pytest.mark.parametrize("state", ["active", ""])
def test_a_machine_that_tells_its_metrics_or_has_none_to_tell_is_well(state: str) -> None:
    assert vitals.warnings(node(exporter=state)) == []


@pytest.mark.parametrize(
    ("state", "boot_is_over", "in_vain"),
    [
        ("active", True, False),
        ("activating", True, False),
        ("inactive", True, True),
        ("failed", True, True),
        ("inactive", False, False),
    ],
)
def test_waiting_is_in_vain_for_a_service_that_nobody_starts(state: str, boot_is_over: bool, in_vain: bool) -> None:
    unit = {**UP, "ActiveState": state}
    assert vitals.stays_down(node(units={"kafka.service": unit}, boot_is_over=boot_is_over)) is in_vain


def test_a_node_that_can_not_be_asked_may_be_booting() -> None:
    assert not vitals.stays_down(vitals.unasked(FACTS, "no answer within 1.4 s"))
