"""What the last `up` left running is read from the state that it left, also when it did not come to its end."""

from typing import Any

import pytest

from model import identity, left
from model.handover import LiveSettings, seats
from model.kafka_keys import Mode

from .samples import cluster

STATE: list[dict[str, Any]] = [
    {"type": "pulumi:pulumi:Stack", "urn": "urn:pulumi:dev::p::pulumi:pulumi:Stack::n9"},
    *(
        {
            "type": "kafka-cluster:index:KafkaNode",
            "urn": f"urn:pulumi:dev::p::kafka-cluster:index:KafkaNode::n{number}",
            "inputs": {"mode": "kraft"},
            "outputs": {"fingerprint": fingerprint},
        }
        for number, fingerprint in ((1, "one"), (2, "two"), (3, {"ciphertext": "not to be read"}))
    ),
]


def test_the_state_tells_what_each_node_was_left_with() -> None:
    assert left.left_with(STATE, Mode.KRAFT) == {"n1": frozenset({"one"}), "n2": frozenset({"two"})}


RAN = {"type": "t", "urn": "urn::kafka-running"}


@pytest.mark.parametrize(
    ("runs", "rolled"),
    [({"n1": "one", "n2": "two"}, ()), ({"n1": "one", "n2": "zwei"}, ("n2",)), (None, ("n1", "n2"))],
    ids=["it came to its end", "it failed in the roll", "it failed, and nobody knows where"],
)
def test_a_roll_that_was_not_finished_is_ahead_still(runs: dict[str, str] | None, rolled: tuple[str, ...]) -> None:
    outputs = {} if runs is None else {"runs": runs}
    known = left.left_with([*STATE, RAN, {"type": identity.CLUSTER, "urn": "urn::c", "outputs": outputs}], Mode.KRAFT)
    assert left.restarted(known, {"n1": "one", "n2": "two"}) == rolled, "the preview would not say whom it interrupts"


def told(mode: Mode, **defaults: str | None) -> dict[str, Any]:
    """What stands in a state of the settings that a running cluster was told."""
    shape = cluster(3, mode)
    document = LiveSettings(
        mode=mode, version=shape.version, cluster_id="c", patience=1, nodes=seats(shape), defaults=defaults
    )
    return {"type": "t", "urn": "urn::kafka-settings", "inputs": {"stdin": document.model_dump_json()}}


def test_the_state_tells_what_the_cluster_was_told() -> None:
    asked = {"type": identity.CLUSTER, "urn": "urn::c", "inputs": {"settings": {"min.insync.replicas": "3"}}}
    state = [asked, told(Mode.KRAFT, **{"min.insync.replicas": "2", "log.retention.ms": None})]
    defaults = left.before(state, Mode.KRAFT).defaults
    assert defaults["min.insync.replicas"] == "2", "an `up` that failed had asked for 3, and told nobody"
    assert "log.retention.ms" not in defaults, "nobody knows what it is"
    assert defaults["log.retention.bytes"] == "-1", "Kafka's own"
    assert left.before(state, Mode.ZOOKEEPER).defaults == {}, "that cluster is not there to be asked"
    assert left.before([asked], Mode.KRAFT).defaults == {}
    assert left.before([{**state[1], "inputs": {"stdin": "{}"}}], Mode.KRAFT).defaults == {}, "of another version"


def test_what_nobody_knows_is_not_sure() -> None:
    assert not left.is_sure({"n1": frozenset({"one", left.UNKNOWN})}, {"n1": "one"})
    assert left.is_sure({"n1": frozenset({"zero", left.UNKNOWN})}, {"n1": "one"})


def test_a_switch_of_modes_is_no_roll() -> None:
    assert left.left_with(STATE, Mode.ZOOKEEPER) == {}


def test_only_what_was_left_with_something_else_is_restarted() -> None:
    known = left.left_with(STATE, Mode.KRAFT)
    assert left.restarted(known, {"n1": "one", "n2": "another", "n4": "new"}) == ("n2",), "a new node is only started"


def test_only_a_higher_min_isr_stops_anybody() -> None:
    one, two = ({"min.insync.replicas": value} for value in ("1", "2"))
    assert left.raised_min_isr(one, two) == (1, 2)
    assert left.raised_min_isr(two, one) is None
    assert left.raised_min_isr({}, two) is None, "there is no cluster yet, or nobody knows"
