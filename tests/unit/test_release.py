"""One node is taken out of a running cluster: what is said meanwhile, and that nobody else works on it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from model.kafka_keys import Mode
from operations import release
from operations.alone import alone
from toolchain import telling

from .test_handover import handover

QUICK = 0.02


class Cluster:
    """A cluster that can spare the last of its nodes, and what their machines were told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.view = self

    async def spared(self, waiting: Mapping[str, int]) -> str:
        self.told.append(f"spare one of {', '.join(waiting)}")
        return max(waiting)

    def close(self) -> None:
        pass

    @asynccontextmanager
    async def connect(self, access: Any, _: int) -> AsyncIterator[Any]:
        async def run(command: str) -> None:
            await asyncio.sleep(5 * QUICK)
            self.told.append(f"{access.name}: {command}")

        yield SimpleNamespace(run=run)


async def votes(*_: object) -> str:
    return "the quorum"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cluster:
    cluster = Cluster()
    monkeypatch.setenv("KAFKA_CLUSTER_HOME", str(tmp_path))
    monkeypatch.setattr(release, "votes", votes)
    monkeypatch.setattr(release, "Gates", lambda *_: cluster)
    monkeypatch.setattr(release, "connect", cluster.connect)
    monkeypatch.setattr(telling, "FIRST_SECONDS", QUICK)
    return cluster


def released(*candidates: str) -> str:
    return asyncio.run(release.release(handover(Mode.KRAFT), candidates))


def test_a_node_that_stops_slowly_is_told_of(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert released("n1", "n2") == "n2"
    assert cluster.told == ["spare one of n1, n2", f"n2: {release._STOP}"]
    said = capsys.readouterr().out
    assert said.startswith("waiting for n2 to stop (0 s of at most 420 s)"), "Kafka's time to stop, and ZooKeeper's"


def test_no_node_is_stopped_while_another_run_works_on_the_cluster(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "ALONE_SECONDS", 0)
    planned = handover(Mode.KRAFT)

    async def beside_an_orphan() -> None:
        async with alone(planned.cluster_id, 0):
            await release.release(planned, ["n2"])

    with pytest.raises(release.NotReleased, match=r"no machine was touched: .* an earlier run still works on it"):
        asyncio.run(beside_an_orphan())
    assert not cluster.told
    assert released("n2") == "n2", "once it is over"
