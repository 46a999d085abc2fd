"""One run over all nodes: what it refuses, what it says, and in which order it touches whom."""

import asyncio
from typing import Any

import pytest

from model.kafka_keys import Mode
from operations import running
from operations.running import Run
from operations.ways import DIRECT

from .test_handover import handover

CONFIG = {mode: f'KAFKA_CONFIG="{handover(mode).cluster.paths.properties(mode)}"' for mode in Mode}
PLANNED = "f"


class Machine:
    """A machine that says what a test gives it, and keeps what it was told to do."""

    def __init__(self, name: str, told: dict[str, Any], done: list[str]) -> None:
        self.name, self.told, self.done = name, told, done

    async def ask(self, _: tuple[str, ...], __: dict[str, Any]) -> dict[str, Any]:
        return self.told

    async def stage(self, parts: tuple[str, ...], _: dict[str, Any]) -> str:
        self.done.append(f"{parts[-1]} {self.name}")
        return ""

    async def run(self, command: str, stdin: str = "") -> str:
        self.done.append(f"{command.split()[-1]} {self.name} {stdin}")
        return "inactive"


def told(mode: Mode, state: str, runs: str = PLANNED, **more: Any) -> dict[str, Any]:
    """A node's account of itself."""
    unit = {"ActiveState": state, "SubState": "running", "NRestarts": "0", "ActiveEnterTimestamp": "@1000"}
    units = {"kafka.service": unit, "zookeeper.service": unit}
    report = {"units": units, "running": runs, "config": CONFIG[mode], "other_topics": [], "zookeeper_cluster": ""}
    return {**report, **more}


class Gates:
    """Gates that are open, and keep that they were passed."""

    def __init__(self, done: list[str]) -> None:
        self.done = done

    async def whole(self) -> None:
        self.done.append("whole")

    async def restore_leaders(self) -> None:
        pass


def brought(mode: Mode, *reports: dict[str, Any]) -> list[str]:
    """What was done to nodes, by name, that gave these accounts."""
    plan = handover(mode)
    done: list[str] = []
    machines: dict[str, Any] = {
        node.name: Machine(node.name, report, done) for node, report in zip(plan.nodes, reports, strict=True)
    }
    run = Run(plan, machines, DIRECT)
    gates: Any = Gates(done)
    run.gates = gates
    asyncio.run(run.bring())
    return done


@pytest.mark.parametrize("before", Mode)
def test_disks_of_different_clusters_are_refused_before_anything_is_touched(before: Mode) -> None:
    state = "active" if before is Mode.KRAFT else "inactive"
    reports = [told(before, state, zookeeper_cluster=drawn) for drawn in ("A", "A", "B")]
    with pytest.raises(running.Failed, match=r"n1, n2: A; n3: B.*Nothing was started or stopped") as refusal:
        brought(Mode.ZOOKEEPER, *reports)
    assert "zookeeper-mode-logs" in str(refusal.value)


def test_what_an_ensemble_drew_is_nothing_to_the_other_mode() -> None:
    reports = [told(Mode.KRAFT, "inactive", zookeeper_cluster=drawn) for drawn in ("A", "A", "B")]
    assert brought(Mode.KRAFT, *reports) == ["start n1", "start n2", "start n3", "whole"]
