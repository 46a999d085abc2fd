"""Clients that never stop, on a cluster that is changed and harmed: no acknowledged record is lost, in either mode.

The tests of this file are one story and run in its order, on machines, a state and a stack of their own.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack

import pytest

from computer.waiting import wait_for
from tests.support.faults import FAULTS, broker_dies, signal_broker
from tests.support.machines import Ground, ground, on
from tests.support.operate import becomes, operate, wait_until_whole
from tests.support.traffic.beside import Traffic, traffic
from tests.support.traffic.verdict import TOPIC_GIVEN_UP, Verdict
from tests.support.under_way import UnderWay, unlock, up_under_way

pytestmark = pytest.mark.lifecycle

NODES = ("kafka-server1", "kafka-server2", "kafka-server3")
FIRST, SECOND, THIRD = NODES
# Kafka takes a broker for dead after 9 s of silence (18 s with ZooKeeper). One that is restarted in order hands its
# partitions over before it goes, so nobody may have to wait that long for a leader, not even on a busy computer.
LONGEST_STALL_OF_A_ROLL = 9.0
# Nobody waits for a leader at all then: this is what a busy computer may keep a client waiting for.
LONGEST_STALL_WITHOUT_A_RESTART = 4.0
# How long a node is away that does not come back by itself: longer than any time after which Kafka takes it for dead.
HELD_SECONDS = 30.0
STANDSTILL_SECONDS = 2.0
SECONDS = 90.0
RUNNING = "/run/kafka/fingerprint"
HEAPS = ("256M", "260M")
DEADLY = ("kill -9 of a broker", "disk full")
FORMATTED = "sudo stat -c '%i %W' /var/lib/kafka/logs/kraft-combined-logs/meta.properties"


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Three machines and a stack for them."""
    # Else a producer makes its topic anew in the other mode's cluster, and goes on there.
    config = {"heap": HEAPS[0], "settings": {"auto.create.topics.enable": "false"}}
    with ground(f"traffic-{os.getpid()}", tmp_path_factory.mktemp("stack"), config=config) as made:
        yield made


@pytest.fixture
def busy(ours: Ground, request: pytest.FixtureRequest) -> Iterator[Callable[..., Traffic]]:
    """Starts traffic on a topic by the test's name, once the cluster is whole."""
    wait_until_whole(ours.stack, SECONDS)
    with ExitStack() as stack:
        servers = ours.stack.outputs()["bootstrap_servers"]
        yield lambda *options: stack.enter_context(traffic(ours.stack.prefix, servers, request.node.name, *options))


def until_it_stands_still(running: Traffic) -> None:
    """Returns when some partition has acknowledged nothing for a while."""
    counts, since = running.acknowledged(), time.monotonic()

    def still() -> bool:
        nonlocal counts, since
        now = running.acknowledged()
        if all(now[partition] > count for partition, count in counts.items()):
            counts, since = now, time.monotonic()
        return time.monotonic() - since > STANDSTILL_SECONDS

    wait_for("a partition that stands still", still, SECONDS)


def tell(what: str, verdict: Verdict) -> None:
    """Leaves the figures in the test's output."""
    print(f"{what}: {verdict}")


def test_a_first_up_that_is_cut_off_is_completed(ours: Ground) -> None:
    with up_under_way(ours.stack) as up:
        name = up.until(r"(\S+)-formatted created")[1]
        up.kill()
    formatted = formatted_nodes(ours)
    assert name in formatted, "a run that was cut off before it formatted anything would prove nothing"
    unlock(ours.stack)
    ours.stack.up()
    after = formatted_nodes(ours)
    assert after.keys() == set(NODES)
    assert {node: after[node] for node in formatted} == formatted, "what was formatted before the cut was so once more"


def formatted_nodes(ours: Ground) -> dict[str, str]:
    """Which file says who each node is that was formatted: another one is another formatting."""
    found = {name: ours.machines.ssh(name, FORMATTED) for name in NODES}
    return {name: done.stdout for name, done in found.items() if done.returncode == 0}


def test_a_stall_is_told(ours: Ground, busy: Callable[..., Traffic]) -> None:
    running = busy()
    signal_broker(ours.machines, SECOND, "SIGSTOP")
    until_it_stands_still(running)
    signal_broker(ours.machines, SECOND, "SIGCONT")
    verdict = running.stop()
    tell("a leader stopped for a while", verdict)
    assert verdict.producer_stall > STANDSTILL_SECONDS, "the harness would sleep through an outage"
    assert verdict.consumer_stall > STANDSTILL_SECONDS
    assert verdict.faults == []


def test_a_loss_is_told(ours: Ground, busy: Callable[..., Traffic]) -> None:
    """With acks=1 a leader acknowledges what no other broker has, and an unclean election gives that up. The second
    partition has lost nothing: its leader was there all the time. The status counts such elections."""
    earlier = becomes(ours.stack, "healthy")["numbers"]["unclean_elections"]
    running = busy("--acks", "1", "--replicas", "2,3", "--replicas", "1,3")
    on(ours, THIRD, "sudo systemctl stop kafka")
    before = running.acknowledged()
    wait_for("records that one broker has", lambda: running.acknowledged()[0] > before[0] + 50, SECONDS)
    on(ours, SECOND, "sudo systemctl kill --signal=SIGKILL kafka; sudo systemctl stop kafka")
    on(ours, THIRD, "sudo systemctl start kafka")
    # Kafka 3.6 has no unclean election by itself in KRaft mode, whatever the topic's settings say.
    elect = (
        f"kafka-leader-election.sh --bootstrap-server {ours.stack.outputs()['bootstrap_servers']}"
        f" --election-type unclean --topic {running.topic} --partition 0"
    )
    wait_for(
        "the replica that was behind to lead",
        lambda: "Successfully completed" in ours.machines.ssh(FIRST, elect).stdout,
        SECONDS,
        lambda: f"led by {running.leaders()}",
    )
    on(ours, SECOND, "sudo systemctl start kafka")
    verdict = running.stop()
    tell("acknowledged by a leader that lost an unclean election", verdict)
    assert verdict.lost > 0, "a harness that sees no loss here sees none anywhere"
    assert set(verdict.lost_numbers) == {"0"}
    found = becomes(ours.stack, "healthy")
    assert found["numbers"]["unclean_elections"] == earlier + 1, found["numbers"]
    assert any("unclean elections: records that were acknowledged may be lost" in each for each in found["warnings"])


def test_a_change_that_a_running_cluster_takes_is_not_noticed(ours: Ground, busy: Callable[..., Traffic]) -> None:
    alter_under_traffic(ours, busy())


def alter_under_traffic(ours: Ground, running: Traffic) -> None:
    """There and back: fewer network threads close the connections of those that end."""
    settings, leaders = ours.stack.config()["settings"], running.leaders()
    said = []
    for wanted in ({**settings, "num.io.threads": 12, "num.network.threads": 5}, settings):
        ours.stack.configure(settings=wanted)
        said.append(ours.stack.up())
    led = running.leaders()
    verdict = running.stop()
    tell("a change without a restart, there and back", verdict)
    assert all("on all brokers, without a restart" in each and not restarted(each) for each in said), said
    assert led == leaders, "nobody's leader was away"
    assert verdict.faults == []
    assert verdict.duplicates == 0
    assert verdict.producer_stall < LONGEST_STALL_WITHOUT_A_RESTART
    assert verdict.consumer_stall < LONGEST_STALL_WITHOUT_A_RESTART


def test_a_change_that_restarts_every_broker_loses_nothing(ours: Ground, busy: Callable[..., Traffic]) -> None:
    roll_under_traffic(ours, busy())


def change(ours: Ground) -> None:
    """Something that restarts every broker, at the next `up`."""
    ours.stack.configure(heap=next(heap for heap in HEAPS if heap != ours.stack.config()["heap"]))


def roll_under_traffic(ours: Ground, running: Traffic, expected: Collection[str] = ()) -> None:
    """A change under traffic, and an `up` that has nothing to do. `expected` are errors that an application may have to
    handle meanwhile."""
    change(ours)
    said = ours.stack.up()
    led_as_before(ours)
    ours.stack.up("--expect-no-changes")
    verdict = running.stop()
    tell("a roll", verdict)
    assert restarted(said) == sorted(NODES), "each node is restarted once"
    assert verdict.faults_beside(expected) == []
    assert verdict.duplicates == 0, "nothing was to be sent twice"
    assert verdict.producer_stall < LONGEST_STALL_OF_A_ROLL


def led_as_before(ours: Ground) -> None:
    """Asserts that nobody leads more partitions than its share."""
    done = operate(ours.stack, "led", SECONDS)
    assert done.returncode == 0, f"the first to be restarted would lead nothing any more: {done.stderr[-2000:]}"


def restarted(said: str) -> list[str]:
    """The nodes that a run said it restarts."""
    return sorted(re.findall(r"restarting (\S+) \(\d of \d\)", said))


def another(name: str) -> str:
    """A node beside that one."""
    return NODES[(NODES.index(name) + 1) % len(NODES)]


def test_a_roll_outlasts_a_broker_that_dies_a_network_that_is_cut_and_a_machine_that_dies(
    ours: Ground, busy: Callable[..., Traffic]
) -> None:
    """One of them in each node's turn. The machine that comes back is another partner than the one that the roll had
    opened a connection to."""
    running = busy()
    change(ours)
    with up_under_way(ours.stack) as up:
        for turn, kind in enumerate(("kill -9 of a broker", "network cut of a node", "a node dead"), 1):
            befall(ours, up, kind, turn)
        assert up.end() == 0, f"a roll is to outlast what mends itself:\n{up.said[-3000:]}"
    verdict = running.stop()
    tell("a roll with a dead broker, a cut network and a dead machine", verdict)
    assert restarted(up.said) == sorted(NODES)
    assert verdict.faults == []


def befall(ours: Ground, up: UnderWay, kind: str, turn: int) -> None:
    """Lets a fault befall a node while another one is being restarted. It ends when the broker has died of it; else once
    the roll has been held up by it for a while."""
    fault = FAULTS[kind]
    victim = another(up.until(rf"restarting (\S+) \({turn} of 3\)")[1])
    if kind in DEADLY:
        broker_dies(ours.machines, victim, fault)
    else:
        since = time.monotonic()
        fault.befall(ours.machines, victim)
        up.until(missed(victim))
        while time.monotonic() - since < HELD_SECONDS:
            up.until("waiting for ")
    fault.mend(ours.machines, victim)


def missed(name: str) -> str:
    """The line in which a roll says that it waits for a node that Kafka has taken for dead, maybe among others."""
    return rf"waiting for .*broker (\d, )*{NODES.index(name) + 1}(, \d)* not registered"


def test_a_machine_that_is_made_anew_rejoins_and_loses_nothing(ours: Ground, busy: Callable[..., Traffic]) -> None:
    running = busy()
    formatted = on(ours, SECOND, FORMATTED)
    since = time.monotonic()
    ours.machines.rebuild(SECOND)
    said = ours.stack.up("--replace", f"**{SECOND}-host-ready")
    away = time.monotonic() - since
    led_as_before(ours)  # by a run that restarted nobody
    ours.stack.up("--expect-no-changes")
    verdict = running.stop()
    tell(f"a machine made anew, {away:.1f} s away", verdict)
    assert re.search(rf"starting {SECOND}(?![\w,])", said), "the new machine's node, and no other one"
    assert restarted(said) == [], "nodes that are well are left alone"
    assert on(ours, SECOND, FORMATTED) == formatted, "it found its disk again, and formatted nothing"
    assert verdict.faults == []
    assert verdict.duplicates == 0
    assert verdict.producer_stall < away, "the others lead meanwhile: nobody waits for the new machine"


def refused_roll(ours: Ground, seconds: float) -> str:
    """What a roll of all nodes says that does not come to its end."""
    for name in NODES:  # whoever runs was started with something else than what is planned, and staged
        on(ours, name, f"test ! -e {RUNNING} || echo another | sudo tee {RUNNING}")
    done = operate(ours.stack, "bring", seconds)
    assert done.returncode != 0, done.stdout
    return f"{done.stdout}\n{done.stderr}"


def test_a_roll_does_not_begin_while_a_node_is_down(ours: Ground) -> None:
    starter = "/usr/local/kafka_2.13-3.6.0/bin/kafka-server-start.sh"
    on(ours, THIRD, f"sudo chmod a-x {starter}; sudo systemctl stop kafka")
    said = refused_roll(ours, 5)
    on(ours, THIRD, f"sudo chmod a+x {starter}")
    assert "to be safe to restart" in said
    assert re.search(r"^quorum: leader is [12]; 1: .*; 2: .*; 3: ", said, re.MULTILINE), (
        f"whoever mends it wants to know first whether the others still have their majority: {said[-3000:]}"
    )
    assert "broker 3 not registered" in said
    assert restarted(said) == [], "with one node down, no second one may be taken down"


def test_a_roll_stops_at_a_replica_that_does_not_catch_up(ours: Ground, busy: Callable[..., Traffic]) -> None:
    running = busy()
    throttle(ours, running.topic)
    try:
        said = refused_roll(ours, 20)
    finally:
        throttle(ours, running.topic, "DELETE")
    verdict = running.stop()
    tell("a roll that stops at a replica that does not catch up", verdict)
    assert "without full ISR" in said
    assert len(restarted(said)) == 1, "a second broker was taken down beside one that lacks records"
    assert verdict.faults == []


# A leader gives what is throttled to in-sync replicas only: one that was restarted stays behind for as long as
# records come.
THROTTLE = """
import sys
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource
servers, topic, operation = sys.argv[1:]
admin = AdminClient({"bootstrap.servers": servers})
rate = [("broker", broker, "leader.replication.throttled.rate", "1") for broker in "123"]
for kind, name, key, value in [*rate, ("topic", topic, "leader.replication.throttled.replicas", "*")]:
    entry = ConfigEntry(key, value, incremental_operation=AlterConfigOpType[operation])
    for done in admin.incremental_alter_configs([ConfigResource(kind, name, incremental_configs=[entry])]).values():
        done.result()
"""


def throttle(ours: Ground, topic: str, operation: str = "SET") -> None:
    """No replica of the topic that is behind catches up from now on, until it is deleted."""
    command = [*ours.stack.prefix, sys.executable, "-c", THROTTLE, ours.stack.outputs()["bootstrap_servers"], topic]
    done = subprocess.run([*command, operation], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_switch_of_modes_and_back_holds_producers_up_and_loses_nothing(
    ours: Ground, busy: Callable[..., Traffic]
) -> None:
    running = busy()
    ours.stack.configure(mode="zookeeper")
    ours.stack.up()
    there = running.acknowledged()
    ours.stack.configure(mode="kraft")
    ours.stack.up()
    wait_for(
        "records after the switch back",
        lambda: all_after(running, there),
        SECONDS,
        lambda: f"acknowledged in each partition: {there} before it, {running.acknowledged()} now",
    )
    verdict = running.stop()
    tell("a switch of modes and back", verdict)
    assert verdict.faults_beside(TOPIC_GIVEN_UP) == [], (
        "what was acknowledged before the switch is there after all of it"
    )
    assert verdict.duplicates == 0


def all_after(running: Traffic, earlier: dict[int, int]) -> bool:
    """Whether every partition has acknowledged records since then."""
    now = running.acknowledged()
    return all(now[partition] > count for partition, count in earlier.items())


def test_a_roll_in_zookeeper_mode_loses_nothing(ours: Ground, busy: Callable[..., Traffic]) -> None:
    ours.stack.configure(mode="zookeeper")
    ours.stack.up()
    roll_under_traffic(ours, busy(), TOPIC_GIVEN_UP)


def test_a_change_that_zookeepers_cluster_takes_is_not_noticed_either(
    ours: Ground, busy: Callable[..., Traffic]
) -> None:
    alter_under_traffic(ours, busy())


def test_a_frozen_broker_a_full_disk_and_a_killed_run_hold_a_roll_up_and_lose_nothing(
    ours: Ground, busy: Callable[..., Traffic]
) -> None:
    running = busy()
    change(ours)
    with up_under_way(ours.stack) as up:
        befall(ours, up, "SIGSTOP of a broker", 1)
        befall(ours, up, "disk full", 2)
        up.until("is back")
        up.kill()
    unlock(ours.stack)
    said = ours.stack.up()
    led_as_before(ours)
    ours.stack.up("--expect-no-changes")
    verdict = running.stop()
    tell("a roll with a frozen broker, a full disk and a killed run", verdict)
    assert len(restarted(said)) <= 1, "what runs as planned is left alone by the run that goes on"
    assert verdict.faults_beside(TOPIC_GIVEN_UP) == []
