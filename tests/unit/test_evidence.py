"""What a failed stage of the whole cluster says: the nodes, their last log lines, who votes, and what to do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import PolicyViolationError, RequestTimedOutError

from model import topics as topics_model
from model.handover import LiveSettings, seats
from model.health import Sample
from model.kafka_dynamic import Seen
from model.kafka_keys import Mode
from model.topic_plan import Listed
from operations import live_settings, running, topics
from operations.kafka_view import KafkaView
from operations.machine import StageFailed, Unreachable
from operations.topics import TopicsView
from operations.wait import TimedOut

from .samples import cluster
from .test_handover import handover
from .test_running import WHOLE, told
from .test_topics import plan

VOTES = "quorum: leader is 1; 1: caught up; 2: caught up; 3: caught up"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A cluster that answers at once, and a lock of its own."""
    monkeypatch.setenv("KAFKA_CLUSTER_HOME", str(tmp_path))

    async def sample(_: KafkaView) -> Sample:
        return WHOLE

    monkeypatch.setattr(KafkaView, "sample", sample)


def reached(monkeypatch: pytest.MonkeyPatch, answer: Callable[[str], Any]) -> None:
    """Machines that answer so, by their name; an answer that is an error is raised."""

    @asynccontextmanager
    async def connect(access: Any, _: int) -> AsyncIterator[Any]:
        said = answer(access.name)
        if isinstance(said, Unreachable):
            raise said

        async def ask(*_: object) -> Any:
            if isinstance(said, Exception):
                raise said
            return said

        yield SimpleNamespace(access=access, ask=ask)

    monkeypatch.setattr(running, "connect", connect)


def failure() -> str:
    with pytest.raises(running.Failed) as caught:
        asyncio.run(running.bring(handover(Mode.KRAFT)))
    return str(caught.value)


def test_a_run_that_fails_tells_each_nodes_services_and_log_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    async def time_out(_: running.Run) -> None:
        raise TimedOut("waited 180 s for the cluster to be healthy; still missing: broker 2 not registered")

    def account(name: str) -> Any:
        if name == "n3":
            return StageFailed("no space left")
        report = told(Mode.KRAFT, "active", log=[f"{name} says", "its last words"])
        report["units"] = {**report["units"], "zookeeper.service": {"ActiveState": "inactive"}}
        return report

    monkeypatch.setattr(running.Run, "bring", time_out)
    reached(monkeypatch, account)
    assert failure().splitlines() == [
        "stage 'running': waited 180 s for the cluster to be healthy; still missing: broker 2 not registered",
        "n1: kafka.service is active, zookeeper.service is inactive",
        "    n1 says",
        "    its last words",
        "n2: kafka.service is active, zookeeper.service is inactive",
        "    n2 says",
        "    its last words",
        "n3: can't be asked: no space left",
        VOTES,
        "Mend what the log names and run `pulumi up` again: it goes on where it stopped.",
    ]


def test_a_machine_that_can_not_be_reached_is_told_with_who_votes_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reached(monkeypatch, lambda name: Unreachable("n2: no ssh") if name == "n2" else told(Mode.KRAFT, "active"))
    assert failure().splitlines() == [
        "stage 'running': n2: no ssh. It started and stopped nothing.",
        VOTES,
        "Bring that machine back, or mend the way to it, and run `pulumi up` again.",
    ]


def test_a_run_that_another_one_keeps_from_beginning_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def held(*_: object) -> AsyncIterator[None]:
        raise TimedOut("waited 600 s for this cluster to be free")
        yield

    monkeypatch.setattr(running, "cluster_lock", held)
    assert failure().endswith("Wait for that run, or end the process that holds the file, and run `pulumi up` again.")


def test_a_setting_that_is_refused_is_told_with_who_votes_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    key, seen = "log.retention.ms", Seen("5")
    wanted = LiveSettings(
        mode=Mode.KRAFT, version="3.6.0", cluster_id="c", nodes=seats(cluster()), defaults={key: "7000"}
    )

    def refuse(*_: object) -> None:
        raise PolicyViolationError("not here")

    monkeypatch.setattr(live_settings.SettingsView, "settings", lambda *_: {1: {key: seen}})
    monkeypatch.setattr(live_settings.SettingsView, "alter", refuse)
    with pytest.raises(live_settings.NotTaken) as caught:
        asyncio.run(live_settings.tell(wanted))
    first, line, *rest = str(caught.value).splitlines()
    assert first == "stage 'settings': the running cluster did not take"
    assert line.startswith(f"{key}: ")
    assert "not here" in line
    assert rest[-2] == VOTES
    assert rest[-1].endswith("Correct those values, or do what their lines say, and run `pulumi up` again.")


def silent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The second broker is away; what is said of that."""

    async def sample(_: KafkaView) -> Sample:
        return replace(WHOLE, brokers=frozenset({1, 3}))

    monkeypatch.setattr(KafkaView, "sample", sample)
    look = "kafka-cluster ssh n2 sudo tail -n 50 /var/log/kafka/server.log"
    return [VOTES, f"n2's broker does not answer; the end of its service log: {look}"]


def test_settings_that_nobody_can_be_asked_for_are_told_with_who_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RequestTimedOutError("n2")

    monkeypatch.setattr(live_settings.SettingsView, "settings", fail)
    evidence = silent(monkeypatch)
    wanted = LiveSettings(mode=Mode.KRAFT, version="3.6.0", cluster_id="c", nodes=seats(cluster()), defaults={})
    with pytest.raises(live_settings.NotTaken) as caught:
        asyncio.run(live_settings.tell(wanted))
    first, *rest = str(caught.value).splitlines()
    assert first.startswith("stage 'settings': not every broker answers: ")
    assert rest == [*evidence, "Bring them back and run `pulumi up` again."]


def test_topics_that_nobody_can_be_asked_for_are_told_with_who_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RequestTimedOutError("n2")

    monkeypatch.setattr(TopicsView, "seen", fail)
    evidence = silent(monkeypatch)
    with pytest.raises(topics.NotAsListed) as caught:
        asyncio.run(topics.settle(plan({})))
    assert str(caught.value).splitlines()[1:3] == evidence


@pytest.mark.parametrize(
    ("refuses", "words"),
    [
        ("faults", "these can't be what is listed; nothing was changed:\n  - no"),
        ("carry_out", "Kafka refused no"),
    ],
)
def test_topics_that_are_refused_are_told_with_who_votes_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, refuses: str, words: str
) -> None:
    monkeypatch.setattr(TopicsView, "seen", lambda *_: {})
    for question in ("faults", "carry_out"):
        monkeypatch.setattr(TopicsView, question, lambda *_, no=question == refuses: ["no"] if no else [])
    with pytest.raises(topics.NotAsListed) as caught:
        asyncio.run(topics.settle(plan({"orders": Listed(partitions=1, replication_factor=1)})))
    remedy = "Mend that and run `pulumi up` again: it goes on where it stopped."
    assert str(caught.value) == f"stage 'topics': {words}\n{VOTES}\n{remedy}"


def test_a_number_of_replicas_that_the_cluster_does_not_have_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def change(*_: object) -> list[str]:
        raise AssertionError("a topic was changed")

    seen = {"orders": topics_model.Seen((1,)), "old": topics_model.Seen((1,))}
    monkeypatch.setattr(TopicsView, "seen", lambda *_: seen)
    monkeypatch.setattr(TopicsView, "faults", lambda *_: [])
    for step in ("carry_out", "delete"):
        monkeypatch.setattr(TopicsView, step, change)
    with pytest.raises(topics.NotAsListed) as caught:
        asyncio.run(topics.settle(plan({"orders": Listed(partitions=1, replication_factor=3)}, ("old",))))
    assert "nothing was changed:\n  - topics[orders].replicationFactor: is 1, was asked to be 3" in str(caught.value)
