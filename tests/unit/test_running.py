"""One run over all nodes: what it refuses, what it says, and in which order it touches whom."""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from model import order
from model.handover import Access
from model.health import Ensemble, Member, Quorum, Sample
from model.kafka_keys import Mode
from model.topology import Node
from operations import accounts, running, sight
from operations.machine import Unreachable
from operations.running import Run
from operations.wait import TimedOut
from operations.ways import DIRECT

from .test_handover import handover

CONFIG = {mode: f'KAFKA_CONFIG="{handover(mode).cluster.paths.properties(mode)}"' for mode in Mode}
PLANNED = "f"
# By the machines' clocks, which are not this computer's.
NOW = 1_000_000.0


class Machine:
    """A machine that says what a test gives it, and keeps what it was told to do."""

    def __init__(self, name: str, told: dict[str, Any], done: list[str]) -> None:
        self.name, self.told, self.done = name, told, done
        self.waits: list[int] = []

    async def ask(self, _: tuple[str, ...], __: dict[str, Any]) -> dict[str, Any]:
        return self.told

    async def stage(self, parts: tuple[str, ...], _: dict[str, Any], lock_seconds: int = 0) -> str:
        self.done.append(f"{parts[-1]} {self.name}")
        self.waits.append(lock_seconds)
        return ""

    async def run(self, command: str, stdin: str = "") -> str:
        if command != "true":
            self.done.append(f"{command.split()[-1]} {self.name} {stdin}")
        return "inactive"


def told(mode: Mode, state: str, runs: str = PLANNED, **more: Any) -> dict[str, Any]:
    """A node's account of itself."""
    unit = {"ActiveState": state, "SubState": "running", "NRestarts": "0", "ActiveEnterTimestamp": "@1000"}
    units = {"kafka.service": unit, "zookeeper.service": unit}
    report = {"units": units, "running": runs, "config": CONFIG[mode], "staged": PLANNED, "now": NOW}
    return {**report, "other_topics": [], "zookeeper_cluster": "", "blind": False, **more}


async def unreached(access: Access) -> Any:
    raise AssertionError(f"a connection to {access.name} stands already")


class Gates:
    """Gates that are open, and keep that they were passed."""

    patience = 1

    def __init__(self, done: list[str], sample: Sample) -> None:
        self.done, self.seen = done, sample
        self.view = SimpleNamespace(sample=self.unaided)
        self.passed: list[str] = []
        self.blind: frozenset[int] = frozenset()

    async def unaided(self) -> Sample:
        return self.seen

    async def sample(self) -> Sample:
        return replace(self.seen, blind=self.blind)

    async def spared(self, waiting: dict[str, int]) -> str:
        self.passed.append(", ".join(waiting))
        return min(waiting)

    async def whole(self, waiting: Collection[int] = (), *, samples: int = 1, started: Any = None) -> None:
        self.done.append(" but for ".join(["whole" if samples == 1 else "calm", *map(str, waiting)]))

    async def serving(self, brokers: Iterable[Node]) -> None:
        self.done.append(f"serving {', '.join(broker.name for broker in brokers)}")

    async def restore_leaders(self) -> None:
        pass


QUORUM = Quorum(3, {1: Member(0, 9000), 2: Member(0, 9000), 3: Member(0)}, {})
ENSEMBLE = Sample(
    frozenset({1, 2, 3}),
    1,
    (),
    ensemble=Ensemble({1: "follower", 2: "leader", 3: "follower"}, dict.fromkeys((1, 2, 3), 1)),
)
WHOLE = Sample(frozenset({1, 2, 3}), 1, (), quorum=Quorum(1, dict.fromkeys((1, 2, 3), Member(0)), {}))


def brought(mode: Mode, *reports: dict[str, Any], seen: Sample = WHOLE) -> list[str]:
    """What was done to nodes, by name, that gave these accounts."""
    plan = handover(mode)
    done: list[str] = []
    machines: dict[str, Any] = {
        node.name: Machine(node.name, report, done) for node, report in zip(plan.nodes, reports, strict=True)
    }
    run = Run(plan, machines, DIRECT, unreached)
    gates: Any = Gates(done, seen)
    run.gates = gates
    asyncio.run(run.bring())
    return done


@pytest.mark.parametrize(("restart", "seconds"), [(True, 50), (False, 900)])
def test_a_restart_does_not_wait_long_for_its_machine(restart: bool, seconds: int) -> None:
    plan = handover(Mode.KRAFT)
    machine = Machine("n1", {}, [])
    machines: dict[str, Any] = {"n1": machine}
    run = Run(plan, machines, DIRECT, unreached)
    run.note([order.state(plan.nodes[0], told(Mode.KRAFT, "active"), (), 1)])
    asyncio.run(run.start("n1", restart=restart))
    assert machine.waits == [seconds], (
        "it was allowed for the cluster as it was then, and others may have gone down since"
    )


@pytest.mark.parametrize("before", Mode)
def test_disks_of_different_clusters_are_refused_before_anything_is_touched(before: Mode) -> None:
    state = "active" if before is Mode.KRAFT else "inactive"
    reports = [told(before, state, zookeeper_cluster=drawn) for drawn in ("A", "A", "B")]
    with pytest.raises(running.Failed, match=r"n1, n2: A; n3: B.*Nothing was started or stopped") as refusal:
        brought(Mode.ZOOKEEPER, *reports)
    assert "zookeeper-mode-logs" in str(refusal.value)


@pytest.mark.parametrize(
    ("mode", "state", "runs"),
    [(Mode.ZOOKEEPER, "active", "other"), (Mode.KRAFT, "active", "old"), (Mode.KRAFT, "inactive", "")],
    ids=["of the other mode", "outdated", "down"],
)
def test_nothing_is_stopped_for_a_plan_that_no_machine_holds_any_more(
    mode: Mode, state: str, runs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It waited behind another run, which brought what was configured since."""
    reports = [told(mode, state, runs, staged=staged) for staged in ("newer", "newer", "none")]
    with pytest.raises(running.Failed) as refusal:
        brought(Mode.KRAFT, *reports)
    assert str(refusal.value).startswith(
        "stage 'running': n1 holds configuration newer and not f, n2 holds configuration newer and not f,"
        " n3 holds configuration none and not f, which is planned. It started and stopped nothing."
    )
    assert capsys.readouterr().out == "", "the whole cluster would be stopped, and no node would start"


def test_what_is_staged_on_a_node_that_is_left_alone_is_nothing_to_it() -> None:
    reports = [told(Mode.KRAFT, "active", staged="newer"), told(Mode.KRAFT, "active"), told(Mode.KRAFT, "inactive")]
    assert brought(Mode.KRAFT, *reports) == ["start n3", "whole"]


def test_what_an_ensemble_drew_is_nothing_to_the_other_mode() -> None:
    reports = [told(Mode.KRAFT, "inactive", zookeeper_cluster=drawn) for drawn in ("A", "A", "B")]
    assert brought(Mode.KRAFT, *reports) == ["start n1", "start n2", "start n3", "whole"]


def test_every_start_is_told_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    reports = [told(Mode.KRAFT, "inactive", ""), told(Mode.ZOOKEEPER, "active", "old"), told(Mode.KRAFT, "failed", "")]
    brought(Mode.KRAFT, *reports)
    said = capsys.readouterr().out.splitlines()
    assert said[-2:] == ["starting n1, n3: it was down", "starting n2: its configuration changed"]


def test_a_node_that_is_stopping_is_started_before_any_is_restarted(capsys: pytest.CaptureFixture[str]) -> None:
    reports = [told(Mode.KRAFT, "active", "old"), told(Mode.KRAFT, "deactivating"), told(Mode.KRAFT, "active")]
    done = brought(Mode.KRAFT, *reports)
    assert done == ["start n2", "start n1", "calm", "whole"], "a roll would wait for it in vain"
    assert "starting n2: it was down\n" in capsys.readouterr().out


def test_a_zookeeper_that_is_started_alone_is_told_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    lone = told(Mode.ZOOKEEPER, "active")
    lone["units"] = {**lone["units"], "zookeeper.service": {"ActiveState": "inactive"}}
    done = brought(Mode.ZOOKEEPER, lone, told(Mode.ZOOKEEPER, "active"), told(Mode.ZOOKEEPER, "active"))
    assert done == ["join n1", "whole"], "its broker is left alone"
    assert capsys.readouterr().out == "starting n1's ZooKeeper: it was down\n"


def test_every_restart_is_told_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    reports = [told(Mode.KRAFT, "active", runs) for runs in ("old", f"{PLANNED} edited by hand", PLANNED)]
    done = brought(Mode.KRAFT, *reports)
    assert done == ["start n1", "calm", "start n2", "calm", "whole"], "behind a restart one look is not enough"
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("restarting")]
    assert said == [
        "restarting n1 (1 of 2): its configuration changed",
        "restarting n2 (2 of 2): its files were changed by hand",
    ]


def test_a_machine_that_was_away_meanwhile_is_met_again() -> None:
    plan = handover(Mode.KRAFT)
    done: list[str] = []
    machines: dict[str, Any] = {
        node.name: Machine(node.name, told(Mode.KRAFT, "active", "old"), done) for node in plan.nodes
    }

    async def cut(*_: str) -> str:
        raise Unreachable("n2: the connection was cut")

    machines["n2"].run = cut

    async def reach(access: Access) -> Any:
        done.append(f"reach {access.name}")
        return Machine(access.name, {}, done)

    run = Run(plan, machines, DIRECT, reach)
    gates: Any = Gates(done, WHOLE)
    run.gates = gates
    asyncio.run(run.bring())
    assert [each for each in done if each.startswith(("reach", "start"))] == [
        "start n1",
        "reach n2",
        "start n2",
        "start n3",
    ]
    assert gates.passed == ["n1, n2, n3", "n2, n3", "n2", "n3"], "another one may have gone while it was logged in to"


def test_nodes_that_only_fail_are_told_together(capsys: pytest.CaptureFixture[str]) -> None:
    reports = [told(Mode.KRAFT, "activating", runs) for runs in ("old", "", "old")]
    for report in reports:
        report["units"]["kafka.service"] |= {"SubState": "auto-restart"}
    done = brought(Mode.KRAFT, *reports, seen=Sample(frozenset(), -1, (), not_listening=frozenset({1, 2, 3})))
    assert done == ["start n1", "start n2", "start n3", "whole"]
    assert (
        capsys.readouterr().out == "restarting n1, n2, n3 together, which crash-loop on an earlier configuration\n"
    ), "between two tries a node says nothing of what it was started with"


def test_nodes_that_are_just_starting_are_seen_to_fail_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The `up` before was killed a moment after it had started them, with a setting that none of them bears."""
    looks = iter([{}, {}, {"ActiveState": "activating", "SubState": "auto-restart", "NRestarts": "1"}])
    asked: list[Any] = []

    async def reports(*_: Any) -> dict[str, Any]:
        unit = {**told(Mode.KRAFT, "active")["units"]["kafka.service"], "ActiveEnterTimestamp": f"@{NOW - 1}"}
        unit |= next(looks)
        asked.append(unit)
        return {name: told(Mode.KRAFT, "active", "old", units={"kafka.service": unit, "zookeeper.service": unit})
                for name in ("n1", "n2", "n3")}  # fmt: skip

    monkeypatch.setattr(accounts, "reports", reports)
    away = Sample(frozenset(), -1, (), not_listening=frozenset({1, 2, 3}))
    done = brought(Mode.KRAFT, *[told(Mode.KRAFT, "active", "old")] * 3, seen=away)
    assert done == ["start n1", "start n2", "start n3", "whole"], "a gate would have waited for them to be well"
    assert len(asked) == 3


def test_nodes_that_hang_do_not_wait_for_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    reports = [told(Mode.KRAFT, "active", "old")] * 3
    done = brought(Mode.KRAFT, *reports, seen=Sample(frozenset({3}), -1, (), quorum=QUORUM))
    expected = ["start n1", "calm but for 2", "start n2", "calm", "start n3", "calm", "whole"]
    assert done == expected, "the whole cluster would be waited for in vain, and nobody goes on to the second one"
    assert "n1 is back, the cluster is healthy but for n2 (" in capsys.readouterr().out


class Forgetful(Machine):
    """A machine whose broker finds its disk full at its first start, and only there."""

    async def stage(self, parts: tuple[str, ...], plan: dict[str, Any], lock_seconds: int = 0) -> str:
        said = await super().stage(parts, plan, lock_seconds)
        starts = self.done.count(f"start {self.name}")
        self.told = told(Mode.ZOOKEEPER, "active", blind=starts == 1, free_bytes=1 << 30)
        self.done.append(f"with {plan['from']!r} for {plan['why']!r}")
        return said


@pytest.mark.parametrize(("state", "runs"), [("inactive", ""), ("active", "old")], ids=["down", "outdated"])
def test_a_broker_that_starts_on_a_full_disk_is_restarted_once_more(
    state: str, runs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, done = handover(Mode.ZOOKEEPER), list[str]()
    machines: dict[str, Any] = {
        node.name: Machine(node.name, told(Mode.ZOOKEEPER, "active"), done) for node in plan.nodes
    }
    machines["n2"] = Forgetful("n2", told(Mode.ZOOKEEPER, state, runs), done)
    run = Run(plan, machines, DIRECT, unreached)
    gates: Any = Gates(done, WHOLE)
    run.gates = gates
    asyncio.run(run.bring())
    why = "its disk took nothing when it started, so that it would not see it fail"
    again = done.index(f"with {PLANNED!r} for {why!r}")
    assert done[again - 2 : again + 2] == ["serving n2", "start n2", done[again], "serving n2"]
    assert done[again + 2 :] == (["calm", "whole"] if state == "active" else ["whole"]), "and no other one meanwhile"
    assert gates.passed[-1] == "n2", "it serves, so it is asked for"
    assert gates.blind == frozenset(), "a gate would hold it against the cluster for ever"
    assert f"restarting n2 once more: {why}\n" in capsys.readouterr().out


def test_a_blind_broker_is_first_and_the_gates_know_of_it() -> None:
    reports = [told(Mode.ZOOKEEPER, "active", blind=number == 3, free_bytes=1 << 30) for number in (1, 2, 3)]
    plan, done = handover(Mode.ZOOKEEPER), list[str]()
    machines: dict[str, Any] = {
        node.name: Machine(node.name, report, done) for node, report in zip(plan.nodes, reports, strict=True)
    }
    run = Run(plan, machines, DIRECT, unreached)
    known: list[frozenset[int]] = []

    class Knowing(Gates):
        async def spared(self, waiting: dict[str, int]) -> str:
            known.append(self.blind)
            machines["n3"].told = told(Mode.ZOOKEEPER, "active")
            return await super().spared(waiting)

    gates: Any = Knowing(done, WHOLE)
    run.gates = gates
    asyncio.run(run.bring())
    assert (known, done) == ([frozenset({3})], ["start n3", "serving n3", "calm", "whole"])


def test_blind_brokers_do_not_wait_for_each_other() -> None:
    plan, done = handover(Mode.ZOOKEEPER), list[str]()

    class Mended(Machine):
        async def stage(self, parts: tuple[str, ...], plan: dict[str, Any], lock_seconds: int = 0) -> str:
            self.told = told(Mode.ZOOKEEPER, "active", free_bytes=1 << 30)
            return await super().stage(parts, plan, lock_seconds)

    blind = told(Mode.ZOOKEEPER, "active", blind=True, free_bytes=1 << 30)
    machines: dict[str, Any] = {
        "n1": Machine("n1", told(Mode.ZOOKEEPER, "active"), done),
        "n2": Mended("n2", blind, done),
        "n3": Mended("n3", blind, done),
    }
    run = Run(plan, machines, DIRECT, unreached)
    gates: Any = Gates(done, ENSEMBLE)
    run.gates = gates
    asyncio.run(run.bring())
    steps = ["start n2", "serving n2", "calm but for 3", "start n3", "serving n3", "calm", "whole"]
    assert done == steps, "the cluster is not whole before the second one is mended"


def test_a_blind_broker_that_has_no_room_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sight, "_ROOM_SECONDS", 0.0)
    reports = [told(Mode.ZOOKEEPER, "active", blind=number == 3, free_bytes=0) for number in (1, 2, 3)]
    plan, done = handover(Mode.ZOOKEEPER), list[str]()
    machines: dict[str, Any] = {
        node.name: Machine(node.name, report, done) for node, report in zip(plan.nodes, reports, strict=True)
    }
    run = Run(plan, machines, DIRECT, unreached)
    gates: Any = Gates(done, WHOLE)
    run.gates = gates
    with pytest.raises(TimedOut, match="room on n3's data volume"):
        asyncio.run(run.bring())
    assert (done, gates.passed) == ([], []), "it serves, and would not even start"


def test_in_kraft_mode_nobody_is_asked_what_it_wrote() -> None:
    reports = [told(Mode.KRAFT, "active", "old"), told(Mode.KRAFT, "active"), told(Mode.KRAFT, "active")]
    assert brought(Mode.KRAFT, *reports) == ["start n1", "calm", "whole"], "its identity is written once"
