"""A node that can't be reached but through a jump host is brought up, asked, changed and given back like any other.

The tests of this file are one story and run in its order, on machines, a state and a stack of their own.
"""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from computer.waiting import wait_for
from tests.support.machines import Ground, ground, hosts_config, on
from tests.support.operate import becomes, drift, status

pytestmark = pytest.mark.lifecycle

SSH, KAFKA = 22, 9092
SECONDS = 60
GATE, NODE = "kafka-server1", "kafka-server2"
TOPIC = {"name": "orders", "partitions": 2, "replicationFactor": 1}
KNOCK = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Two machines: a node that does not answer this computer, and the gate to it. In ZooKeeper mode, as that has one more
    port to be asked at."""
    folder = tmp_path_factory.mktemp("stack")
    config = {"heap": "256M", "mode": "zookeeper", "topics": [TOPIC]}
    with ground(f"jump-{os.getpid()}", folder, count=2, config=config) as made:
        gate, node = hosts_config(made.machines.inventory())["nodes"]
        jump = {key: gate[key] for key in ("address", "port", "user", "privateKeyFile", "hostKey")}
        made.stack.configure(nodes=[{**node, "id": 1, "jumpHost": jump}])
        # What it answers to this computer goes nowhere from then on: not before this command's own answer is here.
        shut = f"sleep 1; ip route add blackhole {made.machines.segment.gateway}/32"
        made.machines.ssh(NODE, f"sudo systemd-run --quiet sh -c '{shut}'")
        wait_for("the node to answer nobody here", lambda: not reached(made, NODE, SSH), 20)
        yield made


def reached(ground: Ground, name: str, port: int) -> bool:
    """Whether a port of a machine answers this computer."""
    address = ground.machines.machine(name).address
    command = [*ground.stack.prefix, sys.executable, "-c", KNOCK, address, str(port)]
    return subprocess.run(command, capture_output=True).returncode == 0


def reached_from_the_gate(ground: Ground, port: int) -> bool:
    address = ground.machines.machine(NODE).address
    return ground.machines.ssh(GATE, f"timeout 3 bash -c '</dev/tcp/{address}/{port}'").returncode == 0


def test_it_comes_up_through_its_jump_host(ours: Ground) -> None:
    said = ours.stack.up()
    assert "topics are as listed: orders" in said
    ours.stack.up("--expect-no-changes")
    assert reached_from_the_gate(ours, KAFKA)
    assert not reached(ours, NODE, KAFKA), "a second way would make this test prove nothing"


def test_its_status_is_known(ours: Ground) -> None:
    found = becomes(ours.stack, "healthy")
    assert [member["state"] for member in found["ensemble"]["members"]] == ["standalone"]


def test_a_live_setting_and_a_restart_go_through_it(ours: Ground) -> None:
    settings: dict[str, int] = {}
    for key, value, words in (
        ("log.retention.hours", 48, "on all brokers, without a restart"),
        ("queued.max.requests", 400, f"restarting {NODE} (1 of 1)"),
    ):
        settings[key] = value
        ours.stack.configure(settings=settings)
        said = ours.stack.up()
        assert words in said, f"{key}: {said}"


def test_drift_is_looked_for_through_it(ours: Ground) -> None:
    assert drift(ours.stack) == (0, f"nothing differs on {NODE}, topics\n")


def test_a_jump_host_that_does_not_let_through_is_told(ours: Ground) -> None:
    node = ours.machines.machine(NODE).address
    on(ours, GATE, f"sudo ip route add unreachable {node}/32")
    # Who mends it has to know where it ends.
    words = f"no broker listens: {node}:{KAFKA} through the jump host {ours.machines.machine(GATE).address}: "
    found: list[str] = []

    def told() -> bool:
        found[:] = status(ours.stack)["missing"]
        return words in str(found)

    try:
        wait_for(words, told, SECONDS, lambda: str(found))
    finally:
        on(ours, GATE, f"sudo ip route del unreachable {node}/32")
    becomes(ours.stack, "healthy")


def test_it_is_given_back_through_it(ours: Ground) -> None:
    ours.stack.destroy()
    assert reached_from_the_gate(ours, SSH)
    assert not reached_from_the_gate(ours, KAFKA), "nothing of ours runs there any more"
