"""The listed topics: one resource after the cluster runs, a preview that shows what changes, and refusals before that."""

import json
from typing import Any

import pulumi
import pytest

from model.topic_plan import TopicPlan

from .conftest import Up
from .recording import Engine, Resource, plugins
from .test_changes import changed, identity

COMPONENT = "kafka-cluster:index:KafkaTopics"
ORDERS = {"name": "orders", "partitions": 3, "settings": {"retention.ms": 1000}}


def carrier(engine: Engine) -> Resource:
    return engine.one("kafka-topics")


def plan(engine: Engine) -> TopicPlan:
    return TopicPlan.model_validate_json(carrier(engine).inputs["stdin"])


def state(engine: Engine) -> list[dict[str, Any]]:
    """What an `up` with topics leaves behind, as the state gives it back."""
    return [
        *identity(engine),
        {"type": "command:local:Command", "urn": carrier(engine).urn, "inputs": carrier(engine).inputs},
    ]


def again(up: Up, before: Engine, **changes: Any) -> Engine:
    """The next `up`, or what it refused."""
    return up(engine=Engine(plugins(), earlier=state(before)), **changes)


def test_where_no_topics_are_listed_there_is_nothing_of_them(up: Up) -> None:
    assert not [resource for resource in up().registered if "topics" in resource.name]


def test_topics_are_made_once_the_cluster_runs(up: Up) -> None:
    engine = up(topics=[ORDERS])
    assert "kafka-running" in engine.ancestors(carrier(engine))
    assert carrier(engine).inputs["create"] == "exec python -m operations topics"
    assert plan(engine).listed["orders"].partitions == 3
    assert plan(engine).cluster.bootstrap_servers.startswith("172.25.254.131:9092,")
    assert "delete" not in carrier(engine).inputs, "`pulumi destroy` of this resource would lose records"


def test_the_plan_is_readable_in_a_preview(up: Up, hosts: dict[str, Any]) -> None:
    for engine in (up(topics=[ORDERS]), up(**hosts, topics=[ORDERS])):
        assert isinstance(carrier(engine).inputs["stdin"], str), "a secret shows no difference"
        assert "PRIVATE KEY" not in carrier(engine).inputs["stdin"]


def test_a_preview_shows_the_topic_and_touches_nothing_else(up: Up) -> None:
    before, after = up(topics=[ORDERS]), up(topics=[{**ORDERS, "partitions": 6}])
    assert changed(before, after) == {"topics", "kafka-topics"}, "no broker has to do with it"
    told = [engine.one("topics", COMPONENT).inputs["topics"]["orders"]["partitions"] for engine in (before, after)]
    assert told == [3, 6], "a preview says `partitions: 3 => 6`"


def test_names_of_topics_resources(up: Up) -> None:
    urns = set(up(topics=[ORDERS]).resources) - set(up().resources)
    above = "urn:pulumi:dev::kafka-cluster::kafka-cluster:index:KafkaCluster$kafka-cluster:index:KafkaTopics"
    assert urns == {f"{above}::topics", f"{above}$command:local:Command::kafka-topics"}, "a released name stays"


def test_a_switch_of_modes_makes_the_topics_there_too(up: Up) -> None:
    before, after = up(topics=[ORDERS]), up(topics=[ORDERS], mode="zookeeper")
    assert {"topics", "kafka-topics"} <= changed(before, after)


def test_an_emptied_disk_has_the_topics_looked_at_again(up: Up) -> None:
    usual = plugins()

    def emptied(resource: Resource) -> dict[str, Any]:
        again = {"stdout": "formatted anew"} if resource.name == "kafka-server1-formatted" else {}
        return usual(resource) | again

    before, after = up(topics=[ORDERS]), up(engine=Engine(emptied), topics=[ORDERS])
    assert "kafka-topics" in changed(before, after), "a lone node's topics were on that disk"


def test_what_no_cluster_can_follow_is_refused_at_preview(up: Up) -> None:
    existing = up(topics=[ORDERS])
    engine = Engine(plugins(), earlier=state(existing), preview=True)
    with pytest.raises(pulumi.RunError) as caught:
        up(engine=engine, topics=[{**ORDERS, "partitions": 2}])
    told = "  - topics[orders].partitions: is 3, was asked to be 2; instead, leave it"
    assert str(caught.value).startswith(f"this change is refused; nothing was changed:\n{told}")
    assert not engine.registered, "nothing was asked for"


def test_another_number_of_replicas_is_warned_of_and_handed_to_who_asks_the_cluster(up: Up) -> None:
    engine = again(up, up(topics=[ORDERS]), topics=[{**ORDERS, "replicationFactor": 1}])
    assert any("orders is listed with replicationFactor 1 instead of 3: `up` moves no" in w for w in engine.warnings())
    assert plan(engine).listed["orders"].replication_factor == 1


def test_a_topic_that_is_no_longer_listed_is_told_to_stay(up: Up) -> None:
    engine = again(up, up(topics=[ORDERS]), topics=[])
    assert any("topic orders is not listed any more: it stays as it is" in said for said in engine.warnings())


def test_a_deletion_is_told(up: Up) -> None:
    engine = again(up, up(topics=[ORDERS]), topics=[{"name": "orders", "state": "absent"}])
    assert "topic orders is to be absent: it is deleted with all its records" in engine.warnings()
    assert plan(engine).absent == ("orders",)
    assert engine.one("topics", COMPONENT).inputs["topics"] == {"orders": {"state": "absent"}}


def test_a_setting_that_is_taken_off_goes_back(up: Up) -> None:
    engine = again(up, up(topics=[ORDERS]), topics=[{"name": "orders", "partitions": 3}])
    assert plan(engine).listed["orders"].taken_back == ("retention.ms",)


def test_the_next_up_changes_nothing(up: Up) -> None:
    first = up(topics=[ORDERS, {"name": "old", "state": "absent"}])
    second = again(up, first, topics=[ORDERS, {"name": "old", "state": "absent"}])
    assert not changed(first, second)
    (said,) = [said for said in second.warnings() if "topic" in said]
    assert "is still listed as absent" in said, "of what was done only that is said which may come to be done again"


def test_a_topic_that_cannot_be_is_refused_with_everything_else(up: Up) -> None:
    with pytest.raises(pulumi.RunError) as caught:
        up(engine=Engine(plugins()), heap="9G", topics=[{**ORDERS, "replicationFactor": 5}])
    assert "the configuration has 2 problems; nothing was changed" in str(caught.value)
    assert "topics[orders].replicationFactor: got 5; expected a number from 1 to 3" in str(caught.value)


def test_a_state_of_another_version_is_no_obstacle(up: Up) -> None:
    other = [*state(up(topics=[ORDERS]))]
    other[-1]["inputs"] = {"stdin": json.dumps({"topics": ["orders"]})}
    assert plan(up(engine=Engine(plugins(), earlier=other), topics=[ORDERS])).listed
