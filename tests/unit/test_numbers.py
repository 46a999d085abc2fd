"""The eight numbers: counted as Kafka's own tools count, and never made up."""

import re
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.health import Partition, Sample
from model.numbers import UNCLEAN, Elections, LogSearch, Numbers, count, unclean_elections

from .samples import cluster

KRAFT = cluster(3)
NONE_UNCLEAN = Elections(0, "")
ALL = (1, 2, 3)
WHOLE = Partition("t", 0, 1, ALL, ALL, min_isr=2)


def counted(*partitions: Partition, brokers: tuple[int, ...] = ALL, controllers: tuple[int, ...] = (1,)) -> Numbers:
    return count(KRAFT, Sample(frozenset(brokers), controllers[0], partitions), controllers, NONE_UNCLEAN)


def not_zero(numbers: Numbers) -> set[str]:
    ill = ("offline_partitions", "under_replicated_partitions", "under_min_isr_partitions", "at_min_isr_partitions")
    return {name for name in ill if asdict(numbers)[name]}


def test_a_whole_cluster() -> None:
    found = counted(WHOLE, replace(WHOLE, number=1))
    assert (found.brokers_online, found.brokers_planned, found.active_controllers) == (3, 3, 1)
    assert (found.online_replicas, found.replicas, found.partitions) == (6, 6, 2)
    assert not_zero(found) == set()


@pytest.mark.parametrize(
    ("part", "ill"),
    [
        (replace(WHOLE, isr=(1, 2)), {"under_replicated_partitions", "at_min_isr_partitions"}),
        (replace(WHOLE, isr=(1,)), {"under_replicated_partitions", "under_min_isr_partitions"}),
        (replace(WHOLE, isr=ALL, min_isr=3), {"at_min_isr_partitions"}),
        (
            replace(WHOLE, isr=(1, 2), leader=-1),
            {"offline_partitions", "under_replicated_partitions", "under_min_isr_partitions"},
        ),
        (replace(WHOLE, replicas=(1,), isr=(1,), min_isr=1), {"at_min_isr_partitions"}),
    ],
)
def test_a_partition_that_lacks_something(part: Partition, ill: set[str]) -> None:
    assert not_zero(counted(part)) == ill


def test_a_replica_on_a_broker_that_is_away_or_that_has_lost_its_disk_is_not_online() -> None:
    assert counted(WHOLE, brokers=(1, 2)).online_replicas == 2
    assert counted(replace(WHOLE, offline=(2,))).online_replicas == 2
    assert counted(replace(WHOLE, offline=(3,)), brokers=(1, 2)).online_replicas == 2


@pytest.mark.parametrize(("controllers", "active"), [((1,), 1), ((-1,), 0), ((1, 3), 2), ((-1, 2), 1)])
def test_each_brokers_word_on_the_controller_counts(controllers: tuple[int, ...], active: int) -> None:
    assert counted(WHOLE, controllers=controllers).active_controllers == active


def test_what_nobody_could_be_asked_is_not_known() -> None:
    found = count(KRAFT, Sample(frozenset(), -1, (), faults=("no broker listens",)), (), NONE_UNCLEAN)
    assert {name for name, value in asdict(found).items() if value is not None} == {
        "brokers_planned",
        "unclean_elections",
    }, "a 0 here would say that all is well"


parts = st.builds(
    Partition,
    st.just("t"),
    st.integers(0, 9),
    st.sampled_from([-1, 1, 2, 3]),
    st.just(ALL),
    st.lists(st.sampled_from(ALL), unique=True).map(tuple),
    st.integers(1, 3),
)


@given(st.lists(parts, max_size=20), st.sets(st.sampled_from([1, 2, 3, 9])))
def test_no_number_exceeds_what_there_is(partitions: list[Partition], brokers: set[int]) -> None:
    found = counted(*partitions, brokers=tuple(brokers))
    of_partitions = (
        found.offline_partitions,
        found.under_replicated_partitions,
        (found.under_min_isr_partitions or 0) + (found.at_min_isr_partitions or 0),
    )
    assert all(0 <= (number or 0) <= len(partitions) for number in of_partitions)
    assert 0 <= (found.online_replicas or 0) <= (found.replicas or 0)
    assert 0 <= (found.brokers_online or 0) <= 3, "a broker that is not planned is none of ours"


# -- unclean elections, as the controllers' logs tell of them --------------------------------------------------

SINCE = "2026-01-02 03:04:05"
OF_KRAFT = (
    "[2026-01-02 03:10:00,123] INFO [QuorumController id=1] UNCLEAN partition change for {part} with topic ID x:"
    " isr: [1] -> [2], leader: 1 -> 2, leaderRecoveryState: RECOVERED -> RECOVERING, leaderEpoch: 2 -> 3,"
    " partitionEpoch: 5 -> {epoch} (org.apache.kafka.controller.ReplicationControlManager)"
)
OF_ZOOKEEPER = (
    "[2026-01-02 03:10:00,123] INFO [Controller id=1 epoch=4] Changed partition {part} from OfflinePartition to"
    " OnlinePartition with state LeaderAndIsr(leader=2, leaderEpoch={epoch}, isrWithBrokerEpoch=List(BrokerState("
    "brokerId=2, brokerEpoch=-1)), leaderRecoveryState={state}, partitionEpoch=7) (state.change.logger)"
)


def log(*lines: str, oldest: str = SINCE) -> LogSearch:
    return LogSearch(lines, oldest)


def test_an_election_that_every_controller_noted_is_one() -> None:
    line = OF_KRAFT.format(part="t-0", epoch=6)
    assert unclean_elections({"a": log(line, line), "b": log(line)}).count == 1


def test_two_elections_of_one_partition_are_two() -> None:
    lines = [OF_KRAFT.format(part="t-0", epoch=epoch) for epoch in (6, 9)]
    assert unclean_elections({"a": log(*lines), "b": log(OF_KRAFT.format(part="u-0", epoch=6))}).count == 3


def test_in_zookeeper_mode_the_leader_that_has_to_recover_is_unclean() -> None:
    unclean = OF_ZOOKEEPER.format(part="t-0", epoch=3, state="RECOVERING")
    clean = OF_ZOOKEEPER.format(part="t-1", epoch=3, state="RECOVERED")
    assert unclean_elections({"a": log(unclean, clean)}).count == 1


def test_a_log_that_could_not_be_read_may_hold_more_so_there_is_no_count() -> None:
    found = unclean_elections({"a": log(OF_KRAFT.format(part="t-0", epoch=6)), "b": None})
    assert found.count is None
    assert "b could not be read, 1 in those of the others" in found.note
    assert unclean_elections({"a": None}).count is None


def test_a_count_says_since_when() -> None:
    found = unclean_elections({"a": log(oldest="2026-01-01 00:00:00"), "b": log(oldest="2026-01-05 00:00:00")})
    assert found == Elections(0, "in the service logs since 2026-01-05 00:00:00"), "the log that knows least counts"


def test_both_modes_can_be_found_by_one_search() -> None:
    lines = [OF_KRAFT.format(part="t-0", epoch=6), OF_ZOOKEEPER.format(part="t-0", epoch=3, state="RECOVERING")]
    assert all(re.search(UNCLEAN, line) for line in lines)
    assert not re.search(UNCLEAN, OF_ZOOKEEPER.format(part="t-0", epoch=3, state="RECOVERED"))
