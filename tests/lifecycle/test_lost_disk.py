"""A node whose data is gone: refused, refused again while the others could not stand in for it, then made anew; and
the same in the other mode, whose data was on the same disk.

The tests of this file are one story and run in its order, on machines, a state and a stack of their own.
"""

import os
from collections.abc import Iterator

import pytest

from tests.lifecycle import records
from tests.support.look import verify
from tests.support.machines import Ground, ground, on, refused
from tests.support.operate import wait_until_whole

pytestmark = pytest.mark.lifecycle

FIRST, SECOND, THIRD = "kafka-server1", "kafka-server2", "kafka-server3"
DATA = "/var/lib/kafka"
SECONDS = 60.0
UNTIL_IT_LISTENS = "timeout 120 sh -c 'until ss -Hltn | grep -q :9092; do sleep 1; done'"
# What docs/how-to/restore-a-lost-disk.md says about the other mode's data.
START_BY_HAND = (
    "cd /etc/kafka-cluster/staged && sudo find etc usr -type f -exec cp -p {} /{} \\;"
    " && sudo systemctl daemon-reload && sudo systemctl start kafka"
)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Three machines and a stack for them, up, with a topic that every node has and one that only the second has."""
    folder = tmp_path_factory.mktemp("stack")
    with ground(f"lost-{os.getpid()}", folder, config={"heap": "256M"}) as made:
        made.stack.up()
        records.write(made.stack.prefix, made.servers, "kept", "one", "two")
        tool = f"kafka-topics.sh --bootstrap-server {made.servers} --create --topic single --replica-assignment 2"
        on(made, FIRST, tool)
        yield made


def test_lost_data_is_refused_with_the_word_that_allows_it(ours: Ground) -> None:
    on(ours, SECOND, f"sudo sh -c 'systemctl stop kafka && rm -rf {DATA}/*'")
    ours.stack.configure(reapply="lost")
    said = refused(ours)
    assert f"{DATA} is empty, but this node was set up before" in said
    assert f"pulumi config set acceptEmptyDisk {SECOND}" in said


def test_the_word_is_not_enough_while_another_node_is_away(ours: Ground) -> None:
    ours.stack.configure(acceptEmptyDisk=SECOND)
    on(ours, THIRD, "sudo systemctl stop kafka")
    running = on(ours, FIRST, "systemctl show -p MainPID kafka")
    said = refused(ours)
    assert f"{SECOND}: stage 'emptied': its data is gone" in said
    assert "Nothing was changed. Bring the others back first" in said
    assert on(ours, SECOND, f"sudo ls -A {DATA}") == "", "the first and an empty second voter would be a majority"
    assert on(ours, FIRST, "systemctl show -p MainPID kafka") == running
    on(ours, THIRD, f"sudo systemctl start kafka; {UNTIL_IT_LISTENS}")


def test_a_node_is_made_anew_from_the_others(ours: Ground) -> None:
    said = " ".join(ours.stack.up().split())
    assert "records that no other node has are lost with its disk: single-0" in said
    assert "the other nodes hold the rest" in said
    assert f"starting {SECOND}" in said
    verify(ours.stack)
    assert records.read(ours.stack.prefix, ours.servers, "kept", "one", "two") == ["one", "two"]


def test_a_word_that_was_left_behind_does_no_harm(ours: Ground) -> None:
    running = on(ours, SECOND, "systemctl show -p MainPID kafka")
    assert f"{SECOND}: its data is there" in ours.stack.up()
    ours.stack.configure(acceptEmptyDisk=None)
    ours.stack.up()
    ours.stack.up("--expect-no-changes")
    assert on(ours, SECOND, "systemctl show -p MainPID kafka") == running


def test_the_first_switch_behind_a_lost_disk_takes_the_word(ours: Ground) -> None:
    running = on(ours, FIRST, "systemctl show -p MainPID kafka")
    ours.stack.configure(mode="zookeeper")
    said = refused(ours)
    assert f"{SECOND}: stage 'configured': " in said
    assert "/zookeeper/myid is missing, and this node's disk was made anew in place of a lost one" in said
    assert on(ours, FIRST, "systemctl show -p MainPID kafka") == running
    ours.stack.configure(acceptEmptyDisk=SECOND)
    # Whoever ends last is the only one in sync, and this story goes on with the loss of this one.
    on(ours, SECOND, "sudo systemctl stop kafka")
    assert f"{SECOND}: no other node has data in zookeeper mode" in " ".join(ours.stack.up().split())
    ours.stack.configure(acceptEmptyDisk=None)
    ours.stack.up()
    wait_until_whole(ours.stack, SECONDS)


def test_the_other_modes_data_is_not_passed_over(ours: Ground) -> None:
    on(ours, SECOND, f"sudo sh -c 'systemctl stop kafka zookeeper && rm -rf {DATA}/*'")
    ours.stack.configure(reapply="lost again", acceptEmptyDisk=SECOND)
    assert "the other nodes hold the rest" in " ".join(ours.stack.up().split())
    running = on(ours, FIRST, "systemctl show -p MainPID kafka")
    ours.stack.configure(mode="kraft", acceptEmptyDisk=None)
    assert "what it had in kraft mode is gone. Allow it to begin empty in that mode, too" in refused(ours)
    ours.stack.configure(acceptEmptyDisk=SECOND)
    assert f"{SECOND}: stage 'emptied': its data is gone" in refused(ours), (
        "nobody runs in that mode who could be asked"
    )
    assert on(ours, FIRST, "systemctl show -p MainPID kafka") == running


def test_the_other_modes_data_is_made_anew_from_the_others(ours: Ground) -> None:
    for service in ("kafka", "zookeeper"):  # a broker without its ensemble waits for minutes until it ends
        for name in (FIRST, SECOND, THIRD):
            on(ours, name, f"sudo systemctl stop {service}")
    for name in (FIRST, THIRD):
        on(ours, name, START_BY_HAND)
    for name in (FIRST, THIRD):
        on(ours, name, UNTIL_IT_LISTENS)
    said = " ".join(ours.stack.up().split())
    assert f"{SECOND}: its data is gone, and the other nodes hold the rest" in said
    ours.stack.configure(acceptEmptyDisk=None)
    ours.stack.up()
    wait_until_whole(ours.stack, SECONDS)
    assert records.read(ours.stack.prefix, ours.servers, "kept", "one", "two") == ["one", "two"]
