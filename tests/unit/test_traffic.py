"""The verdict over what clients saw: each kind of harm is named, and nothing else is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.traffic import clients
from tests.support.traffic.__main__ import _parser
from tests.support.traffic.clients import REPLICAS, Watched
from tests.support.traffic.verdict import TOPIC_GIVEN_UP, Pauses, Seen, Verdict, judge, numbers_in, ranges

WELL = [0, 1, 2, 3]


def verdict(acknowledged: list[int], log: list[int], consumed: list[int] | None = None, **errors: int) -> Verdict:
    """The verdict over one partition beside another one on which all is well."""
    seen = Seen(len(acknowledged), acknowledged, log if consumed is None else consumed, log)
    return judge({0: Seen(4, WELL, WELL, WELL), 1: seen}, errors, {})


def test_all_is_well_when_the_log_is_what_was_acknowledged() -> None:
    found = verdict(WELL, WELL)
    assert found.faults == []
    assert (found.sent, found.acknowledged, found.consumed) == (8, 8, 8)


def test_a_record_that_was_acknowledged_and_is_gone_is_lost() -> None:
    found = verdict([0, 1, 2, 3, 4, 7], [0, 3, 7])
    assert found.lost == 3
    assert found.lost_numbers == {"1": [(1, 2), (4, 4)]}
    assert found.faults == ["3 records acknowledged and lost"]


def test_a_record_that_only_the_consumer_saw_is_lost_all_the_same() -> None:
    assert verdict(WELL, [0, 1], consumed=WELL).lost == 2, "the next reader would not find it"


def test_an_error_that_is_expected_hides_no_other_and_no_loss() -> None:
    found = verdict([0, 1], [0], _UNKNOWN_TOPIC=3, _TIMED_OUT=1)
    assert found.faults_beside(TOPIC_GIVEN_UP) == ["1 records acknowledged and lost", "1 times _TIMED_OUT"]
    assert found.faults == ["1 records acknowledged and lost", "1 times _TIMED_OUT", "3 times _UNKNOWN_TOPIC"]


def test_a_record_that_was_never_acknowledged_may_be_there_or_not() -> None:
    assert verdict([0, 1, 3], WELL).faults == []
    assert verdict([0, 1, 3], [0, 1, 3]).faults == []


def test_a_record_that_the_consumer_passed_over_is_told() -> None:
    assert verdict(WELL, WELL, consumed=[0, 2, 3]).faults == ["1 records in the log and not consumed"]


def test_a_repetition_is_a_duplicate_and_no_new_order() -> None:
    found = verdict(WELL, [0, 1, 2, 1, 2, 3])
    assert (found.duplicates, found.reordered) == (2, 0)


def test_a_record_behind_a_later_one_is_out_of_order() -> None:
    found = verdict(WELL, [0, 2, 3, 1])
    assert (found.duplicates, found.reordered) == (0, 1)
    assert found.faults == ["1 records out of order"]


def test_a_record_that_came_twice_to_the_consumer_is_told_apart_from_one_in_the_log_twice() -> None:
    found = verdict(WELL, WELL, consumed=[0, 1, 1, 2, 3])
    assert (found.duplicates, found.redelivered) == (0, 1)


def test_an_error_that_a_client_was_shown_is_a_fault() -> None:
    assert verdict(WELL, WELL, _MSG_TIMED_OUT=2).faults == ["2 times _MSG_TIMED_OUT"]


def test_the_longest_pause_is_between_two_of_a_kind_and_not_before_the_first() -> None:
    pauses = Pauses()
    for moment in (100.0, 100.5, 103.0, 103.1):
        pauses.came(moment)
    assert pauses.longest == 2.5


def test_the_worst_partition_speaks_for_all() -> None:
    slow, quick = Pauses(longest=9.0), Pauses(longest=0.1)
    found = judge({0: Seen(acknowledgements=quick, deliveries=slow), 1: Seen(acknowledgements=slow)}, {}, {})
    assert (found.producer_stall, found.consumer_stall) == (9.0, 9.0)


def test_a_verdict_can_be_sent_as_a_document() -> None:
    found = verdict([0, 1, 2], [0, 2])
    assert Verdict.read(found.__dict__) == found


@given(st.lists(st.integers(0, 50)))
def test_ranges_hold_exactly_the_numbers(numbers: list[int]) -> None:
    assert list(numbers_in(ranges(numbers))) == sorted(set(numbers))


@given(st.permutations(range(6)))
def test_only_the_order_in_which_they_were_sent_is_in_order(numbers: list[int]) -> None:
    found = verdict(list(range(6)), numbers)
    assert found.lost == found.duplicates == 0
    assert (found.reordered == 0) == (numbers == sorted(numbers))


@pytest.mark.parametrize(
    ("options", "placed"),
    [
        ([], {"replication_factor": REPLICAS}),
        (["--replicas", "2,3", "--replicas", "1,3"], {"replica_assignment": [[2, 3], [1, 3]]}),
    ],
    ids=["by Kafka", "by hand"],
)
def test_partitions_lie_where_they_were_asked_to(
    monkeypatch: pytest.MonkeyPatch, options: list[str], placed: dict[str, Any]
) -> None:
    asked: list[dict[str, Any]] = []

    class Done:
        def __getitem__(self, topic: str) -> "Done":
            return self

        def result(self, limit: float) -> None:
            pass

    class Admin:
        def __init__(self, config: dict[str, Any]) -> None:
            pass

        def create_topics(self, topics: list[Any]) -> Done:
            return Done()

    monkeypatch.setattr(clients, "AdminClient", Admin)
    monkeypatch.setattr(clients, "NewTopic", lambda *words, **more: asked.append(more))
    told = _parser().parse_args(["run", "127.0.0.1:9092", "topic", *options])
    Watched("127.0.0.1:9092", "topic", {0: Seen(), 1: Seen()}).create({}, told.replicas)
    assert {key: value for key, value in asked[0].items() if key != "config"} == placed
