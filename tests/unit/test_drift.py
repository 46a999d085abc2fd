"""What counts as a difference between a machine, or a broker, and the plan."""

import asyncio
import hashlib
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from model import drift, stages, topics
from model.handover import LiveSettings, Seat, seats
from model.kafka_dynamic import Seen
from model.kafka_keys import Mode
from model.metrics import NODE_EXPORTER
from model.topic_plan import Listed, TopicPlan
from operations import drift as looking

from .samples import cluster
from .test_handover import handover
from .test_stages import CLUSTER_ID, plan

SHA512 = "a" * 128
PLAN = plan()
AGENT = "/usr/local/lib/kafka-cluster/agent.jar"
INSTALLED = stages.installed(PLAN, SHA512, "upload", [stages.Upload("up/agent.jar", "c" * 128)])
CONFIGURED = stages.configured(PLAN, CLUSTER_ID)
SYSTEMD = {"ActiveState": "active", "UnitFileState": "enabled", "NeedDaemonReload": "no", "DropInPaths": ""}
UNIT = "/etc/systemd/system/kafka.service"
TOOL = INSTALLED["tools"]["program"]


def written(content: str, mode: str) -> list[str]:
    return [hashlib.sha256(content.encode()).hexdigest(), "root", "root", mode]


def account() -> dict[str, Any]:
    """What a machine says that is as planned."""
    return {
        "files": {
            **{f["path"]: [f["sha256"], f["owner"], f["group"], f["mode"]] for f in CONFIGURED["files"]},
            INSTALLED["sysctl"]: written("vm.max_map_count = 262144\nvm.swappiness = 1\n", "0644"),
            TOOL: written(INSTALLED["tools"]["content"], "0755"),
        },
        "tools": [],
        "pieces": {AGENT: "c" * 128},
        "units": {
            "kafka.service": dict(SYSTEMD),
            "zookeeper.service": {"ActiveState": "inactive", "UnitFileState": ""},
            NODE_EXPORTER: {"ActiveState": "inactive", "UnitFileState": ""},
            INSTALLED["mount_unit"]: dict(SYSTEMD),
        },
        "kernel": dict(INSTALLED["kernel"]),
        "users": ["kafka", "zookeeper"],
        "links": dict(INSTALLED["links"]),
        "hosts": {**INSTALLED["hosts"], "localhost": "127.0.0.1"},
        "java": 'openjdk version "17.0.17" 2025-10-21',
        "packages": [],
        "archive": SHA512,
        "touched": [],
        "mounted": True,
        "owner": {**INSTALLED["owner"], "formatted": ["kraft"]},
        "active": CONFIGURED["fingerprint"],
        "running": CONFIGURED["fingerprint"],
        "blind": False,
    }


def test_the_answer_is_all_that_is_printed_where_answers_are_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def everywhere(_: looking.Look) -> tuple[looking.Found, list[str]]:
        print("waiting for n1 to answer (2 s of at most 120 s)")
        return {"n1": []}, []

    monkeypatch.setattr(looking.Look, "everywhere", everywhere)
    assert asyncio.run(looking.show([], handover(Mode.KRAFT))) == looking.SAME
    said = capsys.readouterr()
    assert said.out == "nothing differs on n1\n"
    assert "waiting for n1" in said.err, "whoever waits wants to see it nevertheless"


def test_a_machine_as_planned_differs_in_nothing() -> None:
    assert drift.of_machine(INSTALLED, CONFIGURED, account()) == []


def test_the_machine_is_asked_for_all_that_is_judged() -> None:
    asked = drift.question(INSTALLED, CONFIGURED, None)
    assert set(account()["files"]) == set(asked["files"])
    assert list(account()["pieces"]) == asked["pieces"]
    assert set(account()["units"]) == set(asked["units"]), "what is not asked for would end in a KeyError"


# What is done to a machine, and a part of what is said of it.
BREAKS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a file is gone": (lambda a: a["files"].update({UNIT: None}), f"{UNIT}: found nothing, planned a file"),
    "a file's content": (lambda a: a["files"][UNIT].__setitem__(0, "f" * 64), f"{UNIT}, content: found ffffffffffff"),
    "a file's owner": (lambda a: a["files"][UNIT].__setitem__(1, "kafka"), "owner: found kafka, planned root"),
    "a file's mode": (lambda a: a["files"][UNIT].__setitem__(3, "0666"), "mode: found 0666, planned 0644"),
    "a stopped service": (
        lambda a: a["units"]["kafka.service"].update(ActiveState="failed"),
        "kafka.service ActiveState: found failed, planned active",
    ),
    "not started at boot": (
        lambda a: a["units"]["kafka.service"].update(UnitFileState="disabled"),
        "found disabled, planned enabled",
    ),
    "a drop-in": (lambda a: a["units"]["kafka.service"].update(DropInPaths="/x.conf"), "drop-ins /x.conf"),
    "the other mode's service": (
        lambda a: a["units"]["zookeeper.service"].update(ActiveState="active"),
        "zookeeper.service: found active, planned idle",
    ),
    "a kernel setting": (lambda a: a["kernel"].update({"vm.swappiness": "60"}), "vm.swappiness: found 60, planned 1"),
    "a user": (lambda a: a["users"].remove("kafka"), "user: found nothing, planned kafka"),
    "a name": (lambda a: a["hosts"].pop("kafka-server3"), "/etc/hosts kafka-server3: found nothing"),
    "a link": (lambda a: a["links"].update(dict.fromkeys(a["links"], "")), "link /usr/local/"),
    "a kernel setting that the next boot forgets": (
        lambda a: a["files"].update({INSTALLED["sysctl"]: None}),
        f"{INSTALLED['sysctl']}: found nothing, planned a file",
    ),
    "the program behind Kafka's tools": (lambda a: a["files"][TOOL].__setitem__(0, "f" * 64), f"{TOOL}, content: "),
    "a tool's link": (
        lambda a: a["tools"].append("/usr/local/bin/kafka-acls.sh"),
        f"/usr/local/bin/kafka-acls.sh: found nothing, planned a link to {TOOL}",
    ),
    "another agent": (
        lambda a: a["pieces"].update({AGENT: "d" * 128}),
        f"{AGENT}: found dddddddddddd, planned SHA-512 cccccccccccc",
    ),
    "no agent": (lambda a: a["pieces"].update({AGENT: ""}), f"{AGENT}: found nothing, planned SHA-512"),
    "a broker that started on a full disk": (
        lambda a: a.update(blind=True),
        "meta.properties of the process: found none of its start, as its disk was full",
    ),
    "another Java": (lambda a: a.update(java='openjdk version "11.0.2"'), "planned version 17"),
    "a package": (lambda a: a["packages"].append(stages.JAVA), f"package: found nothing, planned {stages.JAVA}"),
    "another archive": (lambda a: a.update(archive="b" * 128), "found bbbbbbbbbbbb, planned SHA-512 aaaaaaaaaaaa"),
    "a patched program": (
        lambda a: a.update(touched=["/usr/local/k/bin/x.sh"]),
        "/usr/local/k/bin/x.sh: found a change",
    ),
    "no volume": (lambda a: a.update(mounted=False), "/var/lib/kafka: found no mounted volume"),
    "another owner": (lambda a: a["owner"].update(stack="b"), "owner of the data: stack: found b"),
    "nothing activated": (lambda a: a.update(active=""), "configuration on the machine: found nothing"),
    "an old process": (lambda a: a.update(running="1234"), "configuration of the process: found 1234"),
}


@pytest.mark.parametrize("what", BREAKS)
def test_a_difference_is_told(what: str) -> None:
    broken, words = BREAKS[what][0], BREAKS[what][1]
    seen = deepcopy(account())
    broken(seen)
    told = [str(difference) for difference in drift.of_machine(INSTALLED, CONFIGURED, seen)]
    assert any(words in line for line in told), f"{words!r} is not in {told}"


def live(**defaults: str | None) -> LiveSettings:
    seats = tuple(Seat(name=n.name, id=n.id, address=n.address, roles=n.roles) for n in cluster().nodes)
    named = {key.replace("_", "."): value for key, value in defaults.items()}
    return LiveSettings(mode=Mode.KRAFT, version="3.6.0", nodes=seats, defaults=named)


TEXT = "# x\nnum.partitions=3\nlog.retention.hours=48\nlog.segment.bytes=7\nlisteners=A://1:2,B://3:4\nplugin.key=1\n"


def test_a_broker_works_with_its_file_and_the_running_clusters_defaults() -> None:
    planned = drift.planned_settings(TEXT, live(log_retention_ms="172800000", log_segment_bytes=None))
    assert planned["num.partitions"] == "3"
    assert planned["listeners"] == "A://1:2,B://3:4"
    assert planned["log.retention.ms"] == "172800000"
    assert planned["log.retention.bytes"] == "-1", "what nobody speaks of has Kafka's own value"
    left_out = {"log.retention.hours", "log.segment.bytes", "plugin.key"}
    assert not planned.keys() & left_out, "these are told by another name, left alone, or not Kafka's"


def test_a_brokers_other_values_are_told() -> None:
    planned = {"num.partitions": "3", "log.cleaner.io.buffer.load.factor": "0.90", "not.told": "1"}
    told = {"num.partitions": Seen("3", own="6"), "log.cleaner.io.buffer.load.factor": Seen("0.9")}
    (found,) = drift.of_settings("3.6.0", planned, told)
    assert str(found) == "running setting num.partitions: found 6, planned 3"


ORDERS = Listed(partitions=3, replication_factor=3, settings={"retention.ms": "1000"}, taken_back=("segment.bytes",))
AS_LISTED = topics.Seen((3, 3, 3), {"retention.ms": "1000", "cleanup.policy": "compact"})
TOPIC_DRIFT: dict[str, tuple[topics.Seen | None, str]] = {
    "deleted": (None, "topic orders: found nothing, planned 3 partitions"),
    "more partitions": (
        topics.Seen((3,) * 5, AS_LISTED.settings),
        "topic orders, partitions: found 5, planned 3",
    ),
    "fewer partitions": (topics.Seen((3,), AS_LISTED.settings), "topic orders, partitions: found 1, planned 3"),
    "moved to fewer brokers": (
        topics.Seen((3, 3, 2), AS_LISTED.settings),
        "topic orders, replicas: found 2 and 3, planned 3",
    ),
    "another value": (
        topics.Seen((3, 3, 3), {"retention.ms": "5"}),
        "topic orders, retention.ms: found 5, planned 1000",
    ),
    "no value": (topics.Seen((3, 3, 3)), "topic orders, retention.ms: found nothing, planned 1000"),
    "a value that was taken back": (
        topics.Seen((3, 3, 3), {**AS_LISTED.settings, "segment.bytes": "7"}),
        "topic orders, segment.bytes: found 7, planned nothing",
    ),
}


def topic_plan() -> TopicPlan:
    shape = cluster()
    return TopicPlan(
        mode=shape.mode,
        version=shape.version,
        cluster_id="id",
        nodes=seats(shape),
        listed={"orders": ORDERS},
        absent=("old",),
    )


def test_a_topic_as_listed_differs_in_nothing() -> None:
    seen = {"orders": AS_LISTED, "of somebody": topics.Seen((1,))}
    assert drift.of_topics(topic_plan(), seen) == [], "what the list does not speak of is nobody's drift"


@pytest.mark.parametrize("what", TOPIC_DRIFT)
def test_what_was_done_to_a_topic_by_hand_is_told(what: str) -> None:
    there, words = TOPIC_DRIFT[what]
    found = drift.of_topics(topic_plan(), {"orders": there} if there else {})
    assert [str(difference) for difference in found] == [words]


def test_a_topic_that_was_made_again_is_told() -> None:
    (found,) = drift.of_topics(topic_plan(), {"orders": AS_LISTED, "old": topics.Seen((1,))})
    assert str(found) == "topic old: found a topic, planned nothing"
