"""What happens to which node, and in which order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import order
from model.kafka_keys import Mode
from model.order import NodeState
from model.paths import Paths

KRAFT = Paths("3.6.0").properties(Mode.KRAFT)
ZOOKEEPER = Paths("3.6.0").properties(Mode.ZOOKEEPER)


def node(number: int, running: str = "new", *, up: bool = True, config: str = KRAFT, planned: str = "new") -> NodeState:
    return NodeState(f"n{number}", number, up, running if up else "", planned, f'KAFKA_CONFIG="{config}"')


def down(number: int) -> NodeState:
    return node(number, up=False)


def work(*states: NodeState, ill: tuple[int, ...] = (), controller: int = -1, config: str = KRAFT) -> order.Work:
    return order.work(states, config, ill, controller)


def test_a_cluster_that_runs_what_is_planned_is_left_alone() -> None:
    assert work(node(1), node(2), node(3), controller=2) == order.Work((), (), ())


def test_the_first_time_all_start_side_by_side() -> None:
    assert work(down(1), down(2), down(3)) == order.Work((), ("n1", "n2", "n3"), ()), (
        "a lone first node gives up after a minute"
    )


def test_a_node_that_is_down_is_started_and_no_other_one_touched() -> None:
    assert work(node(1), down(2), node(3)) == order.Work((), ("n2",), ())


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
        (2, (2,), ("n1", "n3", "n2")),
        (-1, (2, 3), ("n2", "n3", "n1")),
    ],
)
def test_the_unhealthy_first_and_the_active_controller_last(
    controller: int, ill: tuple[int, ...], expected: tuple[str, ...]
) -> None:
    found = work(node(1, "old"), node(2, "old"), node(3, "old"), ill=ill, controller=controller)
    assert found == order.Work((), (), expected)


def test_nodes_of_the_other_mode_are_stopped_together_and_started_anew() -> None:
    states = (node(1, "old", config=ZOOKEEPER), node(2, "old", config=ZOOKEEPER), node(3, "old", config=ZOOKEEPER))
    assert work(*states) == order.Work(("n1", "n2", "n3"), ("n1", "n2", "n3"), ())


@pytest.mark.parametrize(("planned", "runs"), [(KRAFT, ZOOKEEPER), (ZOOKEEPER, KRAFT)])
def test_a_switch_that_was_cut_off_goes_on(planned: str, runs: str) -> None:
    found = work(node(1, config=planned), node(2, "old", config=runs), down(3), config=planned)
    assert found == order.Work(("n2",), ("n2", "n3"), ())


def test_a_node_that_is_down_in_the_other_mode_needs_no_stop() -> None:
    assert work(node(1, up=False, config=ZOOKEEPER)) == order.Work((), ("n1",), ())


STATES = st.builds(
    NodeState,
    name=st.just(""),
    id=st.just(0),
    up=st.booleans(),
    running=st.sampled_from(["old", "new"]),
    planned=st.just("new"),
    config=st.sampled_from([KRAFT, ZOOKEEPER]),
)


def numbered(states: list[NodeState]) -> list[NodeState]:
    return [
        NodeState(f"n{i}", i, state.up, state.running if state.up else "", state.planned, state.config)
        for i, state in enumerate(states, 1)
    ]


@given(st.lists(STATES, max_size=7).map(numbered), st.sets(st.integers(1, 7)), st.integers(-1, 7))
def test_whatever_the_state_the_work_is_enough_and_never_too_much(
    states: list[NodeState], ill: set[int], controller: int
) -> None:
    found = order.work(states, KRAFT, ill, controller)
    touched = {*found.start, *found.restart}
    well = {s.name for s in states if s.up and s.running == s.planned and s.config == KRAFT}
    assert touched == {s.name for s in states} - well, "every node ends with what is planned, no other one is touched"
    assert not set(found.restart) & set(found.start)
    assert set(found.stop) <= set(found.start), "what is stopped comes back in the same run"
    assert not set(found.stop) & {s.name for s in states if not s.up}
    assert len(found.restart) == len(set(found.restart))
    if f"n{controller}" in found.restart:
        assert found.restart[-1] == f"n{controller}"


@pytest.mark.parametrize(
    ("before", "expected"),
    [({}, "it was down"), ({"n1": ""}, "it was down"), ({"n1": "old"}, "its configuration changed"),
     ({"n1": "new"}, "it was asked for"), ({"n2": "old"}, "it was down")],
)  # fmt: skip
def test_the_reason_in_a_persons_words(before: dict[str, str], expected: str) -> None:
    assert order.reason(before, "n1", "new") == expected


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
