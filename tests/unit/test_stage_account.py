"""What a node knows of itself: whether its broker would see its disk fail."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .stage_machine import Machine

STARTED = 1_700_000_000
UP = {"ActiveState": "active", "ActiveEnterTimestamp": f"@{STARTED}"}
CONFIG = "/usr/local/kafka/config/server.properties"


@pytest.fixture
def listening() -> Iterator[tuple[str, int]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


@pytest.fixture
def plan(machine: Machine, listening: tuple[str, int]) -> dict[str, Any]:
    own, mode = machine.path("/data/meta.properties"), machine.path("/etc/mode.env")
    own.parent.mkdir(exist_ok=True)
    mode.parent.mkdir(exist_ok=True)
    mode.write_text(f'KAFKA_CONFIG="{CONFIG}"\n')
    own.touch()
    address, port = listening
    written = {"path": str(own), "config": CONFIG, "address": address, "port": port}
    return {"mode_file": str(mode), "written_at_start": written}


def blind(machine: Machine, plan: dict[str, Any], kafka: dict[str, str] = UP) -> bool:
    found: bool = machine.load("account")["is_blind"](plan, kafka)
    return found


def written(plan: dict[str, Any], seconds: float) -> None:
    os.utime(plan["written_at_start"]["path"], (seconds, seconds))


@pytest.mark.parametrize(("since", "expected"), [(-0.01, True), (-3600, True), (0, False), (2.5, False)])
def test_a_broker_that_serves_wrote_its_identity_as_it_started(
    machine: Machine, plan: dict[str, Any], since: float, expected: bool
) -> None:
    written(plan, STARTED + since)
    assert blind(machine, plan) is expected


def test_one_that_serves_without_any_identity_could_not_write_it(machine: Machine, plan: dict[str, Any]) -> None:
    Path(plan["written_at_start"]["path"]).unlink()
    assert blind(machine, plan)


def test_one_that_does_not_serve_yet_may_still_write_it(machine: Machine, plan: dict[str, Any]) -> None:
    written(plan, STARTED - 60)
    with socket.socket() as taken:  # nobody listens there
        taken.bind(("127.0.0.1", 0))
        plan["written_at_start"]["port"] = taken.getsockname()[1]
        assert not blind(machine, plan), "it looks through its logs first, which takes minutes after a crash"


def test_one_that_does_not_run_sees_nothing_and_is_not_blind(machine: Machine, plan: dict[str, Any]) -> None:
    written(plan, STARTED - 60)
    assert not blind(machine, plan, {"ActiveState": "deactivating", "ActiveEnterTimestamp": f"@{STARTED}"})


def test_a_process_of_the_other_mode_writes_another_file(machine: Machine, plan: dict[str, Any]) -> None:
    written(plan, STARTED - 60)
    Path(plan["mode_file"]).write_text('KAFKA_CONFIG="/usr/local/kafka/config/kraft/server.properties"\n')
    assert not blind(machine, plan), "a switch to ZooKeeper mode was cut off before its stop"


def test_where_nothing_is_written_at_a_start_nothing_can_be_missing(machine: Machine) -> None:
    assert not blind(machine, {"written_at_start": None})
