"""What an `up` left undone is done by the next, also when that is asked for what was there before."""

from typing import Any

import pytest

from model import attempt, identity
from model.kafka_keys import Mode
from model.left import NODE

NOW, EARLIER = "now", "earlier"
SETTINGS = {"log.retention.hours": 48}


def resource(kind: str, name: str, inputs: Any, outputs: Any) -> dict[str, Any]:
    return {"type": kind, "urn": f"urn:pulumi:dev::p::{kind}::{name}", "inputs": inputs, "outputs": outputs}


def state(
    *, runs: Any = "f1", told: Any = SETTINGS, listed: Any = None, again: str = EARLIER, topics: Any = None
) -> list[dict[str, Any]]:
    """A cluster of a node that is to run `f1`, and what of it was brought about."""
    outputs = {} if runs is None else {"runs": {"n1": runs}, "settings": told}
    found = [
        resource("pulumi:pulumi:Stack", "p-dev", {}, {}),
        resource(identity.CLUSTER, "kafka", {"settings": SETTINGS, "again": again}, outputs),
        resource(NODE, "n1", {}, {"fingerprint": "f1"}),
    ]
    if topics is not None:
        found.append(resource(attempt.TOPICS, "topics", {"topics": topics}, {"listed": listed} if listed else {}))
    return found


def test_a_stack_without_a_cluster_has_nothing_to_do_again() -> None:
    assert attempt.mark([], NOW) == ""


def test_what_was_done_keeps_its_mark() -> None:
    assert attempt.mark(state(), NOW) == EARLIER, "else every `up` would look at all nodes"
    assert attempt.mark(state(topics={"a": 1}, listed={"a": 1}), NOW) == EARLIER
    assert attempt.mark(state(again=""), NOW) == ""


def test_what_is_told_is_marked_whatever_the_state_says() -> None:
    assert attempt.mark(state(), NOW, told=True) == NOW
    assert attempt.mark([], NOW, told=True) == "", "a stack that was never up has no cluster to do it to"


@pytest.mark.parametrize(
    "left",
    [
        {"runs": None},
        {"runs": "f0"},
        {"told": {}},
        {"topics": {"a": 1}},
        {"topics": {"a": 1}, "listed": {"a": 2}},
    ],
)
def test_what_was_left_undone_is_marked(left: dict[str, Any]) -> None:
    assert attempt.mark(state(**left), NOW) == NOW, "the configuration may be the earlier one again, and no difference"


@pytest.mark.parametrize("wanted", Mode)
def test_the_mode_that_was_asked_for_is_known_whatever_came_of_it(wanted: Mode) -> None:
    asked = resource(identity.CLUSTER, "kafka", {"mode": wanted.value}, {})
    assert attempt.mode([resource("pulumi:pulumi:Stack", "p-dev", {}, {}), asked]) is wanted
    assert attempt.mode([]) is None


IMAGE = {"type": "libvirt:index/volume:Volume", "urn": "urn:pulumi:dev::p::a$libvirt:index/volume:Volume::site-image"}
AGAIN = {**IMAGE, "inputs": {"name": "kafka-cluster+dev+image-again.qcow2"}}
FAILED = {"initErrors": ["error while uploading source: no space left on device"]}


def test_an_image_whose_upload_failed_is_made_anew_by_another_name() -> None:
    assert attempt.image_volume([]) == "image.qcow2"
    assert attempt.image_volume([*state(), IMAGE]) == "image.qcow2"
    assert attempt.image_volume([*state(), {**IMAGE, **FAILED}]) == "image-again.qcow2", "a part would be taken for it"
    assert attempt.image_volume([AGAIN]) == "image-again.qcow2", "the one that is there stays"
    assert attempt.image_volume([{**AGAIN, **FAILED}]) == "image.qcow2"
    machine = resource("libvirt:index/domain:Domain", "n1-domain", {}, {})
    assert attempt.image_volume([{**IMAGE, **FAILED}, machine]) == "image.qcow2", "it was whole for that one"
