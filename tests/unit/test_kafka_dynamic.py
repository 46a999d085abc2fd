"""Which defaults a running cluster is told, in which steps, and which are taken back."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import properties
from model.kafka_dynamic import (
    STEPWISE,
    Seen,
    alterable,
    alteration,
    answers,
    coarser,
    defaults,
    plain,
    removal,
    same,
    seen,
    targets,
    unjudged,
)
from model.kafka_keys import SUPPORTED_VERSIONS, Mode
from model.times import EMULATED_PROPERTIES

from .samples import cluster

VERSION = SUPPORTED_VERSIONS[0]
KEY, THREADS = "log.retention.bytes", "num.io.threads"


def entry(name: str, value: str, source: str = "DEFAULT_CONFIG") -> dict[str, str]:
    return {"name": name, "value": value, "source": source}


OWN = entry("log.retention.ms", "1", "DYNAMIC_BROKER_CONFIG")
LIVE = entry("log.retention.ms", "2", "DYNAMIC_DEFAULT_BROKER_CONFIG")
FILE = entry("log.retention.hours", "48", "STATIC_BROKER_CONFIG")
USUAL = entry("log.retention.hours", "168")


@pytest.mark.parametrize(
    ("answer", "read", "value"),
    [
        ([OWN, LIVE, FILE, USUAL], Seen("172800000", "2", "1"), "1"),
        ([LIVE, FILE, USUAL], Seen("172800000", "2"), "2"),
        ([FILE, USUAL], Seen("172800000"), "172800000"),
        ([USUAL], Seen("604800000"), "604800000"),
        ([], Seen("604800000"), "604800000"),
    ],
)
def test_a_brokers_answer_is_read_by_its_sources(answer: list[dict[str, str]], read: Seen, value: str) -> None:
    found = seen("log.retention.ms", answer)
    assert (found, found.value) == (read, value), "a value that is taken for another one is altered for nothing, or not"


def test_a_key_that_is_not_set_is_read_from_the_finest_that_is() -> None:
    """Kafka lists nothing for it."""
    minutes = entry("log.retention.minutes", "5", "STATIC_BROKER_CONFIG")
    told = {"log.retention.ms": [], "log.retention.hours": [FILE, USUAL], "log.retention.minutes": []}
    assert answers(["log.retention.ms"], told) == {"log.retention.ms": Seen("172800000")}
    told["log.retention.minutes"] = [minutes]
    assert answers(["log.retention.ms"], told) == {"log.retention.ms": Seen("300000")}
    told["log.retention.ms"] = [LIVE, minutes]
    assert answers(["log.retention.ms"], told) == {"log.retention.ms": Seen("300000", "2")}
    assert coarser("log.retention.ms") == ("log.retention.minutes", "log.retention.hours"), "none is asked for in vain"


NOTHING: tuple[str | None, ...] = ()
# key, target, brokers, what the default is given
CASES: dict[str, tuple[str, str, Sequence[Seen], tuple[str | None, ...]]] = {
    "all is well": (KEY, "-1", [Seen("-1"), Seen("-1")], NOTHING),
    "a new value": (KEY, "5", [Seen("-1"), Seen("-1")], ("5",)),
    "set already": (KEY, "5", [Seen("-1", "5"), Seen("-1", "5")], NOTHING),
    "another one is set": (KEY, "5", [Seen("-1", "7"), Seen("-1", "7")], ("5",)),
    "one broker does not know it yet": (KEY, "5", [Seen("-1", "5"), Seen("-1")], ("5",)),
    "taken back": (KEY, "-1", [Seen("-1", "5"), Seen("-1", "5")], (None,)),
    "taken back from processes that were started with it": (KEY, "-1", [Seen("5"), Seen("5")], ("-1",)),
    "taken back from one process that was started with it": (KEY, "-1", [Seen("-1", "5"), Seen("5", "5")], ("-1",)),
    "started with it since": (KEY, "5", [Seen("5", "5"), Seen("5", "5")], (None,)),
    "spelled otherwise": ("log.cleaner.io.buffer.load.factor", "0.90", [Seen("0.9")], NOTHING),
    "more threads": (THREADS, "20", [Seen("8"), Seen("8")], ("16", "20")),
    "fewer threads": (THREADS, "3", [Seen("8"), Seen("8")], ("4", "3")),
    "threads taken back": (THREADS, "8", [Seen("8", "3"), Seen("8", "3")], ("6", "8", None)),
    "threads as many, set for nothing": (THREADS, "8", [Seen("8", "8")], (None,)),
    "threads that differ": (THREADS, "20", [Seen("5"), Seen("8")], ("10", "20")),
    "a broker's own value hides the default": (KEY, "5", [Seen("-1", "5", own="9")], NOTHING),
}


@pytest.mark.parametrize("case", CASES)
def test_the_default_is_given_these_values(case: str) -> None:
    key, target, brokers, wanted = CASES[case]
    assert alteration(VERSION, key, target, brokers) == wanted


NUMBER = st.integers(1, 40).map(str)
BROKER = st.builds(Seen, NUMBER, st.none() | NUMBER)


@given(st.sampled_from([KEY, THREADS]), NUMBER, st.lists(NUMBER, min_size=1, max_size=3), st.none() | NUMBER)
def test_after_an_alteration_all_is_well(key: str, target: str, started: list[str], default: str | None) -> None:
    brokers = [Seen(one, default) for one in started]
    for value in alteration(VERSION, key, target, brokers):
        brokers = [Seen(broker.started_with, value) for broker in brokers]
    assert {broker.value for broker in brokers} == {target}, "every broker is to work with what is planned"
    assert alteration(VERSION, key, target, brokers) == (), "a second run would alter again"


@given(NUMBER, NUMBER, st.none() | NUMBER)
def test_threads_are_never_asked_for_more_than_the_double(target: str, started: str, default: str | None) -> None:
    now = int(default or started)
    for value in alteration(VERSION, THREADS, target, [Seen(started, default)]):
        after = int(value or started)
        assert now // 2 <= after <= now * 2, "Kafka refuses it"
        now = after


def test_there_is_no_default_of_what_was_not_judged() -> None:
    overrides = {"log.retention.minutes": "5", "log.segment.bytes": "9", "no.such.key": "1"}
    told = defaults(VERSION, overrides, ["log.retention.minutes", "no.such.key"])
    assert told == {"log.retention.ms": None, "log.segment.bytes": "9"}
    assert unjudged(told) == ["log.retention.ms"]
    assert "log.retention.ms" not in targets(VERSION, told), "nobody knows what it has to be"


@pytest.mark.parametrize(
    ("key", "brokers", "given"),
    [
        (KEY, [Seen("7"), Seen("7")], NOTHING),
        (KEY, [Seen("7", "5"), Seen("7", "5")], (None,)),
        (KEY, [Seen("7"), Seen("7", "5")], (None,)),
        (THREADS, [Seen("20", "5"), Seen("20", "5")], ("10", "20", None)),
    ],
)
def test_a_default_is_removed_so_that_the_file_decides(
    key: str, brokers: Sequence[Seen], given: tuple[str | None, ...]
) -> None:
    assert removal(key, brokers) == given


def test_a_static_key_that_stands_for_a_live_one_is_not_taken_back() -> None:
    told = defaults(VERSION, {"log.flush.scheduler.interval.ms": "1000"})
    assert told == {"log.flush.interval.ms": "1000"}, "its default would hide the planned value"
    both = {"log.flush.scheduler.interval.ms": "1000", "log.flush.interval.ms": "7"}
    assert defaults(VERSION, both) == {"log.flush.interval.ms": "7"}, "the finer one decides"


@pytest.mark.parametrize("mode", Mode)
def test_nothing_that_is_planned_beside_the_overrides_is_taken_back(mode: Mode) -> None:
    planned = cluster(3, mode)
    written = {**properties.server(planned, planned.nodes[0], {}), **EMULATED_PROPERTIES}
    assert not written.keys() & set(alterable(VERSION)), "the running cluster would be told the plain value instead"


@pytest.mark.parametrize("version", SUPPORTED_VERSIONS)
def test_every_default_has_a_plain_value(version: str) -> None:
    for key in alterable(version):
        assert same(version, key, plain(version, key), plain(version, key))
        assert key not in STEPWISE or int(plain(version, key)) > 0
