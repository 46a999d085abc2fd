"""One node is taken out of a running cluster: what is said meanwhile, and that nobody else works on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from model.health import Sample
from model.kafka_keys import Mode
from operations import release
from toolchain import telling

from .test_handover import handover

QUICK = 0.02


class Cluster:
    """Three brokers, the first of them active controller, and what their machines were told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.view = self

    async def sample(self) -> Sample:
        return Sample(frozenset({1, 2, 3}), 1, ())

    async def spareable(self, facts: Any) -> None:
        self.told.append(f"spare {facts.name}")

    def close(self) -> None:
        pass

    @asynccontextmanager
    async def connect(self, access: Any, _: int) -> AsyncIterator[Any]:
        async def run(command: str) -> None:
            await asyncio.sleep(5 * QUICK)
            self.told.append(f"{access.name}: {command}")

        yield SimpleNamespace(run=run)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    cluster = Cluster()
    monkeypatch.setattr(release, "Gates", lambda _: cluster)
    monkeypatch.setattr(release, "connect", cluster.connect)
    monkeypatch.setattr(telling, "FIRST_SECONDS", QUICK)
    return cluster


def released(*candidates: str) -> str:
    return asyncio.run(release.release(handover(Mode.KRAFT), candidates))


def test_a_node_that_stops_slowly_is_told_of(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert released("n1", "n2") == "n2", "the active controller goes last"
    assert cluster.told == ["spare n2", f"n2: {release._STOP}"]
    said = capsys.readouterr().out
    assert said.startswith("waiting for n2 to stop (0 s of at most 420 s)"), "Kafka's time to stop, and ZooKeeper's"
