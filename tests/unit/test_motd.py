"""What a person finds on a node: the message of the day, and Kafka's tools by their names."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from model import motd, topology
from model.kafka_keys import Mode

from .samples import cluster, nodes, settings
from .stage_machine import Machine, snapshot

BIN = "/usr/local/kafka/bin"
HERE = ("kafka-topics.sh", "kafka-acls.sh", "kafka-server-stop.sh", "connect-distributed.sh")


def test_the_message_says_whose_node_this_is_and_where_to_look() -> None:
    planned = cluster(3)
    said = motd.message(planned, planned.nodes[1], "kafka-cluster/dev")
    for words in ("n2 (172.25.254.132): node 2, broker and controller", "kafka-cluster/dev, 3 nodes, kraft mode",
                  "systemctl status kafka\n", "/var/log/kafka/server.log", "--bootstrap-server 172.25.254.132:9092",
                  "config/kraft/server.properties", "kafka-cluster status"):  # fmt: skip
        assert words in said
    assert max(map(len, said.splitlines())) <= 100, "a terminal shows it"


def test_in_zookeeper_mode_it_speaks_of_that() -> None:
    planned = cluster(3, Mode.ZOOKEEPER)
    said = motd.message(planned, planned.nodes[0], "p/s")
    assert "broker and ZooKeeper member" in said
    assert "systemctl status zookeeper kafka\n" in said
    assert "kraft" not in said


def test_a_node_without_a_broker_names_one_that_tools_can_ask() -> None:
    roles = [["controller"], ["broker"], ["broker"]]
    planned = topology.plan(settings(nodes=[{**node, "roles": r} for node, r in zip(nodes(3), roles, strict=True)]))
    said = motd.message(planned, planned.nodes[0], "p/s")
    assert "node 1, controller\n" in said
    assert "--bootstrap-server 172.25.254.132:9092" in said


@pytest.fixture
def plan(machine: Machine) -> dict[str, Any]:
    for name in HERE:
        path = machine.path(f"{BIN}/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    machine.path("/usr/local/bin").mkdir()
    program = machine.path("/usr/local/lib/kafka-cluster/tool")
    folder = machine.path("/usr/local/bin")
    tools = {"program": str(program), "folder": str(folder), "content": "tool", "left_out": motd.NOT_FOR_HANDS}
    return {"home": str(machine.path(BIN).parent), "tools": tools}


def links(machine: Machine) -> dict[str, str]:
    return {path.name: os.readlink(path) for path in machine.path("/usr/local/bin").iterdir() if path.is_symlink()}


def test_tools_are_found_by_their_names_and_what_ends_brokers_is_not(machine: Machine, plan: dict[str, Any]) -> None:
    ensure = machine.load("tools")["ensure_tools"]
    ensure(plan)
    assert links(machine) == dict.fromkeys(("kafka-topics.sh", "kafka-acls.sh"), plan["tools"]["program"])
    before = snapshot(machine.root)
    ensure(plan)
    assert snapshot(machine.root) == before


def test_a_tool_that_the_version_has_no_more_is_not_found_any_more(machine: Machine, plan: dict[str, Any]) -> None:
    ensure = machine.load("tools")["ensure_tools"]
    ensure(plan)
    machine.path(f"{BIN}/kafka-acls.sh").unlink()
    ensure(plan)
    assert set(links(machine)) == {"kafka-topics.sh"}


def test_somebody_elses_command_stays(machine: Machine, plan: dict[str, Any]) -> None:
    theirs = machine.path("/usr/local/bin/kafka-topics.sh")
    theirs.write_text("theirs")
    program = machine.load("tools")
    program["ensure_tools"](plan)
    program["remove_tools"](plan["tools"])
    assert theirs.read_text() == "theirs"
    assert machine.said == [f"{theirs} is somebody else's and stays as it is"]
    assert links(machine) == {}


def test_a_tool_gets_a_small_heap_and_its_arguments_as_they_are(tmp_path: Path) -> None:
    planned = cluster(3)
    program = tmp_path / "tool"
    program.write_text(motd.tool(planned).replace(planned.paths.home, str(tmp_path / "home")))
    program.chmod(0o755)
    script = tmp_path / "home/bin/kafka-topics.sh"
    script.parent.mkdir(parents=True)
    script.write_text('#!/bin/sh\nprintf "%s\\n" "$KAFKA_HEAP_OPTS" "$LOG_DIR" "$@"\n')
    script.chmod(0o755)
    (tmp_path / "kafka-topics.sh").symlink_to(program)
    command = [str(tmp_path / "kafka-topics.sh"), "--topic", "two words", "$HOME"]
    plain = {"PATH": os.environ["PATH"]}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=plain)
    assert done.stdout.splitlines() == ["-Xmx192M", "/tmp", "--topic", "two words", "$HOME"]
    own = subprocess.run(command, capture_output=True, text=True, check=True, env=plain | {"KAFKA_HEAP_OPTS": "-Xmx1G"})
    assert own.stdout.splitlines()[0] == "-Xmx1G"
