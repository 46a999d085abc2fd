"""A run over all nodes that has little to do: it still leaves the cluster as it should be."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from model.health import Member, Partition, Quorum, Sample
from operations.running import Run
from operations.ways import DIRECT

from .test_handover import handover

HANDOVER = handover()
UP = {"ActiveState": "active", "SubState": "running", "NRestarts": "0", "ActiveEnterTimestamp": "@1000"}
DOWN = {**UP, "ActiveState": "inactive", "ActiveEnterTimestamp": ""}


class View:
    """A whole cluster, one partition of which somebody else leads than should; `elections` are what is asked of it."""

    def __init__(self) -> None:
        self.elections: list[int] = []
        self.admin = SimpleNamespace(elect_leaders=self.elections.append)

    async def sample(self) -> Sample:
        quorum = Quorum(1, {number: Member(0) for number in (1, 2, 3)}, {})
        elsewhere = Partition("t", 0, 2, (1, 2, 3), (1, 2, 3), 2)
        return Sample(frozenset({1, 2, 3}), 1, (elsewhere,), quorum)

    def close(self) -> None:
        pass


class Node:
    """A node's machine. `started` says whether its broker was."""

    def __init__(self, kafka: dict[str, str]) -> None:
        self.kafka = kafka
        self.started = False

    async def ask(self, parts: tuple[str, ...], plan: dict[str, Any]) -> dict[str, Any]:
        config = HANDOVER.cluster.paths.properties(HANDOVER.mode)
        units = {"kafka.service": self.kafka, "zookeeper.service": DOWN}
        report = {"units": units, "running": "f", "config": config, "staged": "f", "now": 2000.0}
        return {**report, "other_topics": [], "zookeeper_cluster": ""}

    async def stage(self, parts: tuple[str, ...], plan: dict[str, Any]) -> None:
        self.started = True


@pytest.mark.parametrize("first", [UP, DOWN], ids=["nothing to do", "a node that was down"])
def test_leaders_go_back_after_a_run_that_restarts_nobody(first: dict[str, str]) -> None:
    nodes = {node.name: Node(first if node.id == 1 else UP) for node in HANDOVER.nodes}
    machines: dict[str, Any] = dict(nodes)
    run = Run(HANDOVER, machines, DIRECT, None)  # type: ignore[arg-type]
    view: Any = View()
    run.gates.view = view
    asyncio.run(run.bring())
    assert [name for name, node in nodes.items() if node.started] == ([] if first is UP else ["n1"])
    assert len(view.elections) == 1, "whoever came back would lead nothing, and the others too much"
