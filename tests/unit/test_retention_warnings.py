"""Whatever makes a cluster keep less is said before records go."""

from typing import Any

import pytest

from model import retention_warnings
from model.handover import seats
from model.kafka_keys import Mode
from model.topic_plan import TopicPlan, listed

from .samples import cluster, settings


def earlier(**overrides: Any) -> dict[str, str]:
    """What a cluster was told with those properties."""
    return retention_warnings.planned(settings(3, settings=overrides))


def plan(*topics: dict[str, Any]) -> TopicPlan:
    shape = cluster()
    made = listed(settings(3, topics=list(topics)).topics, 3, None)
    return TopicPlan(
        mode=Mode.KRAFT, version=shape.version, cluster_id="x", patience=1, nodes=seats(shape), listed=made
    )


DAY = 24 * 3_600_000


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"log.retention.hours": "-1"}, {}, "log.retention.ms becomes 604800000 instead of -1: what is beyond"),
        ({}, {"log.retention.hours": "48"}, f"log.retention.ms becomes {2 * DAY} instead of {7 * DAY}"),
        ({"log.retention.minutes": "60"}, {"log.retention.ms": "1000"}, "log.retention.ms becomes 1000 instead of 3600000"),
        ({}, {"log.retention.bytes": "1000"}, "log.retention.bytes becomes 1000 instead of -1: what is beyond"),
        ({}, {"log.cleanup.policy": "compact"}, "log.cleanup.policy becomes compact instead of delete"),
        ({"log.cleanup.policy": "compact"}, {"log.cleanup.policy": "compact,delete"}, "kept until now are deleted"),
    ],
)  # fmt: skip
def test_a_default_with_which_less_is_kept(before: dict[str, str], after: dict[str, str], told: str) -> None:
    (said,) = retention_warnings.warnings(earlier(**before), None, settings(3, settings=after))
    assert told in said
    assert "without a" in said, "topics with a setting of their own keep what they have"
    assert retention_warnings.warnings(earlier(**after), None, settings(3, settings=after)) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"log.retention.hours": "48"}, {"log.retention.hours": "-1"}),
        ({"log.retention.hours": "168"}, {"log.retention.ms": "604800000"}),
        ({"log.cleanup.policy": "delete,compact"}, {"log.cleanup.policy": "compact"}),
        ({"num.partitions": "3"}, {"num.partitions": "6"}),
    ],
)
def test_a_default_with_which_as_much_is_kept_or_more(before: dict[str, str], after: dict[str, str]) -> None:
    assert retention_warnings.warnings(earlier(**before), None, settings(3, settings=after)) == []


FOREVER = {"name": "orders", "partitions": 3, "settings": {"retention.ms": -1}}
PLAIN = {"name": "orders", "partitions": 3}
COMPACT = {"name": "orders", "partitions": 3, "settings": {"cleanup.policy": "compact"}}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (FOREVER, PLAIN, ["topic orders: retention.ms becomes 604800000 instead of -1: what is beyond it is deleted"]),
        (PLAIN, FOREVER, []),
        (PLAIN, PLAIN, []),
        (PLAIN, COMPACT, ["topic orders: cleanup.policy becomes compact instead of delete: records that it kept"]),
        (COMPACT, PLAIN, ["topic orders: cleanup.policy becomes delete instead of compact: records that it kept"]),
        (FOREVER, {"name": "orders", "state": "absent"}, []),
    ],
)  # fmt: skip
def test_a_listed_topic(before: dict[str, Any], after: dict[str, Any], told: list[str]) -> None:
    said = retention_warnings.warnings(earlier(), plan(before), settings(3, topics=[after]))
    assert len(said) == len(told)
    for sentence, expected in zip(said, told, strict=True):
        assert sentence.startswith(expected), "a taken-out line of the configuration would delete years of records"


def test_a_topic_goes_with_the_cluster_where_it_has_no_setting_of_its_own() -> None:
    (said,) = retention_warnings.warnings(
        earlier(**{"log.retention.hours": "-1"}), plan(PLAIN), settings(3, topics=[PLAIN])
    )
    assert said.startswith("log.retention.ms"), "said once, for all of them"


UNJUDGED = {"settings": {"log.retention.ms": "${file:/x:y}"}, "unchecked": ["log.retention.ms"]}


def test_what_was_not_judged_is_not_held_against_anything() -> None:
    unjudged = settings(3, **UNJUDGED)
    assert retention_warnings.warnings(earlier(), None, unjudged) == []
    assert retention_warnings.warnings(retention_warnings.planned(unjudged), None, settings(3)) == [], (
        "nor when it is corrected"
    )
    topic = {**PLAIN, "settings": {"retention.ms": 1}}
    assert (
        retention_warnings.warnings(retention_warnings.planned(unjudged), plan(PLAIN), settings(3, topics=[topic]))
        == []
    )


def test_of_the_other_modes_topics_nothing_is_said() -> None:
    assert retention_warnings.warnings(earlier(), plan(FOREVER), settings(3, topics=[PLAIN], mode="zookeeper")) == []


def test_of_a_first_up_nothing_is_said() -> None:
    assert retention_warnings.warnings({}, None, settings(3, settings={"log.retention.ms": "1000"})) == []
