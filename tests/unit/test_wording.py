"""However many topics there are, what is said of them fits a line."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from model import roll, switch
from model.health import Member, Partition, Quorum, Sample
from model.kafka_keys import Mode
from model.topic_plan import Listed
from model.topics import Seen
from model.wording import MOST, some
from operations import emptied as look
from operations import topics
from operations.gates import Gates
from operations.kafka_view import KafkaView
from operations.topics import TopicsView
from operations.wait import TimedOut
from operations.ways import DIRECT

from .samples import cluster
from .test_handover import handover
from .test_topics import plan

# Where the command plugin stops reading for ever.
LONGEST = 64 * 1024
NAMES = [f"{number:04}".ljust(249, "x") for number in range(1000)]
MORE = f"and {len(NAMES) - MOST} more"
CLUSTER = cluster()
SINGLE = [Partition(name, 0, 1, (1,), (1,)) for name in NAMES]
STRICT = [Partition(name, 0, 1, (1, 2), (1, 2), 2) for name in NAMES]
LAGGING = [Partition(name, 0, 1, (1, 2, 3), (1, 2), 2) for name in NAMES]


def seen(partitions: list[Partition]) -> Sample:
    quorum = Quorum(1, {number: Member(0) for number in (1, 2, 3)}, {})
    return Sample(frozenset({1, 2, 3}), 1, tuple(partitions), quorum)


def test_a_few_are_named_and_the_rest_is_counted() -> None:
    assert some([]) == ""
    assert some("ab") == "a, b"
    assert some(range(23)).endswith("18, 19, and 3 more")
    assert some("abc", 2, "; ") == "a; b; and 1 more"


def behind() -> str:
    reports = [{"config": CLUSTER.paths.properties(Mode.ZOOKEEPER), "other_topics": NAMES}]
    return switch.left_behind(CLUSTER, reports)


SENTENCES: dict[str, Callable[[], list[str]]] = {
    "what a switch leaves behind": lambda: [behind()],
    "whom a roll interrupts": lambda: roll.interruptions(CLUSTER, ["n1"], seen([*SINGLE, *STRICT])),
    "whom a higher min ISR stops": lambda: roll.stopped(2, 1, seen(SINGLE)),
}


@pytest.mark.parametrize("what", SENTENCES)
def test_a_sentence_about_topics_stays_short(what: str) -> None:
    told = SENTENCES[what]()
    assert told
    assert all(len(each) < LONGEST and each.endswith(MORE) for each in told)


@pytest.fixture(autouse=True)
def lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The lock of a run is the test's own."""
    monkeypatch.setenv("KAFKA_CLUSTER_HOME", str(tmp_path))


def test_topics_that_are_as_listed_are_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(TopicsView, "seen", lambda *_: dict.fromkeys(NAMES, Seen((1,))))
    asyncio.run(topics.settle(plan(dict.fromkeys(NAMES, Listed(partitions=1, replication_factor=1)))))
    assert [len(line) < LONGEST and line.endswith(MORE) for line in capsys.readouterr().out.splitlines()] == [True]


def test_topics_that_are_not_as_listed_are_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "_SETTLED_SECONDS", 0)
    monkeypatch.setattr(KafkaView, "sample", lambda *_: asyncio.sleep(0, seen([])))
    monkeypatch.setattr(TopicsView, "seen", lambda *_: {})
    for step in ("faults", "carry_out"):
        monkeypatch.setattr(TopicsView, step, lambda *_: [])
    monkeypatch.setattr(TopicsView, "hurry", lambda *_: asyncio.sleep(0))
    with pytest.raises(topics.NotAsListed) as caught:
        asyncio.run(topics.settle(plan(dict.fromkeys(NAMES, Listed(partitions=1, replication_factor=1)))))
    first = str(caught.value).splitlines()[0]
    assert len(first) < LONGEST
    assert first.endswith(MORE)


def test_what_kafka_refuses_of_topics_is_told_in_a_line() -> None:
    with pytest.raises(topics.NotAsListed) as caught:
        topics._raise_if([f"{name}: no" for name in NAMES])
    assert str(caught.value).endswith(MORE)


def test_partitions_that_hold_up_a_restart_are_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    gates = Gates(handover(Mode.KRAFT), DIRECT)
    monkeypatch.setattr("operations.gates._SPARE_SECONDS", 0)
    monkeypatch.setattr("model.health.missing", lambda *_: [])
    monkeypatch.setattr(gates.view, "sample", lambda: asyncio.sleep(0, seen(LAGGING)))
    with pytest.raises(TimedOut) as caught:
        asyncio.run(gates.spared({"n1": 1}))
    assert len(str(caught.value)) < LONGEST
    assert str(caught.value).endswith(MORE)


def test_partitions_that_go_with_a_disk_are_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def at_once(_: str, ask: Callable[[], Awaitable[str | None]], **__: object) -> None:
        await ask()

    monkeypatch.setattr(look, "until", at_once)
    view: Any = SimpleNamespace(sample=lambda: asyncio.sleep(0, seen(SINGLE)), close=lambda: None)
    asyncio.run(look._ask_others(view, CLUSTER, CLUSTER.nodes[0], 1))
    assert capsys.readouterr().out.splitlines()[0].endswith(MORE)
