"""A preview that has a roll ahead asks the running cluster whom it interrupts; no other one asks, and no `up`."""

from collections.abc import Iterable
from typing import Any

import pytest

from model.topology import Cluster
from operations import foresight

from .conftest import Up, dev_config
from .recording import Engine, plugins, shown

NODE = "kafka-cluster:index:KafkaNode"
NAMES = ("kafka-server1", "kafka-server2", "kafka-server3")
SENTENCE = "orders can't spare a broker"
ROLLED: dict[str, Any] = {"heap": "448M"}

Asked = list[tuple[str, ...]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Which nodes the cluster was asked about; there is no cluster here that could answer."""
    found: Asked = []

    async def interruptions(_: Cluster, names: Iterable[str], __: object, raised: object) -> list[str]:
        found.append((*names, *([str(raised)] if raised else [])))
        return [SENTENCE]

    monkeypatch.setattr(foresight, "interruptions", interruptions)
    return found


def state(engine: Engine) -> list[dict[str, Any]]:
    """What an `up` leaves behind of its nodes, as the state gives it back."""
    return [
        {"type": NODE, "urn": node.urn, "inputs": node.inputs, "outputs": engine.outputs_of[node.urn]}
        for node in engine.of(NODE)
    ]


def again(up: Up, hosts: dict[str, Any], *, preview: bool = True, **changes: Any) -> list[str]:
    """What the run after an `up` warns of."""
    engine = Engine(plugins(), earlier=state(up(**hosts)), preview=preview)
    return up(engine=engine, **hosts, **changes).warnings()


def test_a_preview_with_a_roll_ahead_says_whom_it_interrupts(up: Up, hosts: dict[str, Any], asked: Asked) -> None:
    assert SENTENCE in again(up, hosts, **ROLLED)
    assert asked == [NAMES]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"settings": {**dev_config()["settings"], "log.retention.hours": 48}},
        {"mode": "zookeeper"},
    ],
    ids=["nothing", "what a running cluster takes", "a switch of modes"],
)
def test_a_preview_without_one_asks_nobody(
    up: Up, hosts: dict[str, Any], asked: Asked, changes: dict[str, Any]
) -> None:
    assert SENTENCE not in again(up, hosts, **changes)
    assert asked == [], "a preview that has nothing to ask must not wait for a cluster"


def test_a_higher_min_isr_is_held_against_the_topics_that_are_there(
    up: Up, hosts: dict[str, Any], asked: Asked
) -> None:
    wanted = {**dev_config()["settings"], "min.insync.replicas": 2, "default.replication.factor": 3}
    first = up(**hosts, settings={**wanted, "min.insync.replicas": 1})
    told = first.one("kafka-settings")
    earlier = [*state(first), {"type": told.type, "urn": told.urn, "inputs": shown(told.inputs)}]
    assert SENTENCE in up(engine=Engine(plugins(), earlier=earlier, preview=True), **hosts, settings=wanted).warnings()
    assert asked == [("(1, 2)",)], "it is taken without a restart, and stops producers all the same"


def test_an_up_does_not_ask_beforehand(up: Up, hosts: dict[str, Any], asked: Asked) -> None:
    again(up, hosts, preview=False, **ROLLED)
    assert asked == [], "its roll says so itself"


def test_a_first_preview_asks_nobody(up: Up, hosts: dict[str, Any], asked: Asked) -> None:
    up(engine=Engine(plugins(), preview=True), **hosts)
    assert asked == []
