"""One node is taken out of a running cluster: what is said meanwhile, and that nobody else works on it."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from computer import telling
from model.health import Sample
from model.kafka_keys import Mode
from operations import accounts, release
from operations.cluster_lock import cluster_lock
from operations.machine import Unreachable

from .test_handover import handover

QUICK = 0.02


class Cluster:
    """A cluster that can spare the last of its nodes, and what their machines were told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.view = self
        self.not_listening = frozenset[int]()
        self.is_reached = True
        self.cuts = 0
        self.is_reached_again = True
        self.blind: frozenset[int] = frozenset()

    async def sample(self) -> Sample:
        """Nothing is known of it but who takes connections."""
        return Sample(frozenset(), -1, (), faults=("no broker answers in time",), not_listening=self.not_listening)

    async def spared(self, waiting: Mapping[str, int]) -> str:
        self.told.append(f"spare one of {', '.join(waiting)}")
        return max(waiting)

    def close(self) -> None:
        pass

    @asynccontextmanager
    async def connect(self, access: Any, _: int) -> AsyncIterator[Any]:
        async def run(command: str) -> None:
            await asyncio.sleep(5 * QUICK)
            if self.cuts:
                self.cuts, self.is_reached = self.cuts - 1, self.is_reached_again
                raise Unreachable(f"{access.name}: the connection was cut")
            self.told.append(f"{access.name}: {command}")

        if not self.is_reached:
            raise Unreachable(f"{access.name} does not answer")
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
    assert re.match(r"waiting for n2 to stop \(\d+ s of at most 420 s\)", said), "Kafka's time to stop, and ZooKeeper's"


def test_a_node_that_serves_and_can_not_be_told_to_stop_stays(cluster: Cluster) -> None:
    cluster.is_reached = False
    with pytest.raises(release.NotReleased, match="n2 serves and can't be stopped cleanly: n2 does not answer"):
        released("n2")


def test_a_node_that_is_gone_is_released_as_it_is(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.is_reached, cluster.not_listening = False, frozenset({2})
    assert released("n2") == "n2"
    assert "n2 does not answer: its machine is replaced as it is" in capsys.readouterr().out


def test_a_connection_that_is_cut_while_a_node_stops_is_made_anew(cluster: Cluster) -> None:
    cluster.cuts, cluster.not_listening = 2, frozenset({2})
    assert released("n2") == "n2"
    assert cluster.told[-1] == f"n2: {release._STOP}", "a broker that stops takes no connection, and is not done yet"


def test_a_machine_that_dies_while_its_node_stops_is_replaced_as_it_is(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.cuts, cluster.is_reached_again, cluster.not_listening = 1, False, frozenset({2})
    assert released("n2") == "n2"
    assert "n2 does not answer: its machine is replaced as it is" in capsys.readouterr().out


def test_a_machine_that_cuts_every_connection_stays(cluster: Cluster) -> None:
    cluster.cuts, cluster.not_listening = 9, frozenset({2})
    with pytest.raises(
        release.NotReleased, match="n2 answers, but not until it has stopped: n2: the connection was cut"
    ):
        released("n2")


def test_a_blind_broker_is_held_against_the_cluster(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """It serves, and would let a machine be replaced beside it as if it were sound."""

    @asynccontextmanager
    async def connect(access: Any, _: int) -> AsyncIterator[Any]:
        async def ask(*_: Any) -> dict[str, Any]:
            return {"blind": access.name == "n3"}

        if access.name == "n2":
            raise Unreachable("n2 does not answer")
        yield SimpleNamespace(ask=ask)

    monkeypatch.setattr(accounts, "connect", connect)
    asyncio.run(release.release(handover(Mode.ZOOKEEPER), ["n1"]))
    assert cluster.blind == {3}, "who does not answer is seen by the brokers, and holds nobody up here"


def test_no_node_is_stopped_while_another_run_works_on_the_cluster(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "LOCK_SECONDS", 0)
    planned = handover(Mode.KRAFT)

    async def beside_an_orphan() -> None:
        async with cluster_lock(planned.cluster_id, 0):
            await release.release(planned, ["n2"])

    with pytest.raises(release.NotReleased, match=r"no machine was touched: .* an earlier run still works on it"):
        asyncio.run(beside_an_orphan())
    assert not cluster.told
    assert released("n2") == "n2", "once it is over"
