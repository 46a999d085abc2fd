"""How the resources of a state are read."""

from typing import Any

from model import state

STACK = "urn:pulumi:dev::kafka-cluster"


def resource(name: str, kind: str = "libvirt:index/volume:Volume", **more: Any) -> dict[str, Any]:
    return {"urn": f"{STACK}::kafka-cluster:index:KafkaNode${kind}::{name}", "type": kind, **more}


def test_a_name_is_what_the_program_gave() -> None:
    assert state.name(resource("n1-data")) == "n1-data"
    assert state.name({"type": "t"}) == "", "as in what was read of a provider alone"


def test_what_is_not_there_is_empty() -> None:
    assert state.inputs(resource("n1", inputs={"size": 1})) == {"size": 1}
    assert state.outputs(resource("n1", outputs={"id": 2})) == {"id": 2}
    assert (state.inputs(resource("n1")), state.outputs(resource("n1"))) == ({}, {}), "the stack itself has neither"


def test_resources_are_found_by_their_names() -> None:
    first, second, later = resource("a"), resource("b"), resource("a", inputs={"is": "later"})
    assert state.by_name([first, second, {"type": "t"}]) == {"a": first, "b": second}
    assert state.by_name([first, later]) == {"a": later}
    assert state.inputs_by_name([second, later]) == {"b": {}, "a": {"is": "later"}}


def test_resources_are_found_by_their_type() -> None:
    first, other, second = resource("a"), resource("b", "libvirt:index/pool:Pool"), resource("c")
    assert state.of_type([first, other, second], "libvirt:index/volume:Volume") == [first, second]
    assert state.of_type([], "libvirt:index/volume:Volume") == []
