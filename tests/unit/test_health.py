"""Verdicts over samples of a cluster: what is missing, and whether a node can be spared."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import health, topology
from model.health import Ensemble, Member, Partition, Quorum, Sample
from model.kafka_keys import Mode
from model.settings import read
from model.topology import Cluster

from .samples import cluster, nodes

KRAFT, ZOOKEEPER = cluster(3), cluster(3, Mode.ZOOKEEPER)


def part(
    isr: Iterable[int] = (1, 2, 3), *, leader: int = 1, replicas: Iterable[int] = (1, 2, 3), min_isr: int = 1,
    topic: str = "t", number: int = 0,
) -> Partition:  # fmt: skip
    return Partition(topic, number, leader, tuple(replicas), tuple(isr), min_isr)


def quorum(
    members: Mapping[int, Member] | None = None, *, leader: int = 1, observers: Mapping[int, Member] | None = None
) -> Quorum:
    voters = {1: Member(0), 2: Member(0), 3: Member(0)} if members is None else dict(members)
    return Quorum(leader, voters, dict(observers or {}))


def kraft(
    *partitions: Partition,
    brokers: Iterable[int] = (1, 2, 3),
    seen: Quorum | None = None,
    faults: tuple[str, ...] = (),
) -> Sample:
    found = seen or quorum()
    return Sample(frozenset(brokers), found.leader, partitions, found, None, faults)


def zookeeper(
    states: Mapping[int, str],
    *partitions: Partition,
    brokers: Iterable[int] = (1, 2, 3),
    known: Iterable[tuple[int, int]] = (),
) -> Sample:
    """`known`: the last transaction of members 1, 2 and so on, as its epoch and its number there."""
    transactions = {node: (epoch << 32) + number for node, (epoch, number) in enumerate(known, 1)}
    return Sample(frozenset(brokers), 1, partitions, None, Ensemble(dict(states), transactions))


WELL = {1: "follower", 2: "leader", 3: "follower"}


def blind(broker: int, *partitions: Partition) -> Sample:
    return replace(zookeeper(WELL, *partitions), blind=frozenset({broker}))


LATE = {1: Member(0), 2: Member(0), 3: Member(7)}
# The same of the ensemble: its member 3.
BEHIND = [(2, 5000), (2, 5000), (2, 3999)]
SILENT = {1: Member(0), 2: Member(0), 3: Member(0, silent_ms=9000)}

# -- missing ---------------------------------------------------------------------------------------------------

MISSING: dict[str, tuple[Cluster, Sample, list[str]]] = {
    "whole": (KRAFT, kraft(part(), part(number=1)), []),
    "whole and empty": (KRAFT, kraft(), []),
    "a broker away": (KRAFT, kraft(brokers=(1, 3)), ["broker 2 not registered"]),
    "a broker that is registered before its port is open": (
        KRAFT,
        replace(kraft(), not_listening=frozenset({2})),
        ["broker 2 registered, but not listening"],
    ),
    "a broker away is not told twice": (
        KRAFT,
        replace(kraft(brokers=(1, 3)), not_listening=frozenset({2})),
        ["broker 2 not registered"],
    ),
    "two brokers away": (KRAFT, kraft(brokers=(3,)), ["broker 1, 2 not registered"]),
    "a blind broker that serves": (
        ZOOKEEPER,
        blind(2, part()),
        ["broker 2 started on a full disk, and does not see it fail any more"],
    ),
    "an unknown broker more": (KRAFT, kraft(brokers=(1, 2, 3, 9)), []),
    "no leader of the quorum": (KRAFT, kraft(seen=quorum(leader=-1)), ["no quorum leader"]),
    "a voter behind": (KRAFT, kraft(seen=quorum(LATE)), ["node 3 in the quorum: 7 records behind"]),
    "a silent voter": (KRAFT, kraft(seen=quorum(SILENT)), ["node 3 in the quorum: not heard of for 9 s"]),
    "a voter that a new leader has not heard of": (
        KRAFT,
        kraft(seen=quorum({**LATE, 3: Member(0, health.NEVER_HEARD)})),
        ["node 3 in the quorum: not heard of yet"],
    ),
    "a voter unknown": (
        KRAFT,
        kraft(seen=quorum({1: Member(0), 2: Member(0)})),
        ["voters are 1, 2 instead of 1, 2, 3"],
    ),
    "a stranger votes": (
        KRAFT,
        kraft(seen=quorum({n: Member(0) for n in (1, 2, 3, 4)})),
        ["voters are 1, 2, 3, 4 instead of 1, 2, 3"],
    ),
    "an observer behind that serves": (
        KRAFT,
        kraft(brokers=(1, 2, 3, 4), seen=quorum(observers={4: Member(3)})),
        ["node 4 in the quorum: 3 records behind"],
    ),
    "an observer that is gone": (KRAFT, kraft(seen=quorum(observers={9: Member(3)})), []),
    "a replica out of sync": (
        KRAFT,
        kraft(part((1, 2))),
        ["1 partitions without full ISR (t-0): broker 3 out of sync"],
    ),
    "many replicas out of sync": (
        KRAFT,
        kraft(*(part((1,), number=n) for n in range(5))),
        ["5 partitions without full ISR (t-0, t-1, t-2, and 2 more): broker 2, 3 out of sync"],
    ),
    "no leader of a partition": (
        KRAFT,
        kraft(part((), leader=-1)),
        ["1 partitions without full ISR (t-0): broker 1, 2, 3 out of sync", "1 partitions without a leader (t-0)"],
    ),
    "replicas in another order": (KRAFT, kraft(part((3, 1, 2))), []),
    "no broker answers": (
        KRAFT,
        Sample(frozenset(), -1, (), faults=("no broker answers: refused",)),
        ["no broker answers: refused"],
    ),
    "no answer about the quorum": (KRAFT, Sample(frozenset({1, 2, 3}), 1, ()), ["no answer about the quorum"]),
    "ensemble whole": (ZOOKEEPER, zookeeper(WELL, part()), []),
    "ensemble without a leader": (
        ZOOKEEPER,
        zookeeper(dict.fromkeys((1, 2, 3), "follower")),
        ["the ensemble has no single leader"],
    ),
    "ensemble with two leaders": (
        ZOOKEEPER,
        zookeeper({1: "leader", 2: "leader", 3: "follower"}),
        ["the ensemble has no single leader"],
    ),
    "a member away": (
        ZOOKEEPER,
        zookeeper({**WELL, 3: "no answer (refused)"}),
        ["ZooKeeper 3: no answer (refused)"],
    ),
    "a member that does not follow": (
        ZOOKEEPER,
        zookeeper(WELL, known=BEHIND),
        ["ZooKeeper 3: 1001 transactions behind"],
    ),
    "members that were asked one after the other": (
        ZOOKEEPER,
        zookeeper(WELL, known=[(2, 5000), (2, 4999), (2, 4000)]),
        [],
    ),
    "a member in the epoch before": (
        ZOOKEEPER,
        zookeeper(WELL, known=[(1, 900_000), (2, 1), (2, 1)]),
        ["ZooKeeper 1: knows epoch 1 and not 2"],
    ),
    "a leader that was just elected": (ZOOKEEPER, zookeeper(WELL, known=[(1, 900_000), (2, 0), (1, 900_000)]), []),
    "a member that says nothing of its transactions": (ZOOKEEPER, zookeeper(WELL, known=[(2, 5000), (2, 5000)]), []),
    "a member that is away is told once": (
        ZOOKEEPER,
        zookeeper({**WELL, 1: "no answer"}, known=[(1, 1), (2, 1), (2, 1)]),
        ["ZooKeeper 1: no answer"],
    ),
    "a member by itself": (ZOOKEEPER, zookeeper({**WELL, 3: "standalone"}), ["ZooKeeper 3: standalone"]),
    "no answer of the ensemble": (
        ZOOKEEPER,
        Sample(frozenset({1, 2, 3}), 1, ()),
        ["no answer of the ensemble"],
    ),
    "a lone ensemble": (cluster(1, Mode.ZOOKEEPER), zookeeper({1: "standalone"}, brokers=(1,)), []),
    "a lone node": (cluster(1), kraft(brokers=(1,), seen=quorum({1: Member(0)})), []),
}


@pytest.mark.parametrize("case", MISSING)
def test_what_is_missing(case: str) -> None:
    planned, sample, expected = MISSING[case]
    assert health.missing(planned, sample) == expected


def test_a_pure_controller_need_not_register_as_a_broker() -> None:
    named = [{**node, "roles": ["controller"] if node["id"] == 1 else ["broker"]} for node in nodes(3)]
    planned = topology.plan(read({"nodes": named}))
    sample = kraft(brokers=(2, 3), seen=quorum({1: Member(0)}, observers={2: Member(0), 3: Member(0)}))
    assert health.missing(planned, sample) == []


BESIDE: dict[str, tuple[Cluster, Sample, tuple[int, ...], list[str]]] = {
    "one that hangs and waits": (
        KRAFT,
        kraft(part((1, 2)), part((3,), leader=-1, replicas=(3,), number=1), brokers=(1, 2), seen=quorum(SILENT)),
        (3,),
        [],
    ),
    "one that hangs and does not wait": (
        KRAFT,
        kraft(part((1, 2)), brokers=(1, 2), seen=quorum(SILENT)),
        (1,),
        [
            "broker 3 not registered",
            "node 3 in the quorum: not heard of for 9 s",
            "1 partitions without full ISR (t-0): broker 3 out of sync",
        ],
    ),
    "one that does not listen and waits": (KRAFT, replace(kraft(), not_listening=frozenset({3})), (3,), []),
    "one that waits and is well, out of sync": (
        KRAFT, kraft(part((1, 2))), (3,), ["1 partitions without full ISR (t-0): broker 3 out of sync"]),
    "another one out of sync beside it": (
        KRAFT, kraft(part((1,)), brokers=(1, 2), seen=quorum(SILENT)), (3,),
        ["1 partitions without full ISR (t-0): broker 2 out of sync"]),
    "a partition whose leader is not the one that waits": (
        KRAFT, kraft(part((2, 3), leader=-1, replicas=(2, 3)), brokers=(1, 2), seen=quorum(SILENT)), (3,),
        ["1 partitions without a leader (t-0)"]),
    "no leader of the quorum": (
        KRAFT, kraft(brokers=(1, 2), seen=quorum(SILENT, leader=-1)), (3,), ["no quorum leader"]),
    "nobody answers": (KRAFT, Sample(frozenset(), -1, (), faults=("no broker answers in time",)), (3,), ["no broker answers in time"]),
    "a member of the ensemble that is away": (ZOOKEEPER, zookeeper({**WELL, 3: "no answer"}, brokers=(1, 2)), (3,), []),
    "the ensemble's leader away, and none elected": (
        ZOOKEEPER, zookeeper({1: "follower", 2: "no answer", 3: "follower"}, brokers=(1, 3)), (2,),
        ["the ensemble has no single leader"]),
    "a member of the ensemble that lags and waits": (ZOOKEEPER, zookeeper(WELL, known=BEHIND), (3,), []),
    "a member of the ensemble that lags and does not wait": (
        ZOOKEEPER, zookeeper(WELL, known=BEHIND), (1,), ["ZooKeeper 3: 1001 transactions behind"]),
    "an unwell broker beside the ensemble's leader": (ZOOKEEPER, zookeeper(WELL, brokers=(1, 3)), (2,), []),
    "a blind one that waits, out of sync": (ZOOKEEPER, blind(2, part((1, 3))), (2,), []),
}  # fmt: skip


@pytest.mark.parametrize("case", BESIDE)
def test_what_is_missing_beside_those_that_wait_to_be_mended(case: str) -> None:
    planned, sample, waiting, expected = BESIDE[case]
    assert health.missing_beside(planned, sample, waiting) == expected
    assert health.missing_beside(planned, sample, ()) == health.missing(planned, sample)


# -- spare -----------------------------------------------------------------------------------------------------

FIVE = cluster(5)
FIVE_WELL = {n: Member(0) for n in range(1, 6)}
SPARE: dict[str, tuple[Cluster, Sample, int, bool]] = {
    "whole": (KRAFT, kraft(part(min_isr=2)), 1, True),
    "another replica is away": (KRAFT, kraft(part((1, 2), min_isr=2)), 1, False),
    "the replica that is away itself": (KRAFT, kraft(part((1, 2), min_isr=2)), 3, True),
    "one in-sync replica would do": (KRAFT, kraft(part((1, 2), min_isr=1)), 1, True),
    "the only in-sync replica": (KRAFT, kraft(part((1,), min_isr=1)), 1, False),
    "a partition that never can": (KRAFT, kraft(part(min_isr=3)), 1, True),
    "a topic with one replica": (KRAFT, kraft(part((2,), replicas=(2,), leader=2)), 2, True),
    "a partition elsewhere": (FIVE, kraft(part((3, 4), replicas=(3, 4, 5), min_isr=2, leader=3),
                                          brokers=range(1, 6), seen=quorum(FIVE_WELL)), 1, True),
    "another voter behind": (KRAFT, kraft(seen=quorum(LATE)), 1, False),
    "another voter silent": (KRAFT, kraft(seen=quorum(SILENT)), 1, False),
    "the voter that is behind itself": (KRAFT, kraft(seen=quorum(LATE)), 3, True),
    "five voters, one behind": (FIVE, kraft(seen=quorum({**FIVE_WELL, 5: Member(9)}), brokers=range(1, 6)), 1, True),
    "five voters, two behind": (
        FIVE, kraft(seen=quorum({**FIVE_WELL, 4: Member(9), 5: Member(9)}), brokers=range(1, 6)), 1, False),
    "a quorum unknown": (KRAFT, Sample(frozenset({1, 2, 3}), 1, ()), 1, False),
    "a lone node": (cluster(1), kraft(brokers=(1,), seen=quorum({1: Member(0)})), 1, True),
    "ensemble whole": (ZOOKEEPER, zookeeper(WELL), 1, True),
    "another member away": (ZOOKEEPER, zookeeper({**WELL, 3: "no answer"}), 1, False),
    "the member that is away itself": (ZOOKEEPER, zookeeper({**WELL, 3: "no answer"}), 3, True),
    "another member behind": (ZOOKEEPER, zookeeper(WELL, known=BEHIND), 1, False),
    "the member that is behind itself": (ZOOKEEPER, zookeeper(WELL, known=BEHIND), 3, True),
    "an ensemble unknown": (ZOOKEEPER, Sample(frozenset({1, 2, 3}), 1, ()), 1, False),
    "a blind one that the others are catching up from": (ZOOKEEPER, blind(2, part((2,), leader=2, min_isr=2)), 2, False),
    "a blind one that is out of sync": (ZOOKEEPER, blind(2, part((1, 3), min_isr=2)), 2, True),
}  # fmt: skip


@pytest.mark.parametrize("case", SPARE)
def test_whether_a_node_can_be_spared(case: str) -> None:
    planned, sample, number, spare = SPARE[case]
    reasons = health.why_not_spare(planned, sample, number)
    assert (reasons == []) is spare, reasons


SILENT_CLUSTER = Sample(frozenset(), -1, (), faults=("no broker answers in time",))
APART = topology.plan(
    read({"nodes": [{**one, "roles": ["broker" if one["id"] == 4 else "controller"]} for one in nodes(4)]})
)
GATE: dict[str, tuple[Cluster, Sample, int, str]] = {
    "whole": (KRAFT, kraft(part(min_isr=2)), 1, ""),
    "another one is away": (KRAFT, kraft(brokers=(1, 2)), 1, "broker 3 not registered"),
    "the one that is away itself": (KRAFT, kraft(part((1, 2), min_isr=2), brokers=(1, 2)), 3, ""),
    "the one that does not listen itself": (KRAFT, replace(kraft(), not_listening=frozenset({3})), 3, ""),
    "the voter that is behind itself": (KRAFT, kraft(seen=quorum(LATE)), 3, ""),
    "one that is away and holds what nobody else does": (
        KRAFT, kraft(part((3,)), brokers=(1, 2)), 3, "t-0 would have 0 in-sync replicas, its min ISR is 1"),
    "nobody answers": (KRAFT, SILENT_CLUSTER, 1, "no broker answers in time"),
    "nobody answers beside a whole ensemble": (
        ZOOKEEPER, replace(SILENT_CLUSTER, ensemble=Ensemble(dict(WELL))), 1, "no broker answers in time"),
    "nobody answers beside a node that does not vote": (APART, SILENT_CLUSTER, 4, "no broker answers in time"),
    "no quorum beside a node that does not listen and does not vote": (
        APART, Sample(frozenset({4}), -1, (), not_listening=frozenset({4})), 4, "no answer about the quorum"),
    "two that hang": (
        KRAFT, kraft(part((1,), min_isr=2), brokers=(1,), seen=quorum({**SILENT, 2: SILENT[3]})), 2, ""),
    "one that lags behind beside another": (
        KRAFT, kraft(seen=quorum({**LATE, 2: LATE[3]})), 2, "without node 2 only 1 of 3 voters would be left and caught up"),
    "a member of the ensemble that is away beside another": (
        ZOOKEEPER, zookeeper({**WELL, 1: "no answer", 3: "no answer"}, brokers=(2,)), 1, ""),
    "the member of the ensemble that is behind itself": (ZOOKEEPER, zookeeper(WELL, known=BEHIND), 3, ""),
    "a well one beside a member that is behind": (
        ZOOKEEPER, zookeeper(WELL, known=BEHIND), 1, "ZooKeeper 3: 1001 transactions behind"),
    "a member of the ensemble that is behind beside another": (
        ZOOKEEPER, zookeeper(WELL, known=[(2, 1), (2, 5000), (2, 1)]), 1,
        "without node 1 only 1 of 3 voters would be left and caught up"),
    "an unwell broker's member beside one that is behind": (
        ZOOKEEPER, zookeeper(WELL, brokers=(2, 3), known=BEHIND), 1,
        "without node 1 only 1 of 3 voters would be left and caught up"),
    "a lone node": (cluster(1), kraft(part((1,), replicas=(1,)), brokers=(1,), seen=quorum({1: Member(0)})), 1, ""),
    "a lone node that does not answer": (cluster(1), SILENT_CLUSTER, 1, ""),
    "the blind one itself, out of sync": (ZOOKEEPER, blind(2, part((1, 3), min_isr=2)), 2, ""),
    "a well one beside a blind one": (
        ZOOKEEPER, blind(2, part()), 1, "broker 2 started on a full disk, and does not see it fail any more"),
}  # fmt: skip


@pytest.mark.parametrize("case", GATE)
def test_the_gate_before_a_restart(case: str) -> None:
    planned, sample, number, reason = GATE[case]
    assert "; ".join(health.why_not_restart(planned, sample, number)) == reason


def test_who_does_not_do_its_part() -> None:
    assert health.unwell(KRAFT, kraft()) == frozenset()
    assert health.unwell(KRAFT, kraft(brokers=(1, 3), seen=quorum(LATE))) == {2, 3}
    assert health.unwell(ZOOKEEPER, zookeeper({**WELL, 3: "no answer"})) == {3}
    assert health.unwell(ZOOKEEPER, zookeeper(WELL, known=BEHIND)) == {3}, "it would block every restart, its own, too"
    assert health.unwell(ZOOKEEPER, zookeeper(WELL, known=[(2, 5000), (2, 4999), (2, 4000)])) == frozenset()
    assert health.unwell(KRAFT, SILENT_CLUSTER) == frozenset(), "that none answered in time says nothing of one"
    assert health.unwell(KRAFT, replace(SILENT_CLUSTER, not_listening=frozenset({2}))) == {2}
    assert health.unwell(ZOOKEEPER, blind(2)) == {2}, "it is restarted first, and what it lacks is no reason not to"
    assert health.unwell(KRAFT, replace(SILENT_CLUSTER, not_listening=frozenset({1, 2, 3}))) == {1, 2, 3}


def test_partitions_that_somebody_else_leads_are_named() -> None:
    sample = kraft(part(), part(leader=2, number=1), part((3,), leader=-1, number=2), part((), replicas=(), number=3))
    assert health.off_preferred_leader(sample) == ["t-1", "t-2"]
    assert health.could_go_back(sample) == ["t-1"], "a replica that is not in sync is given nothing to lead"
    assert health.could_go_back(replace(sample, not_listening=frozenset({1}))) == []
    assert health.could_go_back(replace(sample, brokers=frozenset({2, 3}))) == []


def test_the_reason_names_partition_and_numbers() -> None:
    reasons = health.why_not_spare(KRAFT, kraft(part((1, 2), min_isr=2), seen=quorum(LATE)), 1)
    assert reasons == [
        "without node 1 only 1 of 3 voters would be left and caught up",
        "t-0 would have 1 in-sync replicas, its min ISR is 2",
    ]


SUBSETS = st.sets(st.integers(1, 3))


@given(SUBSETS, st.integers(1, 3), st.integers(1, 3), SUBSETS)
def test_a_spared_node_stops_no_producer_and_no_quorum(
    isr: set[int], min_isr: int, number: int, behind: set[int]
) -> None:
    members = {n: Member(5 if n in behind else 0) for n in (1, 2, 3)}
    sample = kraft(part(isr, min_isr=min_isr), seen=quorum(members))
    if health.why_not_spare(KRAFT, sample, number):
        return
    assert len({1, 2, 3} - behind - {number}) >= 2, "a majority of voters must stay, and be caught up"
    could_never = min_isr == 3 or number not in isr
    assert could_never or len(isr - {number}) >= min_isr, "producers with acks=all would stop"


@given(SUBSETS, SUBSETS, st.integers(-1, 3))
def test_a_whole_cluster_has_everything(brokers: set[int], isr: set[int], leader: int) -> None:
    sample = kraft(part(isr, leader=leader), brokers=brokers)
    whole = brokers == {1, 2, 3} == isr and leader >= 0
    assert (health.missing(KRAFT, sample) == []) is whole


@given(st.integers(0, 20_000))
def test_a_voter_that_is_silent_for_long_is_not_well(silent: int) -> None:
    assert bool(Member(0, silent).fault) is (silent > 5000), "its lag stays 0 for as long as nothing is written"


@given(st.integers(1, 9), st.integers(0, 20_000))
def test_a_member_that_keeps_up_may_be_seen_a_record_behind(lag: int, behind: int) -> None:
    fault = Member(lag, behind_ms=behind).fault
    assert bool(fault) is (behind > 2000), "the quorum writes twice a second, so a healthy one is seen behind often"


def test_topics_that_can_spare_no_broker_are_named_once() -> None:
    found = health.unspareable(
        [part(min_isr=3, topic="b"), part(min_isr=3, topic="b", number=1), part(min_isr=3, topic="a"),
         part(min_isr=2, topic="c"), part((1,), replicas=(1,), topic="d")]
    )  # fmt: skip
    assert found == ["a", "b"], "a topic with one replica is its owner's choice"


VOTES: dict[str, tuple[Cluster, Sample, str]] = {
    "all well": (KRAFT, kraft(), "quorum: leader is 1; 1: caught up; 2: caught up; 3: caught up"),
    "one silent": (
        KRAFT,
        kraft(seen=quorum(SILENT)),
        "quorum: leader is 1; 1: caught up; 2: caught up; 3: not heard of",
    ),
    "nobody leads": (KRAFT, kraft(seen=quorum(leader=-1)), "quorum: leader is nobody; 1: "),
    "no majority": (KRAFT, Sample(frozenset({1}), -1, ()), "quorum: not known: no leader answers"),
    "no broker": (
        KRAFT,
        Sample(frozenset(), -1, (), faults=("no broker listens",)),
        "quorum: not known: no broker lis",
    ),
    "an ensemble": (ZOOKEEPER, zookeeper({2: "leader", 1: "no answer"}), "ensemble: 1: no answer; 2: leader"),
    "an ensemble with one behind": (
        ZOOKEEPER,
        zookeeper(WELL, known=BEHIND),
        "ensemble: 1: follower; 2: leader; 3: follower, 1001 transactions behind",
    ),
}


@pytest.mark.parametrize("case", VOTES)
def test_who_votes_is_told_beside_every_error(case: str) -> None:
    cluster, sample, told = VOTES[case]
    assert health.votes(cluster, sample).startswith(told), "whoever mends a cluster asks first who leads it"


@pytest.mark.parametrize(
    ("sample", "names"),
    [
        (kraft(), []),
        (replace(kraft(), not_listening=frozenset({3})), ["n3"]),
        (replace(kraft(), brokers=frozenset({2, 3})), ["n1"]),
        (SILENT_CLUSTER, ["n1", "n2", "n3"]),
    ],
)
def test_whose_log_is_to_be_read(sample: Sample, names: list[str]) -> None:
    assert [line.partition("'")[0] for line in health.where_to_look(KRAFT, sample)] == names


def test_the_verdict_on_a_sample_does_not_change_it() -> None:
    sample = kraft(part((1, 2)))
    copy = replace(sample)
    health.missing(KRAFT, sample)
    health.why_not_spare(KRAFT, sample, 1)
    assert sample == copy
