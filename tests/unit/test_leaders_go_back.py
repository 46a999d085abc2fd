"""A run over all nodes that has little to do: it still leaves the cluster as it should be."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import NotControllerError

from model.health import Member, Partition, Quorum, Sample
from operations import gates
from operations.gates import Gates
from operations.kafka_view import KafkaView
from operations.running import Run
from operations.ways import DIRECT

from .test_handover import handover

HANDOVER = handover()
UP = {"ActiveState": "active", "SubState": "running", "NRestarts": "0", "ActiveEnterTimestamp": "@1000"}
DOWN = {**UP, "ActiveState": "inactive", "ActiveEnterTimestamp": ""}


class View(KafkaView):
    """A whole cluster, one partition of which somebody else leads than should, until it is asked to go back for the
    `hears`th time. Before that its controller says `refusal`."""

    def __init__(self, hears: int = 1, refusal: Exception | None = None, isr: tuple[int, ...] = (1, 2, 3)) -> None:
        super().__init__(HANDOVER.cluster, DIRECT)
        self.hears, self.refusal, self.isr = hears, refusal, isr
        self.elections = self.samples = self.hurried = 0

    @property
    def admin(self) -> Any:
        return SimpleNamespace(elect_leaders=self.elect)

    def elect(self, _: int) -> None:
        self.elections += 1
        if self.refusal and self.elections < self.hears:
            raise self.refusal

    async def hurry(self) -> None:
        self.hurried += 1

    async def sample(self) -> Sample:
        self.samples += 1
        quorum = Quorum(1, {number: Member(0) for number in (1, 2, 3)}, {})
        part = Partition("t", 0, 1 if self.elections >= self.hears else 2, (1, 2, 3), self.isr, 2)
        return Sample(frozenset({1, 2, 3}), 1, (part,), quorum)


class Node:
    """A node's machine. `started` says whether its broker was."""

    def __init__(self, kafka: dict[str, str]) -> None:
        self.kafka = kafka
        self.started = False

    async def ask(self, parts: tuple[str, ...], plan: dict[str, Any]) -> dict[str, Any]:
        config = HANDOVER.cluster.paths.properties(HANDOVER.mode)
        units = {"kafka.service": self.kafka, "zookeeper.service": DOWN}
        report = {"units": units, "running": "f", "config": config, "staged": "f", "now": 2000.0}
        return {**report, "other_topics": [], "zookeeper_cluster": "", "blind": False}

    async def stage(self, parts: tuple[str, ...], plan: dict[str, Any], _: int) -> None:
        self.started = True


@pytest.mark.parametrize("first", [UP, DOWN], ids=["nothing to do", "a node that was down"])
def test_leaders_go_back_after_a_run_that_restarts_nobody(first: dict[str, str]) -> None:
    nodes = {node.name: Node(first if node.id == 1 else UP) for node in HANDOVER.nodes}
    machines: dict[str, Any] = dict(nodes)
    run = Run(HANDOVER, machines, DIRECT, None)  # type: ignore[arg-type]
    view = View()
    run.gates.view = view
    asyncio.run(run.bring())
    assert [name for name, node in nodes.items() if node.started] == ([] if first is UP else ["n1"])
    assert view.hurried == 1, "brokers would hear of their new leaders up to half a second after each other"
    assert view.elections == 1, "whoever came back would lead nothing, and the others too much"


def restored(view: View) -> View:
    of_cluster = Gates(HANDOVER, DIRECT)
    of_cluster.view = view
    asyncio.run(of_cluster.restore_leaders())
    return view


@pytest.mark.parametrize(
    "refusal",
    [None, RuntimeError("Failed to find active controller id!"), NotControllerError("not yet")],
    ids=["unheard", "no controller, in the client's own words", "no controller"],
)
def test_they_are_asked_again_until_they_lead(refusal: Exception | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "_ELECTIONS_SECONDS", 0.01)
    view = restored(View(3, refusal))
    assert view.elections == 3, (
        "the controller may have been started a moment ago, and the last one restarted is left idle"
    )


def test_leaders_that_went_back_at_once_are_looked_at_once_more_only() -> None:
    view = restored(View())
    assert (view.elections, view.samples) == (1, 2)


def test_who_is_not_in_sync_is_not_waited_for() -> None:
    view = restored(View(isr=(2, 3)))
    assert (view.elections, view.samples) == (0, 1), "it can't lead, however often it is asked to"


def test_leaders_that_never_go_back_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gates, "_ELECTIONS_SECONDS", 0.01)
    monkeypatch.setattr(gates, "_LEADERS_SECONDS", 0.05)
    restored(View(10**6, NotControllerError("not yet")))
    (said,) = capsys.readouterr().out.splitlines()
    assert said.startswith("preferred leaders were not restored: ")
    assert said.endswith("led by others: t-0; [Error 41] NotControllerError: not yet")
