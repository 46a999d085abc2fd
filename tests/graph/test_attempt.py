"""After an `up` that left work undone the next one does it, also when the configuration is the earlier one again."""

from typing import Any

import pytest

from model.identity import CLUSTER

from .conftest import Up
from .recording import Engine, plugins, shown
from .test_changes import identity

LISTED: dict[str, Any] = {"topics": [{"name": "orders", "partitions": 3}]}
NODES = ("kafka-server1", "kafka-server2", "kafka-server3")
STAGES = tuple(f"{node}-{stage}" for node in NODES for stage in ("installed", "configured", "formatted"))
WORK = (*STAGES, "kafka-running", "kafka-settings", "kafka-topics")


def asked(engine: Engine) -> dict[str, Any]:
    """What is to be brought about on the nodes and on the running cluster."""
    return {name: shown(engine.one(name).inputs["stdin"]) for name in WORK}


def after(up: Up, earlier: list[dict[str, Any]], hosts: dict[str, Any]) -> Engine:
    return up(engine=Engine(plugins(), earlier=earlier), **hosts, **LISTED)


@pytest.fixture
def first(up: Up, hosts: dict[str, Any]) -> Engine:
    return up(**hosts, **LISTED)


def test_after_an_up_that_did_it_all_nothing_is_asked_for_again(up: Up, hosts: dict[str, Any], first: Engine) -> None:
    assert asked(after(up, identity(first), hosts)) == asked(first)


def test_after_one_that_did_not_all_is_asked_for_again_and_once(up: Up, hosts: dict[str, Any], first: Engine) -> None:
    failed = [{**part, "outputs": {}} if part["type"] == CLUSTER else part for part in identity(first)]
    second = after(up, failed, hosts)
    changed = [name for name in WORK if asked(second)[name] != asked(first)[name]]
    assert changed == list(WORK), "Pulumi would see no difference, and nodes would keep what was tried in vain"
    third = after(up, identity(second), hosts)
    assert asked(third) == asked(second), "what was done is done"


def test_all_is_asked_for_again_when_that_is_told(
    up: Up, hosts: dict[str, Any], first: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_CLUSTER_AGAIN", "1")
    second = after(up, identity(first), hosts)
    assert [name for name in WORK if asked(second)[name] != asked(first)[name]] == list(WORK), (
        "a node that was stopped on purpose is in no state"
    )
