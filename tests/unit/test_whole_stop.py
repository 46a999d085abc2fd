"""The stop of a whole cluster: whoever can stop cleanly may, and nobody holds a switch up for ever."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from model import order
from model.kafka_keys import Mode
from operations.whole_stop import WholeStop

from .test_handover import handover

NAMES = ("n1", "n2", "n3")


class Broker:
    """A machine whose broker, once it is told to stop, ends when it was looked at that often, or never."""

    def __init__(self, looks: float) -> None:
        self.looks = looks
        self.was_killed = False

    async def run(self, command: str) -> str:
        if "SIGKILL" in command:
            self.was_killed, self.looks = True, 0
        if "show" not in command:
            return ""
        self.looks -= 1
        return "deactivating" if self.looks > 0 else "inactive"


def killed(next_mode: Mode, looks: Iterable[float]) -> list[str]:
    """Who was killed of brokers that take that long, when the other mode's are to come."""
    machines: dict[str, Any] = {name: Broker(each) for name, each in zip(NAMES, looks, strict=True)}
    plan = handover(next_mode).model_copy(update={"patience": 1, "controllers": NAMES})
    asyncio.run(WholeStop(plan, machines).stop())
    return [name for name, machine in machines.items() if machine.was_killed]


NEVER = float("inf")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The third look is later than the last words; one is taken each 0.2 s."""
    monkeypatch.setattr(order, "_LAST_WORDS_SECONDS", 0.3)


def test_brokers_that_stop_one_after_the_other_are_all_let_stop() -> None:
    assert killed(Mode.ZOOKEEPER, (2, 6, 7)) == [], "two of three elect a controller, however long that takes"


def test_of_a_kraft_cluster_only_the_one_that_nobody_lets_go_is_killed() -> None:
    assert killed(Mode.ZOOKEEPER, (2, 5, NEVER)) == ["n3"]


def test_a_broker_of_zookeeper_mode_is_waited_for_alone_too() -> None:
    assert killed(Mode.KRAFT, (2, 2, 8)) == [], "it needs no controller to end"


def test_nobody_holds_a_switch_up_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.whole_stop._WHOLE_STOP_SECONDS", 0.5)
    assert "n2" in killed(Mode.KRAFT, (2, NEVER, 2))
