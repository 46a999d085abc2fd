"""Brokers that started on a full disk are started again, and not before there is room."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from model.kafka_keys import Mode
from operations import sight
from operations.wait import TimedOut

from .samples import cluster

BROKERS = cluster(3, Mode.ZOOKEEPER).brokers
SEES = {"blind": False, "free_bytes": 0}
FULL = {"blind": True, "free_bytes": 0}
ROOM = {"blind": True, "free_bytes": 1 << 30}


class Ground:
    """Gates that are open, and nodes that give these accounts one after the other, the last one for ever. `done` is what
    was asked and done."""

    patience = 1

    def __init__(self, accounts: Mapping[str, Iterable[dict[str, Any]]]) -> None:
        self.accounts = {name: list(each) for name, each in accounts.items()}
        self.done: list[str] = []

    async def serving(self, brokers: Iterable[Any]) -> None:
        self.done.append(f"serving {', '.join(broker.name for broker in brokers)}")

    async def spared(self, waiting: Mapping[str, int]) -> str:
        self.done.append(f"spared {', '.join(waiting)}")
        return next(iter(waiting))

    async def look(self, name: str) -> Mapping[str, Any]:
        left = self.accounts[name]
        return left.pop(0) if len(left) > 1 else left[0]

    async def restart(self, name: str) -> None:
        self.done.append(f"restart {name}")

    def restored(self) -> list[str]:
        gates: Any = self
        asyncio.run(sight.restored(gates, BROKERS, self.look, self.restart))
        return self.done


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sight, "_EVERY_SECONDS", 0.0)


def test_brokers_that_see_are_left_alone() -> None:
    assert Ground({"n1": [SEES], "n2": [SEES], "n3": [SEES]}).restored() == ["serving n1, n2, n3"]


def test_a_blind_one_is_restarted_behind_the_gate_once_it_has_room() -> None:
    found = Ground({"n1": [SEES], "n2": [FULL, FULL, FULL, ROOM, SEES], "n3": [SEES]}).restored()
    assert found == ["serving n1, n2, n3", "spared n2", "restart n2", "serving n2"]


def test_of_several_one_is_restarted_at_a_time() -> None:
    found = Ground({"n1": [ROOM, ROOM, SEES], "n2": [ROOM, ROOM, SEES], "n3": [SEES]}).restored()
    assert found[1:] == ["spared n1", "restart n1", "serving n1", "spared n2", "restart n2", "serving n2"]


def test_one_whose_disk_stays_full_is_not_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sight, "_ROOM_SECONDS", 0.0)
    ground = Ground({"n1": [SEES], "n2": [FULL], "n3": [SEES]})
    with pytest.raises(TimedOut, match=r"room on n2's data volume; still missing: it has 0 MiB, and takes 20"):
        ground.restored()
    assert "restart n2" not in ground.done, (
        "it serves as long as nothing is written; another start would change nothing"
    )


def test_one_that_is_blind_for_another_reason_is_not_restarted_for_ever() -> None:
    ground = Ground({"n1": [SEES], "n2": [ROOM], "n3": [SEES]})
    with pytest.raises(TimedOut, match="n2's broker was started 4 times, and could not write meta.properties"):
        ground.restored()
    assert ground.done.count("restart n2") == 3
