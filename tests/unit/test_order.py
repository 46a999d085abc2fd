"""What happens to which node, and in which order."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import health, order
from model.kafka_keys import Mode
from model.order import NodeState
from model.paths import Paths

from . import test_health
from .test_handover import handover

KRAFT = Paths("3.6.0").properties(Mode.KRAFT)
ZOOKEEPER = Paths("3.6.0").properties(Mode.ZOOKEEPER)


def node(number: int, running: str = "new", *, up: bool = True, config: str = KRAFT, planned: str = "new") -> NodeState:
    return NodeState(f"n{number}", number, up, running if up else "", planned, f'KAFKA_CONFIG="{config}"')


def down(number: int) -> NodeState:
    return node(number, up=False)


def work(*states: NodeState, unwell: tuple[int, ...] = (), config: str = KRAFT) -> order.Work:
    return order.work(states, config, unwell)


def test_a_cluster_that_runs_what_is_planned_is_left_alone() -> None:
    assert work(node(1), node(2), node(3)) == order.Work()


def test_the_first_time_all_start_side_by_side() -> None:
    assert work(down(1), down(2), down(3)) == order.Work(start=("n1", "n2", "n3")), (
        "a lone first node gives up after a minute"
    )


def test_a_node_that_is_down_is_started_and_no_other_one_touched() -> None:
    assert work(node(1), down(2), node(3)) == order.Work(start=("n2",))


def test_outdated_nodes_are_restarted_and_the_others_left_alone() -> None:
    assert work(node(1, "old"), node(2), node(3, "old")).restart == ("n1", "n3"), "a run that was cut off resumes"


@pytest.mark.parametrize(
    ("controller", "ill", "expected"),
    [
        (-1, (), ("n1", "n2", "n3")),
        (1, (), ("n2", "n3", "n1")),
        (2, (), ("n1", "n3", "n2")),
        (3, (), ("n1", "n2", "n3")),
        (1, (3,), ("n3", "n2", "n1")),
        (3, (2,), ("n2", "n1", "n3")),
        (2, (2,), ("n2", "n1", "n3")),
        (2, (2, 3), ("n3", "n2", "n1")),
        (-1, (2, 3), ("n2", "n3", "n1")),
    ],
)
def test_the_unhealthy_first_and_the_active_controller_last(
    controller: int, ill: tuple[int, ...], expected: tuple[str, ...]
) -> None:
    left, taken = {"n3": 3, "n1": 1, "n2": 2}, []
    while left:
        taken.append(order.cheapest(left, ill, controller))
        del left[taken[-1]]
    assert tuple(taken) == expected


def test_a_member_that_the_ensemble_left_behind_is_first() -> None:
    """A KRaft voter that lags has least to lose; so has this one."""
    sample = test_health.zookeeper(test_health.WELL, known=test_health.BEHIND)
    unwell = health.unwell(test_health.ZOOKEEPER, sample)
    assert order.cheapest({"n1": 1, "n2": 2, "n3": 3}, unwell, sample.controller) == "n3"


def test_nodes_of_the_other_mode_are_stopped_together_and_started_anew() -> None:
    states = (node(1, "old", config=ZOOKEEPER), node(2, "old", config=ZOOKEEPER), node(3, "old", config=ZOOKEEPER))
    assert work(*states) == order.Work(stop=("n1", "n2", "n3"), start=("n1", "n2", "n3"))


@pytest.mark.parametrize(("planned", "runs"), [(KRAFT, ZOOKEEPER), (ZOOKEEPER, KRAFT)])
def test_a_switch_that_was_cut_off_goes_on(planned: str, runs: str) -> None:
    found = work(node(1, config=planned), node(2, "old", config=runs), down(3), config=planned)
    assert found == order.Work(stop=("n2",), start=("n2", "n3"))


def test_a_node_that_is_down_in_the_other_mode_needs_no_stop() -> None:
    assert work(node(1, up=False, config=ZOOKEEPER)) == order.Work(start=("n1",))


def test_a_node_that_is_stopping_does_not_stay_up() -> None:
    """A switch that was cut off while it stops, and then taken back."""
    stopping = replace(node(1), running="", stopping=True)
    assert work(stopping, node(2)) == order.Work(start=("n1",)), "its stop completes, and nobody else starts it"
    assert work(replace(stopping, config=ZOOKEEPER)) == order.Work(stop=("n1",), start=("n1",)), (
        "what waits for a controller that is gone is ended"
    )


def test_nodes_that_only_fail_are_restarted_side_by_side() -> None:
    """A first up with a setting that no broker starts with, and then one without it."""
    crashing = [replace(node(number, "old"), crash_looping=True) for number in (1, 2, 3)]
    assert work(*crashing, unwell=(1, 2, 3)) == order.Work(revive=("n1", "n2", "n3")), (
        "a gate would wait for ever for the others to be well"
    )


def test_one_that_fails_with_what_is_planned_is_left_alone() -> None:
    assert work(replace(node(1), crash_looping=True), node(2), unwell=(1,)) == order.Work(), (
        "another start changes nothing"
    )


def test_one_that_was_just_started_with_something_else_serves_or_fails_soon() -> None:
    """Who asks a moment later would see it fail; a gate that waits for it to be well waits in vain."""
    starting = replace(node(1, "old"), just_started=True)

    def undecided(*states: NodeState, unwell: tuple[int, ...] = (1,)) -> tuple[str, ...]:
        return order.undecided(states, KRAFT, unwell)

    assert undecided(starting, node(2), down(3)) == ("n1",)
    assert undecided(starting, unwell=()) == (), "it serves"
    assert undecided(replace(starting, crash_looping=True)) == (), "it fails"
    assert undecided(replace(starting, just_started=False)) == (), "nothing comes of it any more"
    assert undecided(replace(starting, running="new")) == (), "it is left alone, whatever it does"
    assert undecided(replace(starting, config=ZOOKEEPER)) == (), "it is stopped anyway"


def test_one_that_failed_and_serves_again_is_restarted_in_its_turn() -> None:
    assert work(replace(node(1, "old"), crash_looping=True), node(2, "old")) == order.Work(restart=("n1", "n2"))


def test_a_blind_broker_is_restarted_although_it_runs_what_is_planned() -> None:
    states = (node(1, config=ZOOKEEPER), replace(node(2, config=ZOOKEEPER), blind=True))
    assert work(*states, config=ZOOKEEPER) == order.Work(restart=("n2",)), "it would serve nothing once its disk fails"


@pytest.mark.parametrize("blind", [True, False])
def test_a_node_says_whether_its_broker_is_blind(blind: bool) -> None:
    told = {**report(), "blind": blind}
    assert order.state(FACTS, told, ("kafka.service",), patience=1).blind is blind


def test_a_broker_whose_zookeeper_is_down_gets_it_back_before_anything_is_restarted() -> None:
    states = (replace(node(1, config=ZOOKEEPER), zookeeper_down=True), node(2, "old", config=ZOOKEEPER))
    assert work(*states, config=ZOOKEEPER) == order.Work(join=("n1",), restart=("n2",)), (
        "without it the ensemble is not complete, and no gate opens"
    )


def report(*, zookeeper: str = "inactive", now: float = 2000, **kafka: str) -> dict[str, Any]:
    told = {"ActiveState": "active", "SubState": "running", "NRestarts": "0", "ActiveEnterTimestamp": "@1000"}
    units = {"kafka.service": {**told, **kafka}, "zookeeper.service": {**told, "ActiveState": zookeeper}}
    return {"units": units, "running": "old", "config": "c", "now": now, "blind": False}


FACTS = handover(Mode.KRAFT).nodes[0]
# Whether it is up, fails over and over, has just been started, and lacks its ZooKeeper.
TOLD: dict[str, tuple[dict[str, Any], bool, bool, bool, bool]] = {
    "serves for long": (report(), True, False, False, False),
    "down": (report(ActiveState="inactive", ActiveEnterTimestamp=""), False, False, False, False),
    "given up": (report(ActiveState="failed", NRestarts="9"), False, False, False, False),
    "between two tries": (
        report(ActiveState="activating", SubState="auto-restart", NRestarts="1"),
        True,
        True,
        False,
        False,
    ),
    "tries again": (report(NRestarts="3", ActiveEnterTimestamp="@1990"), True, True, True, False),
    "died once, long ago": (report(NRestarts="1"), True, False, False, False),
    "was just started": (report(ActiveEnterTimestamp="@1990"), True, False, True, False),
    "is stopping": (
        report(ActiveState="deactivating", NRestarts="1", ActiveEnterTimestamp="@1990"),
        True,
        False,
        False,
        False,
    ),
}


@pytest.mark.parametrize("case", TOLD)
def test_what_a_node_reports(case: str) -> None:
    told, up, crash_looping, just_started, zookeeper_down = TOLD[case]
    found = order.state(FACTS, told, ("kafka.service",), patience=1)
    assert (found.up, found.crash_looping, found.just_started, found.zookeeper_down) == (
        up,
        crash_looping,
        just_started,
        zookeeper_down,
    )
    assert found.stopping is (case == "is stopping")
    assert found.running == ("old" if up and not found.stopping else ""), (
        "the file of a process that is gone says nothing"
    )


@pytest.mark.parametrize(
    ("zookeeper", "zookeeper_down"), [("inactive", True), ("failed", True), ("deactivating", True), ("active", False)]
)
def test_a_planned_zookeeper_that_is_down_is_seen(zookeeper: str, zookeeper_down: bool) -> None:
    services = ("zookeeper.service", "kafka.service")
    assert order.state(FACTS, report(zookeeper=zookeeper), services, patience=1).zookeeper_down is zookeeper_down


def test_an_emulated_machine_has_just_started_for_longer() -> None:
    told = report(NRestarts="3", ActiveEnterTimestamp="@1800")
    assert [order.state(FACTS, told, (), patience=n).crash_looping for n in (1, 5)] == [False, True]


STATES = st.builds(
    NodeState,
    name=st.just(""),
    id=st.just(0),
    up=st.booleans(),
    running=st.sampled_from(["old", "new"]),
    planned=st.just("new"),
    config=st.sampled_from([KRAFT, ZOOKEEPER]),
    crash_looping=st.booleans(),
    zookeeper_down=st.booleans(),
    stopping=st.booleans(),
)


def numbered(states: list[NodeState]) -> list[NodeState]:
    return [
        replace(
            state, name=f"n{i}", id=i, running=state.running if state.up else "", stopping=state.up and state.stopping
        )
        for i, state in enumerate(states, 1)
    ]


@given(st.lists(STATES, max_size=7).map(numbered), st.sets(st.integers(1, 7)))
def test_whatever_the_state_the_work_is_enough_and_never_too_much(states: list[NodeState], unwell: set[int]) -> None:
    found = order.work(states, KRAFT, unwell)
    touched = {*found.start, *found.revive, *found.restart}
    current = [s for s in states if s.up and not s.stopping and s.running == s.planned and not s.blind]
    well = {s.name for s in current if s.config == KRAFT}
    assert touched == {s.name for s in states} - well, "every node ends with what is planned, no other one is touched"
    assert len(touched) == len(found.start) + len(found.revive) + len(found.restart), "each of them in one way only"
    assert {s.id for s in states if s.name in found.revive} <= unwell, "who serves is asked before it is taken down"
    assert set(found.stop) <= set(found.start), "what is stopped comes back in the same run"
    assert not set(found.stop) & {s.name for s in states if not s.up}


BLIND = "its disk took nothing when it started, so that it would not see it fail"


@pytest.mark.parametrize(
    ("running", "blind", "expected"),
    [("", False, "it was down"), ("old", False, "its configuration changed"), ("new", False, "a restart was requested"),
     ("new edited by hand", False, "its files were changed by hand"),
     ("old edited by hand", False, "its configuration changed"),
     ("new", True, BLIND), ("old", True, "its configuration changed")],
)  # fmt: skip
def test_the_reason_in_a_persons_words(running: str, blind: bool, expected: str) -> None:
    assert order.reason(replace(node(1, running), blind=blind)) == expected


@pytest.mark.parametrize(
    ("left", "stuck"),
    [("abcd", False), ("abd", False), ("ad", True), ("d", True), ("a", True), ("ab", False)],
)
def test_brokers_whose_controllers_are_gone_are_not_waited_for(left: str, stuck: bool) -> None:
    assert order.stuck("abc", left) is stuck, "`d` is a broker that does not vote"


def test_a_lone_node_lets_itself_go() -> None:
    assert not order.stuck("a", "a")


def test_nobody_is_hopeless_where_the_controllers_are_not_known() -> None:
    assert not order.stuck("", "abc"), "brokers that are stopping cleanly would be killed"


@pytest.mark.parametrize(
    ("voters", "left", "seconds", "patience", "given_up"),
    [
        ("abc", "c", 3.1, 1, True),
        ("abc", "c", 2.9, 1, False),
        ("abc", "c", 14, 5, False),
        ("abc", "c", 16, 5, True),
        ("abc", "bc", 3600, 1, False),
        ("abc", "abc", 3600, 1, False),
        ("", "abc", 3600, 1, False),
        ("abc", "", 3600, 1, False),
    ],
)
def test_only_brokers_that_no_controller_can_let_go_are_given_up(
    voters: str, left: str, seconds: float, patience: int, given_up: bool
) -> None:
    assert order.given_up(voters, left, seconds, patience) is given_up, (
        "whoever is killed too early recovers its logs for long; whoever is not killed at all holds the switch up"
    )
