"""A node's account with what a person asks for beside."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from model.metrics import NODE_EXPORTER
from model.numbers import UNCLEAN
from model.vitals import Account

from .stage_machine import Answer, Machine, Plan, answer, snapshot

UNCLEAN_LINE = "[2026-01-02 03:10:00,123] INFO UNCLEAN partition change for t-0: partitionEpoch: 5 -> 6 (x)"


@pytest.fixture
def plan(machine: Machine) -> Plan:
    for folder in ("var/log/kafka", "var/lib/kafka", "etc/kafka-cluster"):
        machine.path(folder).mkdir(parents=True)
    unit = answer("ActiveState=active\nActiveEnterTimestamp=@1700000000\nNRestarts=0\n")
    machine.answer(("systemctl", "show"), unit)
    booting(machine, "")
    machine.answer(("timeout",), really)
    places = {
        "data": "/var/lib/kafka",
        "running_fingerprint": "/run/kafka/fingerprint",
        "mode_file": "/etc/kafka-cluster/mode.env",
        "starts": "/etc/kafka-cluster/starts.jsonl",
        "environment": "/etc/kafka-cluster/kafka.env",
        "log": "/var/log/kafka/server.log",
        "gc_log": "/var/log/kafka/gc.log",
    }
    agents = {unit: str(machine.path(f"/run/{unit}/agent.env")) for unit in ("kafka.service", "zookeeper.service")}
    return {
        "node": "n1",
        **{key: str(machine.path(path)) for key, path in places.items()},
        "elections": UNCLEAN,
        "agents": agents,
        "exporter": NODE_EXPORTER,
        "written_at_start": None,
    }


def booting(machine: Machine, more: str) -> None:
    system = ("systemctl", "show", "--timestamp=unix", "-p", "UserspaceTimestamp,FinishTimestamp")
    machine.answer(system, answer(f"UserspaceTimestamp=@1699999000\n{more}"))


def really(*command: str) -> Answer:
    """The computer's own program."""
    return subprocess.run(command, capture_output=True, text=True)


def told(machine: Machine, plan: Plan) -> dict[str, Any]:
    before = snapshot(machine.root)
    machine.load("account", "vitals")["main"](plan)
    assert snapshot(machine.root) == before, "a question changes nothing"
    (line,) = machine.said
    found: dict[str, Any] = json.loads(line)
    Account.model_validate(found)
    return found


def log(machine: Machine, name: str, *lines: str, age: int) -> None:
    path = machine.path(f"/var/log/kafka/{name}")
    path.write_text("".join(f"{line}\n" for line in lines))
    os.utime(path, (1_700_000_000 - age,) * 2)


def test_a_bare_machine_gives_an_account_too(machine: Machine, plan: Plan) -> None:
    found = told(machine, plan)
    assert (found["start"], found["heap"], found["collected"]) == (None, "", "")
    assert found["elections"] == {"lines": [], "oldest": ""}
    assert found["booted"] == 1699999000
    assert (found["silent"], found["exporter"]) == ([], ""), "there are no metrics to be told"
    assert 0 < found["free_bytes"] <= found["total_bytes"]


@pytest.mark.parametrize(
    ("more", "over"), [("", False), ("FinishTimestamp=\n", False), ("FinishTimestamp=@1699999060\n", True)]
)
def test_a_boot_is_over_when_systemd_has_a_moment_for_it(machine: Machine, plan: Plan, more: str, over: bool) -> None:
    booting(machine, more)
    assert told(machine, plan)["boot_is_over"] is over


def test_the_last_start_is_told_with_its_moment(machine: Machine, plan: Plan) -> None:
    entries = [{"when": "2026-01-01T00:00:00Z", "why": "it was down"}, {"when": "2026-01-02T03:04:05Z", "why": "x"}]
    Path(plan["starts"]).write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    assert told(machine, plan)["start"] == {"when": 1767323045, "why": "x"}


def test_a_start_of_what_stands_beside_kafka_is_not_kafkas(machine: Machine, plan: Plan) -> None:
    alone = {"when": "2026-01-02T03:04:06Z", "why": "alone", "unit": "zookeeper.service"}
    Path(plan["starts"]).write_text(json.dumps(alone) + "\n")
    assert told(machine, plan)["start"] is None
    machine.said.clear()
    kafka = {"when": "2026-01-02T03:04:05Z", "why": "x"}
    Path(plan["starts"]).write_text(f"{json.dumps(kafka)}\n{json.dumps(alone)}\n")
    assert told(machine, plan)["start"] == {"when": 1767323045, "why": "x"}


def test_the_heap_and_its_last_collection_are_told(machine: Machine, plan: Plan) -> None:
    Path(plan["environment"]).write_text('KAFKA_HEAP_OPTS="-Xms512M -Xmx512M"\nOTHER="-Xmx1G"\n')
    log(machine, "gc.log", "[x][gc] GC(1) Pause 9M->8M(512M) 1ms", "[x][gc] GC(2) Pause 7M->6M(512M) 1ms", "x", age=0)
    found = told(machine, plan)
    assert found["heap"] == "512M"
    assert "7M->6M(512M)" in found["collected"]


def test_a_process_without_its_metrics_agent_is_told(machine: Machine, plan: Plan) -> None:
    for unit, option in (("kafka.service", ""), ("zookeeper.service", "-javaagent:a.jar=1.2.3.4:7072:b")):
        Path(plan["agents"][unit]).parent.mkdir(parents=True)
        Path(plan["agents"][unit]).write_text(f'KAFKA_OPTS="{option}"\n')
    assert told(machine, plan)["silent"] == ["kafka.service"]


@pytest.mark.parametrize(
    ("kept", "expected"),
    [("enabled", "activating"), ("disabled", ""), ("", "")],
    ids=["planned", "taken back", "never"],
)
def test_what_tells_of_the_machine_is_looked_at_where_it_is_planned(
    machine: Machine, plan: Plan, kept: str, expected: str
) -> None:
    asked = ("systemctl", "show", "-p", "ActiveState,UnitFileState", NODE_EXPORTER)
    machine.answer(asked, answer(f"ActiveState=activating\nUnitFileState={kept}\n"))
    assert told(machine, plan)["exporter"] == expected


def test_every_kept_service_log_is_searched_for_unclean_elections(machine: Machine, plan: Plan) -> None:
    log(machine, "server.log", "[2026-01-09 00:00:00,000] INFO later", UNCLEAN_LINE, age=0)
    log(machine, "server.log.1", "[2026-01-02 03:04:05,006] INFO first", UNCLEAN_LINE.replace("t-0", "t-1"), age=100)
    found = told(machine, plan)["elections"]
    assert found["oldest"] == "2026-01-02 03:04:05"
    assert [re.findall(r"t-\d", line) for line in found["lines"]] == [["t-1"], ["t-0"]]


def test_logs_that_take_too_long_are_not_logs_without_an_election(machine: Machine, plan: Plan) -> None:
    log(machine, "server.log", UNCLEAN_LINE, age=0)
    machine.answer(("timeout",), answer(code=124))
    assert told(machine, plan)["elections"] is None
