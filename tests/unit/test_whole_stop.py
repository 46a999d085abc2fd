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
    """A machine whose broker, once it is told to stop, ends when it was looked at that often, or never. `done` keeps what
    becomes of it, by its `name`."""

    def __init__(self, looks: float, name: str = "", done: list[str] | None = None) -> None:
        self.looks, self.name = looks, name
        self.was_killed = False
        self.done = [] if done is None else done

    async def run(self, command: str) -> str:
        if "stop --no-block kafka" in command:
            self.done.append(f"stop {self.name}")
        if "SIGKILL" in command:
            self.done.append(f"kill {self.name}")
            self.was_killed, self.looks = True, 0
        if "show" not in command:
            return ""
        self.looks -= 1
        if self.looks > 0:
            return "deactivating"
        self.done.append(f"{self.name} ended")
        return "inactive"


def killed(next_mode: Mode, looks: Iterable[float]) -> list[str]:
    """Who was killed of brokers that take that long, when the other mode's are to come."""
    machines: dict[str, Any] = {name: Broker(each) for name, each in zip(NAMES, looks, strict=True)}
    plan = handover(next_mode).model_copy(update={"patience": 1, "controllers": NAMES})
    asyncio.run(WholeStop(plan, machines).stop())
    return [name for name, machine in machines.items() if machine.was_killed]


def apart(looks: dict[str, float]) -> list[str]:
    """What becomes of nodes that take that long; their names begin with their roles in KRaft, whose cluster is ended."""
    controllers = tuple(name for name in looks if name.startswith("c"))
    done: list[str] = []
    machines: dict[str, Any] = {name: Broker(each, name, done) for name, each in looks.items()}
    told = {"patience": 1, "controllers": controllers, "only_controllers": controllers}
    asyncio.run(WholeStop(handover(Mode.ZOOKEEPER).model_copy(update=told), machines).stop())
    return done


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


def test_controllers_that_are_no_brokers_stay_until_the_brokers_have_ended() -> None:
    done = apart({"c1": 1, "c2": 1, "c3": 1, "b4": 2, "b5": 6})
    assert done[:5] == ["stop b4", "stop b5", "b4 ended", "b5 ended", "stop c1"], "nobody else lets a broker go"
    assert sorted(done[5:]) == ["c1 ended", "c2 ended", "c3 ended", "stop c2", "stop c3"], "and nobody is killed"


def test_a_broker_that_hangs_does_not_keep_the_controllers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.whole_stop._WHOLE_STOP_SECONDS", 0.5)
    done = apart({"c1": 1, "b2": NEVER})
    assert done == ["stop b2", "kill b2", "stop c1", "c1 ended"]


def test_where_no_broker_runs_the_controllers_are_stopped_at_once() -> None:
    assert apart({"c1": 1}) == ["stop c1", "c1 ended"]
