"""Both modes on the same machines: up, verified live, switched there and back, cut off on the way, given back.

The tests of this file are one story and run in its order, on machines, a state and a stack of their own.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from archives import archive
from computer.waiting import wait_for
from tests.lifecycle import records
from tests.support import console
from tests.support.faults import fill_disk, free_disk
from tests.support.look import verify
from tests.support.machines import Ground, away, ground, on, refused
from tests.support.operate import becomes, status
from tests.support.under_way import unlock, up_under_way

pytestmark = pytest.mark.lifecycle

NODES = ("kafka-server1", "kafka-server2", "kafka-server3")
FIRST, SECOND, THIRD = NODES
HOME = "/usr/local/kafka_2.13-3.6.0"
MYID = "/var/lib/kafka/zookeeper/myid"
WATCH = (
    "sudo systemd-run --quiet --unit=watch sh -c 'while sleep 0.2; do"
    f' pgrep -ax java | grep " kafka[.]Kafka " | grep -o "{HOME}/config/[^ ]*" | tr "\\n" " "; echo; done >> /run/watched\''
)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Three machines and a stack for them."""
    folder = tmp_path_factory.mktemp("stack")
    with ground(f"modes-{os.getpid()}", folder, config={"heap": "256M"}) as made:
        yield made


def everywhere(ground: Ground, command: str) -> dict[str, str]:
    return {name: on(ground, name, command) for name in NODES}


def stopped_cleanly(ground: Ground, folder: str) -> list[str]:
    """The nodes whose broker closed its logs in that folder before it ended. Kafka's mark of that is gone when it starts."""
    found = everywhere(ground, f"sudo find {HOME}/logs/{folder}/ -maxdepth 1 -name .kafka_cleanshutdown")
    return [name for name, mark in found.items() if mark]


def assert_only_the_last_was_killed(ground: Ground) -> None:
    """Of a KRaft cluster that was stopped as a whole."""
    assert len(stopped_cleanly(ground, "kraft-combined-logs")) >= len(NODES) - 1, (
        "two of three controllers let their brokers go; only the last one has nobody left to ask"
    )


def test_kraft_comes_up(ours: Ground) -> None:
    ours.stack.up()
    everywhere(ours, WATCH)
    ours.stack.up("--expect-no-changes")
    verify(ours.stack)
    records.write(ours.stack.prefix, ours.servers, "of-kraft", "one", "two")


def previewed(ground: Ground) -> str:
    """What `preview` says, on one line."""
    return " ".join(ground.stack.pulumi("preview").stdout.split())


def test_a_preview_says_what_a_switch_stops_and_starts(ours: Ground) -> None:
    assert "the switch from" not in previewed(ours)
    ours.stack.configure(mode="zookeeper")
    said = previewed(ours)
    assert f"the switch from kraft to zookeeper stops kafka.service on {', '.join(NODES)}, all nodes together" in said
    assert "then starts zookeeper.service, then kafka.service there in zookeeper mode" in said


def test_a_switch_with_a_machine_away_is_refused_before_anything_is_changed(ours: Ground) -> None:
    looked_at = "sudo sha256sum /etc/kafka-cluster/staged/MANIFEST.json; systemctl show -p MainPID kafka"
    before = everywhere(ours, looked_at)
    ours.stack.configure(mode="zookeeper")
    with away(ours, THIRD):
        said = refused(ours)
    assert f"{THIRD} (172.25.254.133): no ssh" in said
    assert "nothing was changed on any of them" in said
    assert everywhere(ours, looked_at) == before


@contextmanager
def killed_at(ground: Ground, words: str, *, with_children: bool) -> Iterator[str]:
    """What an `up` printed that was killed as soon as it said those words; with all it had started, or alone. In the
    context what was left to itself goes on."""
    with up_under_way(ground.stack) as running:
        running.until(re.escape(words))
        running.kill(with_children=with_children)
        unlock(ground.stack)
        yield running.said


def test_a_switch_that_is_cut_off_while_it_prepares_changes_nothing_that_runs(ours: Ground) -> None:
    running = everywhere(ours, "systemctl show -p MainPID kafka")
    with killed_at(ours, "-configured updating", with_children=True):
        assert everywhere(ours, "systemctl show -p MainPID kafka") == running


def test_a_switch_to_another_nodes_data_is_refused_before_anything_is_stopped(ours: Ground) -> None:
    running = everywhere(ours, "systemctl show -p MainPID kafka")
    on(ours, SECOND, f"echo 7 | sudo tee {MYID}")
    said = refused(ours)
    assert f"{SECOND}: stage 'configured': {HOME}/zookeeper/myid says myid=7, but the plan says 2" in said
    assert everywhere(ours, "systemctl show -p MainPID kafka") == running
    assert on(ours, SECOND, f"sudo cat {MYID}") == "7\n"
    for name in (FIRST, THIRD):
        found = on(ours, name, f"sudo test -e {MYID} && echo a member || echo none")
        assert found == "none\n", f"{name} was made a member of an ensemble that can't be"
    on(ours, SECOND, f"sudo rm {MYID}")


def test_a_switch_that_is_cut_off_anywhere_is_completed(ours: Ground) -> None:
    with killed_at(ours, "stopping kafka-server1", with_children=True) as said:
        assert "topics that stay behind in kraft mode's data: of-kraft" in said
    # What the killed engine has begun on the machines goes on without it, and the next `up` comes upon that.
    with killed_at(ours, "starting kafka-server", with_children=False):
        ours.stack.up()
    assert_only_the_last_was_killed(ours)
    ours.stack.up("--expect-no-changes")
    assert "of-kraft" not in records.topics(ours.stack.prefix, ours.servers)


def fill_while_down(ground: Ground) -> None:
    """Leaves the second node's broker down with a full disk."""
    on(ground, SECOND, "sudo systemctl stop kafka")
    fill_disk(ground.machines, SECOND)


def up_that_gets_room(ground: Ground, waits: str, goes_on: str) -> None:
    """An `up` that finds room once it has said that it waits for that."""
    with up_under_way(ground.stack) as up:
        up.until(re.escape(waits))
        free_disk(ground.machines, SECOND)
        up.until(re.escape(goes_on))
        assert up.end() == 0, up.said
    becomes(ground.stack, "healthy")
    ground.stack.up("--expect-no-changes")


WHY = "its disk took nothing when it started"


def test_a_broker_that_started_on_a_full_disk_is_told_at_once_and_restarted_when_there_is_room(ours: Ground) -> None:
    """While there is no topic yet: with one, a broker mostly finds another file that it can't write, and ends."""
    fill_while_down(ours)
    on(ours, SECOND, "sudo systemctl start kafka")
    blind = "broker 2 started on a full disk, and does not see it fail any more"
    wait_for("the status to name it", lambda: blind in status(ours.stack)["missing"], 60)
    ours.stack.configure(reapply="once")
    up_that_gets_room(ours, "waiting for room on kafka-server2's data volume", f"restarting {SECOND} (1 of 1): {WHY}")


def test_a_broker_that_an_up_starts_on_a_full_disk_is_restarted_by_the_same_one(ours: Ground) -> None:
    fill_while_down(ours)
    ours.stack.configure(reapply="twice")
    waits = f"{SECOND}'s broker started on a full disk, and is restarted as soon as there is room"
    up_that_gets_room(ours, waits, f"restarting {SECOND} once more: {WHY}")


def test_the_other_mode_does_all_that_is_asked_of_a_cluster(ours: Ground) -> None:
    verify(ours.stack)
    records.write(ours.stack.prefix, ours.servers, "of-zookeeper", "three")


def test_a_switch_back_finds_the_earlier_cluster(ours: Ground) -> None:
    ours.stack.configure(mode="kraft")
    assert "the switch from zookeeper to kraft stops kafka.service, then zookeeper.service on" in previewed(ours)
    with killed_at(ours, "-formatted updating", with_children=True):
        pass
    with killed_at(ours, "starting kafka-server", with_children=False) as said:
        assert "topics that stay behind in zookeeper mode's data: of-zookeeper" in said
        ours.stack.up()
    ours.stack.up("--expect-no-changes")
    assert stopped_cleanly(ours, "zookeeper-mode-logs") == list(NODES), "the ensemble outlives them: nobody is killed"
    assert records.read(ours.stack.prefix, ours.servers, "of-kraft", "one", "two") == ["one", "two"]
    assert "of-zookeeper" not in records.topics(ours.stack.prefix, ours.servers)
    ours.stack.configure(mode="zookeeper")
    broker = f"{HOME}/logs/zookeeper-mode-logs/meta.properties"
    running = everywhere(ours, "systemctl show -p MainPID kafka")
    on(ours, SECOND, f"sudo sed -i s/broker.id=2/broker.id=7/ {broker}")
    assert f"{broker} says broker.id=7, but the plan says 2" in refused(ours)
    assert everywhere(ours, "systemctl show -p MainPID kafka") == running
    on(ours, SECOND, f"sudo sed -i s/broker.id=7/broker.id=2/ {broker}")
    everywhere(ours, "sudo systemctl kill --signal=SIGKILL kafka; sudo systemctl stop kafka")
    said = ours.stack.up()
    assert "topics that stay behind in kraft mode's data: of-kraft" in said, "whoever stopped their cluster"
    assert records.read(ours.stack.prefix, ours.servers, "of-zookeeper", "three") == ["three"]


def test_no_machine_ever_ran_two_brokers(ours: Ground) -> None:
    for name, watched in everywhere(ours, "sudo sort -u /run/watched").items():
        seen = {line.strip() for line in watched.splitlines()}
        assert seen == {"", f"{HOME}/config/kraft/server.properties", f"{HOME}/config/server.properties"}, name
    everywhere(ours, "sudo systemctl stop watch")


def test_destroy_takes_both_modes_away(ours: Ground) -> None:
    ours.stack.destroy()
    ours_on_a_machine = (
        f"ls -d {HOME} /etc/kafka-cluster /etc/systemd/system/*kafka* /etc/systemd/system/zookeeper* /var/log/kafka"
        " /var/log/zookeeper /var/lib/kafka; pgrep -x java; getent passwd kafka zookeeper; true"
    )
    assert everywhere(ours, f"{ours_on_a_machine} 2>/dev/null") == dict.fromkeys(NODES, "")


def test_the_guides_modes_could_not_follow_each_other(ours: Ground, tmp_path: Path) -> None:
    """Why ZooKeeper mode has a log dir of its own beside KRaft's: the guide's `logs` holds KRaft's folder."""
    found = archive.cached("3.6.0", None, None)
    assert found is not None
    subprocess.run(["tar", "-xzf", found.path, "-C", tmp_path, "--no-same-owner"], check=True)
    (home,) = tmp_path.glob("kafka_*")
    kraft, zookeeper, broker = (tmp_path / name for name in ("kraft", "zookeeper", "broker"))
    kraft.write_text(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:9093\n"
        "listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093\ncontroller.listener.names=CONTROLLER\n"
        "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n"
        f"log.dirs={home}/logs/kraft-combined-logs\n"
    )
    zookeeper.write_text(f"dataDir={tmp_path}/data\nclientPort=2181\nadmin.enableServer=false\n")
    broker.write_text(
        f"broker.id=1\nlisteners=PLAINTEXT://127.0.0.1:9092\nlog.dirs={home}/logs\nzookeeper.connect=127.0.0.1:2181\n"
    )
    scratch = {**os.environ, **console.JAVA, "LOG_DIR": str(tmp_path / "service")}

    def run(tool: str, *arguments: str | Path) -> "subprocess.Popen[str]":
        command = ours.machines.segment.inside(str(home / "bin" / tool), *map(str, arguments))
        return subprocess.Popen(command, env=scratch, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    formatted, _ = run("kafka-storage.sh", "format", "-t", "A_D5kj5zTbi2EDTeXHDH3g", "-c", kraft).communicate()
    assert "Formatting" in formatted
    server = run("zookeeper-server-start.sh", zookeeper)
    try:
        said, _ = run("kafka-server-start.sh", broker).communicate(timeout=120)
    finally:
        server.terminate()
        server.communicate()
    assert f"Found directory {home}/logs/kraft-combined-logs, 'kraft-combined-logs' is not in the form of" in said
