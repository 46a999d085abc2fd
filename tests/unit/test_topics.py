"""What is done about topics: no more than is listed, nothing twice, and no record lost that nobody gave up."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from model import topic_plan
from model.handover import seats
from model.kafka_keys import Mode
from model.settings import Settings
from model.topic_plan import Listed, TopicPlan
from model.topic_rules import TopicSettings, TopicState
from model.topics import Seen, Work, account, decide, refusals, warnings

from .samples import cluster, settings

NAMES = ("orders", "payments", "shipments", "of-somebody-else")
VALUES = {"retention.ms": ("1000", "2000", "+2000"), "cleanup.policy": ("delete", "compact", "compact,delete")}


def plan(listed: dict[str, Listed], absent: tuple[str, ...] = ()) -> TopicPlan:
    shape = cluster()
    return TopicPlan(
        mode=Mode.KRAFT,
        version=shape.version,
        cluster_id="A_D5kj5zTbi2EDTeXHDH3g",
        patience=1,
        nodes=seats(shape),
        listed=listed,
        absent=absent,
    )


def entry(name: str = "orders", partitions: int = 3, **others: object) -> TopicSettings:
    return TopicSettings.model_validate({"name": name, "partitions": partitions, **others})


def carried_out(plan: TopicPlan, seen: Mapping[str, Seen], work: Work) -> dict[str, Seen]:
    """The topics as Kafka would have them afterwards."""
    after = {name: topic for name, topic in seen.items() if name not in work.delete}
    for name in work.create:
        listed = plan.listed[name]
        after[name] = Seen((listed.replication_factor,) * listed.partitions, listed.settings)
    for name, count in work.grow.items():
        after[name] = replace(after[name], replicas=(after[name].replicas[0],) * count)
    for name, changes in work.alter.items():
        kept = {key: value for key, value in after[name].settings.items() if key not in changes}
        after[name] = replace(
            after[name], settings=kept | {key: value for key, value in changes.items() if value is not None}
        )
    return after


own_settings = some.fixed_dictionaries({}, optional={key: some.sampled_from(values) for key, values in VALUES.items()})
factors, counts = some.integers(1, 3), some.integers(1, 5)
listings = some.builds(
    Listed,
    partitions=counts,
    replication_factor=factors,
    settings=own_settings,
    taken_back=some.lists(some.sampled_from(["segment.bytes", "flush.ms"]), unique=True).map(tuple),
)
others = some.fixed_dictionaries({}, optional={"segment.bytes": some.just("2048"), "preallocate": some.just("true")})
sights = some.builds(
    lambda count, factor, own, other: Seen((factor,) * count, own | other), counts, factors, own_settings, others
)


@some.composite
def situations(draw: some.DrawFn) -> tuple[TopicPlan, dict[str, Seen]]:
    listed = draw(some.dictionaries(some.sampled_from(NAMES[:3]), listings))
    absent = draw(
        some.lists(some.sampled_from([name for name in NAMES[:3] if name not in listed] or ["x"]), unique=True)
    )
    return plan(listed, tuple(absent)), draw(some.dictionaries(some.sampled_from(NAMES), sights))


@given(situations())
def test_what_was_done_once_is_not_done_again(situation: tuple[TopicPlan, dict[str, Seen]]) -> None:
    wanted, seen = situation
    work = decide(wanted, seen)
    if not work.refused:
        assert not decide(wanted, carried_out(wanted, seen, work)), "a second `up` would change something"


@given(situations())
def test_what_is_not_listed_is_never_touched(situation: tuple[TopicPlan, dict[str, Seen]]) -> None:
    wanted, seen = situation
    after = carried_out(wanted, seen, decide(wanted, seen))
    for name in seen.keys() - wanted.named:
        assert after[name] == seen[name], f"{name} is somebody else's"
    for name, listed in wanted.listed.items():
        ours = {*listed.settings, *listed.taken_back}
        before = seen.get(name, Seen(())).settings
        for key in before.keys() - ours:
            assert after[name].settings[key] == before[key], f"{key} was set by somebody else"


@given(situations())
def test_records_are_lost_where_it_is_asked_for_only(situation: tuple[TopicPlan, dict[str, Seen]]) -> None:
    wanted, seen = situation
    work = decide(wanted, seen)
    assert set(work.delete) <= set(wanted.absent), "a topic was deleted that nobody called absent"
    for name, count in work.grow.items():
        assert count > len(seen[name].replicas)
    for name, listed in wanted.listed.items():
        shrinks = name in seen and listed.partitions < len(seen[name].replicas)
        assert not shrinks or any(f"topics[{name}].partitions" in line for line in work.refused)


def test_another_number_of_replicas_is_refused_with_what_to_do() -> None:
    wanted = plan({"orders": Listed(partitions=2, replication_factor=3)})
    (line,) = decide(wanted, {"orders": Seen((2, 3))}).refused
    assert "is 2 and 3, was asked to be 3; instead, list what it is, or move replicas first" in line
    assert "docs/how-to/topics.md#another-number-of-replicas" in line


def test_what_was_reassigned_and_then_listed_is_taken() -> None:
    before, now = after(entry(replicationFactor=1)), listing({**ORDERS, "partitions": 3})
    assert refusals(before, now) == [], "the state knows nothing of what was reassigned: the cluster is asked"
    (said,) = warnings(before, now)
    assert said.startswith("topic orders is listed with replicationFactor 3 instead of 1: ")
    assert "docs/how-to/topics.md#another-number-of-replicas" in said
    assert not decide(after(entry()), {"orders": Seen((3, 3, 3))})
    assert warnings(after(entry()), now) == []
    assert warnings(before, listing({**ORDERS, "partitions": 3}, mode="zookeeper")) == [], "it is another cluster"


def test_a_setting_is_the_topics_own_although_the_default_is_the_same() -> None:
    wanted = plan({"orders": Listed(partitions=1, replication_factor=1, settings={"retention.ms": "604800000"})})
    assert decide(wanted, {"orders": Seen((1,))}).alter == {"orders": {"retention.ms": "604800000"}}, (
        "another default of the cluster would change a topic whose setting is listed"
    )


def test_the_work_is_told_in_words() -> None:
    wanted = plan(
        {
            "fresh": Listed(partitions=3, replication_factor=2),
            "orders": Listed(
                partitions=6, replication_factor=1, settings={"retention.ms": "5"}, taken_back=("segment.bytes",)
            ),
        },
        ("gone",),
    )
    seen = {"orders": Seen((1, 1, 1), {"segment.bytes": "2048"}), "gone": Seen((1,))}
    assert account(wanted, decide(wanted, seen)) == [
        "deleting topic gone with all its records",
        "making topic fresh: 3 partitions of 2 replicas",
        "adding partitions to topic orders: 6 in all",
        "altering topic orders: retention.ms is 5, segment.bytes is the default",
    ]


# -- from one `up` to the next ---------------------------------------------------------------------------------


def after(*topics: TopicSettings, before: TopicPlan | None = None) -> TopicPlan:
    """The plan that such a list gives."""
    return plan(topic_plan.listed(topics, 3, before), topic_plan.absent(topics))


def test_a_setting_that_is_taken_off_goes_back_and_stays_so() -> None:
    first = after(entry(settings={"retention.ms": 1000}))
    second = after(entry(), before=first)
    third = after(entry(), before=second)
    assert second.listed["orders"].taken_back == ("retention.ms",)
    assert third == second, "a second `up` would change something"
    assert decide(second, {"orders": Seen((3, 3, 3), {"retention.ms": "1000"})}).alter == {
        "orders": {"retention.ms": None}
    }
    assert after(entry(settings={"retention.ms": 7}), before=third).listed["orders"].taken_back == ()


def listing(*topics: Mapping[str, object], mode: str = "kraft") -> Settings:
    """The settings of three brokers with that list."""
    return settings(3, topics=list(topics), mode=mode)


ORDERS = {"name": "orders", "partitions": 6}
GONE = {"name": "orders", "state": "absent"}


def test_fewer_partitions_are_refused_by_what_was() -> None:
    before = after(entry(partitions=6))
    (fewer,) = refusals(before, listing({**ORDERS, "partitions": 3}))
    assert fewer.startswith("  - topics[orders].partitions: is 6, was asked to be 3; instead, ")
    assert refusals(before, listing({**ORDERS, "partitions": 9})) == []
    assert refusals(None, listing(ORDERS)) == []


def test_the_other_modes_cluster_may_have_fewer() -> None:
    before = after(entry(partitions=6))
    assert refusals(before, listing({**ORDERS, "partitions": 3}, mode="zookeeper")) == [], "it is another cluster"


def test_a_topic_that_was_given_up_may_come_back_smaller() -> None:
    given_up = after(entry(state="absent"), before=after(entry(partitions=6)))
    assert given_up.absent == ("orders",)
    assert refusals(given_up, listing({**ORDERS, "partitions": 1, "replicationFactor": 1})) == []


def test_a_topic_taken_off_the_list_is_left_alone_and_that_is_said() -> None:
    before = after(entry())
    (said,) = warnings(before, listing())
    assert "orders is not listed any more: it stays as it is" in said
    assert "state: absent" in said
    assert not decide(after(before=before), {"orders": Seen((3, 3, 3))})


def test_a_deletion_is_said_for_as_long_as_it_is_asked_for() -> None:
    told = ["topic orders is to be absent: it is deleted with all its records"]
    assert warnings(after(entry()), listing(GONE)) == told
    assert warnings(None, listing(GONE)) == told, "also of a topic that was never listed"
    (again,) = warnings(after(entry(state="absent")), listing(GONE))
    assert "if somebody recreated it" in again, "a consumer that still asks for it may have"
    assert warnings(after(entry(state="absent")), listing(GONE, mode="zookeeper")) == told


def test_more_partitions_are_told_what_they_cost() -> None:
    (said,) = warnings(after(entry(partitions=3)), listing(ORDERS))
    assert "6 partitions instead of 3" in said
    assert warnings(after(entry(partitions=6)), listing(ORDERS)) == []


def state(text: object) -> list[dict[str, object]]:
    urn = "urn:pulumi:dev::p::kafka-cluster:index:KafkaTopics$command:local:Command::kafka-topics"
    return [{"urn": "urn:x::stack", "type": "pulumi:pulumi:Stack"}, {"urn": urn, "inputs": {"stdin": text}}]


def test_the_plan_is_found_in_a_state_again() -> None:
    made = after(entry(settings={"retention.ms": 1000}), entry("old", state="absent"))
    assert topic_plan.earlier(state(made.model_dump_json())) == made
    assert topic_plan.earlier([]) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", {"a secret": 1}, '{"of": "another version"}'])
def test_a_plan_that_is_none_of_ours_is_no_plan(text: object) -> None:
    assert topic_plan.earlier(state(text)) is None, "the cluster is asked in any case"


def test_entries_leave_open_what_can_be_left_open() -> None:
    assert entry().factor(3) == entry().factor(5) == 3
    assert entry().factor(1) == 1
    assert entry().state is TopicState.PRESENT
