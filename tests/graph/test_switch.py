"""A run with a switch of modes ahead says what is stopped and started; no other one does."""

from typing import Any

import pytest

from model.handover import LIVE, RUNNING_RESOURCE, Handover
from model.identity import CLUSTER

from .conftest import Up
from .recording import Engine, plugins, shown

WORDS = "the switch from"
CUT_OFF = "an `up` that was not finished"


def after(
    up: Up, before: dict[str, Any], *, preview: bool = True, begun: dict[str, Any] | None = None, **changes: Any
) -> list[str]:
    """What the run after an `up` says of a switch; after another one, too, that was `begun` and not finished."""
    told, asked = up(**before).one(LIVE), up(**{**before, **(begun or {})}).one("kafka", CLUSTER)
    earlier = [{"type": part.type, "urn": part.urn, "inputs": shown(part.inputs)} for part in (told, asked)]
    engine = up(engine=Engine(plugins(), earlier=earlier, preview=preview), **{**before, **changes})
    return [warning for warning in engine.warnings() if WORDS in warning or CUT_OFF in warning]


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "up"])
@pytest.mark.parametrize(("mode", "other"), [("kraft", "zookeeper"), ("zookeeper", "kraft")])
def test_a_switch_that_is_taken_back_is_said_before_it_happens(
    up: Up, hosts: dict[str, Any], preview: bool, mode: str, other: str
) -> None:
    (said,) = after(up, {**hosts, "mode": mode}, preview=preview, begun={"mode": other})
    assert f"in {other} mode: what runs in it is stopped" in said


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "up"])
@pytest.mark.parametrize(("before", "wanted"), [("kraft", "zookeeper"), ("zookeeper", "kraft")])
def test_a_switch_is_said_before_it_happens(
    up: Up, hosts: dict[str, Any], preview: bool, before: str, wanted: str
) -> None:
    (said,) = after(up, {**hosts, "mode": before}, preview=preview, mode=wanted)
    assert f"{WORDS} {before} to {wanted} stops kafka.service" in said


@pytest.mark.parametrize("mode", ["kraft", "zookeeper"])
def test_without_a_switch_nothing_is_said_of_one(up: Up, hosts: dict[str, Any], mode: str) -> None:
    assert after(up, {**hosts, "mode": mode}, heap="448M") == []


@pytest.mark.parametrize("mode", ["kraft", "zookeeper"])
def test_a_first_up_switches_nothing(up: Up, hosts: dict[str, Any], mode: str) -> None:
    engine = up(engine=Engine(plugins(), preview=True), **hosts, mode=mode)
    assert not [warning for warning in engine.warnings() if WORDS in warning]


@pytest.mark.parametrize("mode", ["kraft", "zookeeper"])
def test_who_stops_a_kraft_cluster_is_told_who_votes_there_and_who_only_votes(
    up: Up, hosts: dict[str, Any], mode: str
) -> None:
    both = ["broker", "controller"]
    roles = (["controller"], both, both)
    nodes = [{**node, "roles": each} for node, each in zip(hosts["nodes"], roles, strict=True)]
    running = up(engine=Engine(plugins()), **{**hosts, "mode": mode, "nodes": nodes, "settings": {}}).one(
        RUNNING_RESOURCE
    )
    told = Handover.model_validate_json(shown(running.inputs["stdin"]))
    assert told.controllers == ("kafka-server1", "kafka-server2", "kafka-server3"), (
        "the plan of ZooKeeper has no such role"
    )
    assert told.only_controllers == ("kafka-server1",)
