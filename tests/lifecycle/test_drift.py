"""What somebody changed outside Pulumi is told by name, and the next `up` puts it right without touching what is well.

The tests of this file are one story and run in its order, on machines, a state and a stack of their own.
"""

import os
from collections.abc import Iterator

import pytest

from computer.waiting import wait_for
from tests.lifecycle import live_values, records
from tests.support.machines import Ground, away, ground
from tests.support.operate import drift
from tests.support.traffic.beside import traffic

pytestmark = pytest.mark.lifecycle

NODES = ("kafka-server1", "kafka-server2", "kafka-server3")
FIRST, SECOND, THIRD = NODES
HOME = "/usr/local/kafka_2.13-3.6.0"
PROPERTIES = f"{HOME}/config/kraft/server.properties"
WORD = "reapply"
STARTED_SECONDS = 120
TOPICS = [
    {"name": "orders", "partitions": 2, "settings": {"retention.ms": 600_000}},
    {"name": "customers", "partitions": 1},
]
LOOKED_AT = (*NODES, "topics")
# Where, what is done there, and what has to be said of it.
CHANGES = [
    (FIRST, "sysctl -qw vm.swappiness=60", f"{FIRST}: kernel setting vm.swappiness: found 60, planned 1"),
    (FIRST, f"sed -i '/{THIRD}/d' /etc/hosts", f"{FIRST}: /etc/hosts {THIRD}: found nothing"),
    (
        FIRST,
        "systemctl --quiet disable kafka",
        f"{FIRST}: kafka.service UnitFileState: found disabled, planned enabled",
    ),
    (FIRST, "chmod 666 /etc/kafka-cluster/log4j.properties", "log4j.properties, mode: found 0666, planned 0644"),
    (FIRST, "rm /usr/local/bin/kafka-acls.sh", f"{FIRST}: /usr/local/bin/kafka-acls.sh: found nothing, planned a link"),
    (FIRST, "rm /etc/sysctl.d/90-kafka-cluster.conf", f"{FIRST}: /etc/sysctl.d/90-kafka-cluster.conf: found nothing"),
    (SECOND, f"sed -i s/num.partitions=3/num.partitions=6/ {PROPERTIES}", f"{SECOND}: {PROPERTIES}, content: found "),
    (SECOND, "systemctl restart kafka", ""),
    (THIRD, "systemctl stop kafka", f"{THIRD}: kafka.service ActiveState: found inactive, planned active"),
]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Three machines and a stack for them, up."""
    folder = tmp_path_factory.mktemp("stack")
    with ground(f"drift-{os.getpid()}", folder, config={"heap": "256M", "topics": TOPICS}) as made:
        made.stack.up()
        yield made


def on(ground: Ground, name: str, command: str) -> str:
    done = ground.machines.ssh(name, f"sudo {command}")
    assert done.returncode == 0, f"{name}: {command}: {done.stdout}{done.stderr}"
    return done.stdout


def starts(ground: Ground) -> dict[str, int]:
    """How often each node's Kafka was started by us."""
    return {name: len(on(ground, name, "cat /etc/kafka-cluster/starts.jsonl").splitlines()) for name in NODES}


def start_again(ground: Ground, name: str) -> None:
    """Starts a broker that was stopped by hand, until all can be asked."""
    on(ground, name, "systemctl start kafka")
    wait_for(
        "all brokers",
        lambda: "can't tell" not in drift(ground.stack)[1],
        STARTED_SECONDS,
        lambda: drift(ground.stack)[1],
    )


def test_nothing_differs_after_an_up(ours: Ground) -> None:
    assert drift(ours.stack) == (0, f"nothing differs on {', '.join(LOOKED_AT)}\n")


def test_every_change_beside_the_plan_is_told(ours: Ground) -> None:
    servers = ",".join(f"{machine.address}:9092" for machine in ours.machines.machines.values())
    live_values.default(ours.stack.prefix, servers, "log.retention.ms", "5000")
    records.alter(ours.stack.prefix, servers, "orders", "retention.ms", "5000")
    on(ours, FIRST, f"kafka-topics.sh --bootstrap-server {servers} --delete --topic customers")
    for name, command, _ in CHANGES:
        on(ours, name, command)
    status, said = drift(ours.stack)
    for _, _, words in CHANGES:
        assert words in said, f"{words!r} is not in: {said}"
    assert f"{THIRD}: its broker can't be asked what it works with" in said
    assert status == 2, "the broker that is down can't be asked what it works with"
    start_again(ours, THIRD)
    status, said = drift(ours.stack)
    assert status == 1
    assert f"{SECOND}: running setting num.partitions: found 6, planned 3" in said
    assert f"{FIRST}: running setting log.retention.ms: found 5000, planned 604800000" in said
    assert "topics: topic orders, retention.ms: found 5000, planned 600000" in said
    assert "topics: topic customers: found nothing, planned 1 partitions" in said
    assert f"pulumi config set {WORD}" in said, "whoever reads it wants to know how to mend it"


def test_an_up_alone_sees_none_of_it(ours: Ground) -> None:
    on(ours, THIRD, "systemctl stop kafka")
    ours.stack.up("--expect-no-changes")
    start_again(ours, THIRD)


def test_the_word_makes_the_next_up_put_it_right(ours: Ground) -> None:
    before = starts(ours)
    ours.stack.configure(**{WORD: "1"})
    with traffic(ours.stack.prefix, ours.stack.outputs()["bootstrap_servers"], "mended") as running:
        on(ours, THIRD, "systemctl stop kafka")
        said = ours.stack.up()
        verdict = running.stop()
    assert not verdict.faults, f"clients are to see nothing but a pause: {verdict}"
    assert f"{PROPERTIES} was edited by hand; the planned content is restored" in said
    assert drift(ours.stack) == (0, f"nothing differs on {', '.join(LOOKED_AT)}\n")
    after = starts(ours)
    assert {name for name in NODES if after[name] != before[name]} == {SECOND, THIRD}, (
        "one process may have read the edited file, one was down; the first is well and must not be restarted"
    )


def test_a_machine_that_does_not_answer_is_told(ours: Ground) -> None:
    with away(ours, THIRD):
        status, said = drift(ours.stack)
    assert status == 2, "what can't be looked at is not well"
    assert f"can't tell: {THIRD} (172.25.254.133): no ssh" in said
