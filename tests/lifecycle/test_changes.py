"""What a preview says of a change, and that `up` then does exactly that: to the resources, to the processes and to the
values that brokers work with.

The tests of this file are one story and run in its order, on machines, a state and a stack of their own.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.lifecycle import live_values, records
from tests.support.machines import Ground, away, ground, refused
from tests.support.operate import becomes
from tests.support.under_way import unlock, up_under_way

pytestmark = pytest.mark.lifecycle

NODES = ("kafka-server1", "kafka-server2", "kafka-server3")
TOLD = {"kafka", *NODES}
CONFIGURED = {f"{name}-configured" for name in NODES}
UNTOUCHED = ("same", "read", "refresh")
LIVE, ROLL = {"kafka-settings"}, {"kafka-running"}
BASE = {"num.partitions": 3}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Three machines and a stack for them."""
    folder = tmp_path_factory.mktemp("stack")
    with ground(f"changes-{os.getpid()}", folder, config={"heap": "256M", "settings": BASE}) as made:
        yield made


@dataclass(frozen=True)
class Change:
    """What is configured, which resources that touches, whether it restarts, and what brokers work with afterwards."""

    config: Mapping[str, Any]
    touched: set[str]
    restarts: bool
    works_with: Mapping[str, str]


CHANGES = {
    "one that a running cluster takes": Change(
        {"settings": {**BASE, "log.retention.hours": 48}},
        TOLD | CONFIGURED | LIVE,
        restarts=False,
        works_with={"log.retention.ms": "172800000"},
    ),
    "one that it does not take": Change(
        {"settings": {**BASE, "log.retention.hours": 48, "queued.max.requests": 400}},
        TOLD | CONFIGURED | ROLL,
        restarts=True,
        works_with={"log.retention.ms": "172800000", "queued.max.requests": "400"},
    ),
    "both at once": Change(
        {"settings": {**BASE, "log.retention.hours": 24, "num.io.threads": 5, "queued.max.requests": 300}},
        TOLD | CONFIGURED | ROLL | LIVE,
        restarts=True,
        works_with={"log.retention.hours": "24", "num.io.threads": "5", "queued.max.requests": "300"},
    ),
    "more than the double of threads": Change(
        {"settings": {**BASE, "log.retention.hours": 24, "num.io.threads": 20, "queued.max.requests": 300}},
        TOLD | CONFIGURED | LIVE,
        restarts=False,
        works_with={"num.io.threads": "20", "queued.max.requests": "300"},
    ),
    "taken back from processes that were started with it": Change(
        {"settings": {**BASE, "queued.max.requests": 300}},
        TOLD | CONFIGURED | LIVE,
        restarts=False,
        works_with={"log.retention.ms": "604800000", "num.io.threads": "8"},
    ),
    "the heap": Change(
        {"settings": {**BASE, "queued.max.requests": 300}, "heap": "300M"},
        set(NODES) | CONFIGURED | ROLL | {"hosts-fit"},  # which looks whether the machines are big enough
        restarts=True,
        works_with={"log.retention.ms": "604800000", "num.io.threads": "8"},
    ),
    "nothing": Change(
        {"settings": {**BASE, "queued.max.requests": 300}, "heap": "300M"},
        set(),
        restarts=False,
        works_with={},
    ),
}


def processes(ground: Ground) -> dict[str, str]:
    """Which process each node's Kafka is, and how often it was started."""
    look = "systemctl show --value -p MainPID kafka; sudo grep --invert-match --count '\"unit\"' /etc/kafka-cluster/starts.jsonl"
    found = {name: ground.machines.ssh(name, look) for name in NODES}
    assert all(done.returncode == 0 for done in found.values()), found
    return {name: done.stdout for name, done in found.items()}


def previewed(ground: Ground) -> set[str]:
    """The names of the resources that a preview says would be touched."""
    told = json.loads(ground.stack.pulumi("preview", "--json").stdout)
    return {step["urn"].rpartition("::")[2] for step in told["steps"] if step["op"] not in UNTOUCHED}


def done_by_up(ground: Ground) -> set[str]:
    """The names of the resources that `up` touched."""
    log = ground.stack.project / "events.json"
    log.unlink(missing_ok=True)
    ground.stack.up("--event-log", str(log))
    events = [json.loads(line) for line in log.read_text().splitlines()]
    touched = [event["resourcePreEvent"]["metadata"] for event in events if "resourcePreEvent" in event]
    return {step["urn"].rpartition("::")[2] for step in touched if step["op"] not in UNTOUCHED}


def test_a_first_up_that_no_broker_starts_with_is_mended_by_the_next(ours: Ground) -> None:
    """What `unchecked` names is taken as it is, also when every broker ends of it."""
    ours.stack.configure(
        settings={**BASE, "metric.reporters": "example.NoSuchReporter"}, unchecked=["metric.reporters"]
    )
    with up_under_way(ours.stack) as up:
        up.until("waiting for the cluster to be healthy")
        up.kill()
    unlock(ours.stack)
    ours.stack.configure(settings=BASE, unchecked=[])
    said = ours.stack.up()
    assert re.search(f"restarting {', '.join(NODES)} together", said), (
        f"a gate would wait for ever for brokers that none of them can be: {said[-3000:]}"
    )
    ours.stack.up("--expect-no-changes")


def test_the_cluster_comes_up(ours: Ground) -> None:
    assert live_values.read(ours.stack.prefix, ours.servers, "log.retention.ms") == [None] * 3, (
        "this story begins with Kafka's own defaults"
    )


@pytest.mark.parametrize("change", CHANGES)
def test_a_preview_tells_what_up_will_do(ours: Ground, change: str) -> None:
    wanted = CHANGES[change]
    before = processes(ours)
    ours.stack.configure(**wanted.config)
    assert previewed(ours) == wanted.touched, "whoever reads a preview decides by it when to apply it"
    assert processes(ours) == before, "a preview touches nothing"
    assert done_by_up(ours) == wanted.touched, "an `up` must do what was previewed and nothing else"
    after = processes(ours)
    restarted = {name for name in NODES if after[name] != before[name]}
    assert restarted == (set(NODES) if wanted.restarts else set()), "restarts are what an operator fears in a change"
    for key, value in wanted.works_with.items():
        assert live_values.read(ours.stack.prefix, ours.servers, key) == [value] * 3, (
            f"{key}: all brokers must work with what is planned"
        )


def test_a_default_that_nobody_plans_any_more_is_no_live_value(ours: Ground) -> None:
    """The heap's restart made the processes forget the files that held them, so the cluster need not say it either."""
    ours.stack.configure(settings={**BASE, "queued.max.requests": 300, "log.segment.bytes": 2**29})
    ours.stack.up()
    assert live_values.defaults(ours.stack.prefix, ours.servers) == {"log.segment.bytes": str(2**29)}


def test_a_brokers_own_value_that_hides_a_planned_one_is_told(ours: Ground) -> None:
    live_values.hide(ours.stack.prefix, ours.servers, "2", "log.segment.bytes", "1048576")
    ours.stack.configure(settings={**BASE, "queued.max.requests": 300, "log.segment.bytes": 2**28})
    said = refused(ours)
    assert "log.segment.bytes: broker 2 was given 1048576 by itself" in said
    assert "--entity-name 2 --alter --delete-config log.segment.bytes" in said, "the remedy is one command"
    live_values.hide(ours.stack.prefix, ours.servers, "2", "log.segment.bytes", None)
    ours.stack.up()


def test_a_preview_names_the_topics_that_its_roll_interrupts(ours: Ground) -> None:
    heap = ours.stack.config()["heap"]
    records.write(ours.stack.prefix, ours.servers, "strict", "one")
    records.write(ours.stack.prefix, ours.servers, "sound", "one")
    records.alter(ours.stack.prefix, ours.servers, "strict", "min.insync.replicas", "3")
    ours.stack.configure(heap="260M")
    said = " ".join(ours.stack.pulumi("preview").stdout.split())
    assert "holds up producers with acks=all until each is back" in said
    assert re.search(r"no more replicas than min\.insync\.replicas: strict(?!,)", said), "by name, and no sound one"
    with away(ours, *NODES):
        done = ours.stack.pulumi("preview", check=False)
    said = " ".join(f"{done.stdout}{done.stderr}".split())
    assert done.returncode == 0, f"a preview works without the cluster: {said}"
    assert "kafka-running" in said
    assert "interrupts is not known: no broker listens" in said
    assert "strict" not in said, "nothing is said of what nobody could look at"
    ours.stack.configure(heap=heap)


def test_a_change_that_failed_is_taken_back_where_it_was_made(ours: Ground) -> None:
    good, before = ours.stack.config()["settings"], processes(ours)
    ours.stack.configure(
        settings={**good, "metric.reporters": "example.NoSuchReporter"}, unchecked=["metric.reporters"]
    )
    with up_under_way(ours.stack) as up:
        failed = up.until(r"restarting (\S+) \(1 of 3\)")[1]
        up.until("waiting for the cluster to be healthy")
        up.kill()
    unlock(ours.stack)
    ours.stack.configure(settings=good, unchecked=[])
    ours.stack.up()
    becomes(ours.stack, "healthy")  # Pulumi itself knows of no difference
    after = processes(ours)
    assert {name for name in NODES if after[name] != before[name]} == {failed}, "the others never had the change"
    ours.stack.up("--expect-no-changes")


def test_zookeeper_mode_takes_them_too(ours: Ground) -> None:
    ours.stack.configure(mode="zookeeper", settings=BASE)
    ours.stack.up()
    before = processes(ours)
    ours.stack.configure(settings={**BASE, "log.retention.hours": 48, "num.network.threads": 7})
    ours.stack.up()
    assert live_values.read(ours.stack.prefix, ours.servers, "log.retention.ms") == ["172800000"] * 3
    assert live_values.read(ours.stack.prefix, ours.servers, "num.network.threads") == ["7"] * 3
    ours.stack.configure(settings=BASE)
    ours.stack.up()
    assert live_values.defaults(ours.stack.prefix, ours.servers) == {}, "what is taken back leaves no trace"
    assert processes(ours) == before, "none of it is worth a restart"


def test_a_zookeeper_that_was_stopped_by_hand_is_started_again(ours: Ground) -> None:
    before = processes(ours)
    done = ours.machines.ssh(NODES[1], "sudo systemctl stop zookeeper")
    assert done.returncode == 0, done.stderr
    said = ours.stack.up("--replace", "**kafka-running")
    assert f"starting {NODES[1]}'s ZooKeeper" in said
    assert processes(ours) == before, "its broker never noticed, and is left alone"
    kept = json.loads(ours.machines.ssh(NODES[1], "sudo tail -n 1 /etc/kafka-cluster/starts.jsonl").stdout)
    assert (kept["unit"], kept["why"]) == ("zookeeper.service", "it was down"), (
        "whoever looks later asks why it was started"
    )
