"""What is refused of the overrides and why; what real brokers say of it is asked in tests/lifecycle/test_kafka_accepts.py."""

import itertools

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from model.errors import Problem
from model.kafka_dynamic import STEPWISE, plain, same, split, steps
from model.kafka_keys import MANAGED, SUPPORTED_VERSIONS, Mode, replication_defaults
from model.kafka_limits import KAFKA_STOPS, LIMITS, Reason
from model.kafka_rules import Case, Refusal, judge, refusals
from model.kafka_table import Update, lookup
from model.kafka_values import number

VERSION = "3.6.0"
TABLE = lookup(VERSION)
FREE = sorted(TABLE.keys() - MANAGED.keys())


def case(overrides: dict[str, str], mode: Mode = Mode.KRAFT, heap: int = 1024, unchecked: tuple[str, ...] = ()) -> Case:
    """Overrides of three brokers."""
    return Case(VERSION, mode, overrides, replication_defaults(3), heap, unchecked)


def only(judged: Case) -> Refusal:
    """The one thing that is wrong."""
    (refusal,) = refusals(judged)
    return refusal


# -- one key by itself -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("version", SUPPORTED_VERSIONS)
def test_kafkas_defaults_are_right(version: str, mode: Mode) -> None:
    defaults = {key: known.default for key, known in lookup(version).items() if known.default and key not in MANAGED}
    assert judge(Case(version, mode, defaults, {}, 1024)) == []


@pytest.mark.parametrize(
    ("overrides", "reason", "told"),
    [
        ({"log.retention.hour": "1"}, Reason.UNKNOWN, "perhaps log.retention.hours"),
        ({"super.users": "User:x"}, Reason.UNKNOWN, "unchecked"),
        ({"listener.name.plaintext.num.network.threads": "1"}, Reason.UNKNOWN, "unchecked"),
        ({"num.io.threads": "many"}, Reason.TYPE, "a whole number (int) from 1 to 512"),
        ({"num.io.threads": "8.0"}, Reason.TYPE, "whole"),
        ({"num.io.threads": ""}, Reason.TYPE, "whole"),
        ({"num.io.threads": "٣"}, Reason.TYPE, "whole"),
        ({"num.io.threads": "2147483648"}, Reason.TYPE, "int"),
        ({"offsets.commit.required.acks": "32768"}, Reason.TYPE, "short"),
        ({"log.cleaner.min.cleanable.ratio": "half"}, Reason.TYPE, "a number from 0 to 1"),
        ({"log.cleaner.min.cleanable.ratio": "1e9999"}, Reason.TYPE, "a number"),
        ({"log.cleaner.min.cleanable.ratio": "NaN"}, Reason.SERVICE, "a number"),
        ({"auto.create.topics.enable": "yes"}, Reason.TYPE, "true or false"),
        ({"num.io.threads": "0"}, Reason.RANGE, "from 1"),
        ({"log.cleaner.min.cleanable.ratio": "1.1"}, Reason.RANGE, "from 0 to 1"),
        ({"log.segment.bytes": "13"}, Reason.RANGE, "from 1024"),
        ({"log.segment.bytes": "1023"}, Reason.SERVICE, "would not fit"),
        ({"num.io.threads": "513"}, Reason.SERVICE, "to 512"),
        ({"compression.type": "brotli"}, Reason.CHOICE, "uncompressed, zstd, lz4"),
        ({"compression.type": "GZIP"}, Reason.CHOICE, "gzip"),
        ({"log.cleanup.policy": "compact,keep"}, Reason.CHOICE, "compact, delete"),
        ({"inter.broker.protocol.version": "3.9"}, Reason.CHOICE, "3.6-IV2"),
        ({"inter.broker.protocol.version": "3.5-IV9"}, Reason.CHOICE, "3.6-IV2"),
        ({"remote.log.storage.manager.impl.prefix": ""}, Reason.CHOICE, "not empty"),
        ({"metrics.recording.level": "WARN"}, Reason.START, "INFO or DEBUG or TRACE"),
        ({"replica.fetch.min.bytes": "-1"}, Reason.NEGATIVE, "from 0 on"),
        ({"log.retention.ms": "-2"}, Reason.NEGATIVE, "or -1"),
        ({"socket.send.buffer.bytes": "0"}, Reason.SERVICE, "-1 leaves it to the system"),
        ({"metric.reporters": "org.example.Reporter"}, Reason.UNSEEN, "org.apache.kafka.common.metrics.JmxReporter"),
        ({"principal.builder.class": "org.example.Builder"}, Reason.UNSEEN, "DefaultKafkaPrincipalBuilder"),
        ({"authorizer.class.name": "kafka.security.authorizer.AclAuthorizer"}, Reason.UNSEEN, "unchecked"),
        ({"create.topic.policy.class.name": ""}, Reason.UNSEEN, "every machine"),
    ],
    ids=lambda value: "=".join(*value.items()) if isinstance(value, dict) else None,
)
def test_a_value_that_is_wrong_by_itself(overrides: dict[str, str], reason: Reason, told: str) -> None:
    refusal = only(Case(VERSION, Mode.KRAFT, overrides, {}, 1024))
    ((key, value),) = overrides.items()
    assert (refusal.reason, refusal.problem.key, refusal.problem.got) == (reason, f"settings.{key}", value)
    assert told in refusal.problem.expected


@pytest.mark.parametrize(
    "overrides",
    [
        {"auto.create.topics.enable": "FALSE"},
        {"num.io.threads": " 4 "},
        {"num.io.threads": "+4"},
        {"log.cleaner.min.cleanable.ratio": "5e-1"},
        {"log.cleanup.policy": "compact, delete"},
        {"log.cleanup.policy": ""},
        {"inter.broker.protocol.version": "3.5"},
        {"inter.broker.protocol.version": "3.5.1"},
        {"log.retention.ms": "-1"},
        {"socket.send.buffer.bytes": "-1"},
        {"metric.reporters": ""},
        {"metric.reporters": "org.apache.kafka.common.metrics.JmxReporter"},
        {"metrics.recording.level": "debug"},
        {"ssl.keystore.password": "anything at all"},
        {"broker.rack": "row 1"},
    ],
    ids=lambda value: "=".join(*value.items()),
)
def test_what_kafka_reads_is_accepted(overrides: dict[str, str]) -> None:
    assert judge(case(overrides)) == []


def test_a_misspelt_secret_is_not_printed() -> None:
    told = str(only(case({"ssl.keystore.passwords": "hunter2"})).problem)
    assert "hunter2" not in told
    assert "perhaps ssl.keystore.password;" in told


def test_a_key_of_one_mode_is_judged_in_that_mode() -> None:
    small = {"metadata.log.segment.bytes": "4096"}
    assert only(case(small, Mode.KRAFT)).reason is Reason.START
    assert judge(case(small, Mode.ZOOKEEPER)) == [], "nothing reads it there"


# -- keys together ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "blamed", "reason", "told"),
    [
        ({"replica.fetch.wait.max.ms": "30001"}, "replica.fetch.wait.max.ms", Reason.TOGETHER, "at most replica.socket"),
        ({"replica.socket.timeout.ms": "499"}, "replica.socket.timeout.ms", Reason.TOGETHER, "at least replica.fetch"),
        ({"replica.lag.time.max.ms": "100"}, "replica.lag.time.max.ms", Reason.TOGETHER, "which is 500"),
        ({"offsets.commit.required.acks": "4"}, "offsets.commit.required.acks", Reason.TOGETHER, "which is 3"),
        ({"queued.max.request.bytes": "1024"}, "queued.max.request.bytes", Reason.TOGETHER, "socket.request.max.bytes"),
        ({"connections.max.idle.ms": "100"}, "connections.max.idle.ms", Reason.TOGETHER, "more than connection.failed"),
        ({"log.retention.minutes": "0"}, "log.retention.minutes", Reason.TOGETHER, "or -1"),
        ({"log.cleaner.threads": "200"}, "log.cleaner.threads", Reason.TOGETHER, "1 MiB"),
        ({"log.cleaner.dedupe.buffer.size": "1048576"}, "log.cleaner.dedupe.buffer.size", Reason.TOGETHER, "1 MiB"),
        ({"early.start.listeners": "PLAINTEXT"}, "early.start.listeners", Reason.TOGETHER, "mode"),
        ({"inter.broker.protocol.version": "3.2"}, "inter.broker.protocol.version", Reason.START, "3.3-IV0"),
        ({"log.local.retention.ms": "604800001"}, "log.local.retention.ms", Reason.LIVE, "not above log.retention.ms"),
        ({"log.local.retention.ms": "-1"}, "log.local.retention.ms", Reason.LIVE, "or -2"),
        ({"log.local.retention.bytes": "2", "log.retention.bytes": "1"}, "log.local.retention.bytes", Reason.LIVE, "-2"),
        ({"log.cleaner.max.compaction.lag.ms": "9", "log.cleaner.min.compaction.lag.ms": "10"},
         "log.cleaner.min.compaction.lag.ms", Reason.START, "which is 9"),
        ({"remote.log.storage.system.enable": "true"}, "remote.log.storage.system.enable", Reason.START, "manager"),
        ({"message.max.bytes": "104857601"}, "message.max.bytes", Reason.SERVICE, "socket.request.max.bytes"),
        ({"group.min.session.timeout.ms": "1800001"}, "group.min.session.timeout.ms", Reason.SERVICE, "group.max"),
        ({"broker.session.timeout.ms": "3999"}, "broker.session.timeout.ms", Reason.SERVICE, "at least 2 times"),
        ({"broker.heartbeat.interval.ms": "4501"}, "broker.heartbeat.interval.ms", Reason.SERVICE, "at most 1/2 of"),
        ({"max.connections.per.ip.overrides": "gateway:5"}, "max.connections.per.ip.overrides", Reason.SERVICE, "addr"),
        ({"log.message.format.version": "0.10.2"}, "log.message.format.version", Reason.SERVICE, "0.11.0-IV0"),
        ({"log.cleaner.dedupe.buffer.size": "536870913"}, "log.cleaner.dedupe.buffer.size", Reason.MEMORY, "1024 MiB"),
        ({"offsets.load.buffer.size": "134217729"}, "offsets.load.buffer.size", Reason.MEMORY, "1/8 of the heap"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)  # fmt: skip
def test_keys_that_do_not_agree(overrides: dict[str, str], blamed: str, reason: Reason, told: str) -> None:
    refusal = only(case(overrides))
    assert (refusal.reason, refusal.problem.key) == (reason, f"settings.{blamed}")
    assert told in refusal.problem.expected


@pytest.mark.parametrize(
    "overrides",
    [
        {"replica.fetch.wait.max.ms": "60000", "replica.socket.timeout.ms": "60000", "replica.lag.time.max.ms": "60000"},
        {"queued.max.request.bytes": "-1", "socket.request.max.bytes": "2147483647"},
        {"connections.max.idle.ms": "-1", "connection.failed.authentication.delay.ms": "2147483647"},
        {"log.retention.ms": "1", "log.retention.hours": "0"},
        {"log.cleaner.threads": "2", "log.cleaner.dedupe.buffer.size": "2097154"},
        {"max.connections.per.ip.overrides": "10.0.0.1:5, ::1:7"},
        {"max.connections.per.ip.overrides": ""},
        {"early.start.listeners": "CONTROLLER"},
        {"log.local.retention.ms": "3600000", "log.retention.hours": "1"},
        {"log.local.retention.ms": "-1", "log.retention.ms": "-1"},
        {"log.local.retention.bytes": "5"},
    ],
    ids=lambda value: next(iter(value)),
)  # fmt: skip
def test_keys_that_agree(overrides: dict[str, str]) -> None:
    assert judge(case(overrides)) == []


def test_a_release_must_fit_the_mode() -> None:
    assert only(case({"inter.broker.protocol.version": "0.10.2"}, Mode.ZOOKEEPER)).reason is Reason.TOGETHER
    assert judge(case({"inter.broker.protocol.version": "2.8"}, Mode.ZOOKEEPER)) == []
    assert only(case({"early.start.listeners": "CONTROLLER"}, Mode.ZOOKEEPER)).reason is Reason.TOGETHER


def test_keys_are_held_against_what_the_package_writes() -> None:
    lone = Case(VERSION, Mode.KRAFT, {"offsets.commit.required.acks": "2"}, replication_defaults(1), 1024)
    assert "which is 1" in only(lone).problem.expected


def test_a_small_heap_has_no_room_for_many_network_threads() -> None:
    refusal = only(case({"num.network.threads": "129"}, heap=256))
    assert (refusal.reason, refusal.problem.key) == (Reason.MEMORY, "settings.num.network.threads")
    assert judge(case({"num.network.threads": "128"}, heap=256)) == []
    assert judge(case({"num.network.threads": "512"}, heap=1024)) == []


def test_a_heap_has_room_for_what_kafka_holds_by_default() -> None:
    refusal = only(case({}, heap=255))
    assert (refusal.reason, refusal.problem.key, refusal.problem.example) == (Reason.MEMORY, "heap", "heap: 256M")
    assert judge(case({}, heap=256)) == []
    assert judge(case({"log.cleaner.dedupe.buffer.size": "8388608"}, heap=64)) == []


def test_a_key_that_is_wrong_by_itself_is_not_held_against_others() -> None:
    told = [
        refusal.problem.key
        for refusal in refusals(case({"replica.fetch.wait.max.ms": "x", "replica.lag.time.max.ms": "1"}))
    ]
    assert told == ["settings.replica.fetch.wait.max.ms"], "the other may be right once this one is"


def test_all_that_is_wrong_is_told_at_once() -> None:
    wrong = case({"num.io.threads": "0", "log.retention.ms": "0", "compression.type": "x", "a.key": "1"})
    assert {problem.key for problem in judge(wrong)} == {
        "settings.num.io.threads", "settings.log.retention.ms", "settings.compression.type", "settings.a.key",
    }  # fmt: skip


# -- unchecked -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "overrides",
    [
        {"super.users": "User:admin"},
        {"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer"},
        {"num.io.threads": "${file:/etc/threads:n}"},
        {"log.retention.hours": "${file:/etc/threads:n}"},
        {"inter.broker.protocol.version": "0.8.0"},
    ],
    ids=lambda value: next(iter(value)),
)
def test_what_is_named_unchecked_is_taken_as_it_is(overrides: dict[str, str]) -> None:
    assert judge(case(overrides, unchecked=tuple(overrides))) == []


def test_a_name_in_unchecked_that_stands_nowhere_is_told() -> None:
    (problem,) = judge(case({"num.io.threads": "4"}, unchecked=("super.user",)))
    assert (problem.key, problem.got) == ("unchecked[]", "super.user")


def test_a_count_of_replicas_may_be_named_unchecked() -> None:
    assert judge(case({}, unchecked=("offsets.topic.replication.factor",))) == [], (
        "it is judged elsewhere, and stands there"
    )


# -- every key and value ---------------------------------------------------------------------------------------

VALUES = st.text(max_size=5) | st.integers().map(str) | st.floats().map(str) | st.sampled_from(["true", "", "-1", "0"])


@given(st.dictionaries(st.sampled_from(FREE), VALUES, max_size=6), st.sampled_from(Mode))
def test_any_value_is_judged_in_words_that_help(overrides: dict[str, str], mode: Mode) -> None:
    for problem in judge(Case(VERSION, mode, overrides, {}, 1024)):
        assert problem.key.removeprefix("settings.") in overrides
        assert problem.expected
        assert yaml.safe_load(problem.example), "it is a line of the configuration"


def followed(problem: Problem) -> dict[str, str]:
    """The overrides of the example."""
    example = yaml.safe_load(problem.example)
    return {key: str(value) for key, value in example.get("settings", {}).items()}


@pytest.mark.parametrize("key", FREE)
def test_following_the_example_solves_the_problem(key: str) -> None:
    problems = judge(case({key: "no such value"}))
    assert problems or TABLE[key].type in ("string", "password", "list"), "no text is right for any other type"
    for problem in problems:
        assert judge(case(followed(problem))) == []


def test_every_reason_is_told_and_used() -> None:
    assert {Reason.UNKNOWN, Reason.UNSEEN, Reason.SERVICE, Reason.NEGATIVE, Reason.MEMORY, Reason.LIVE} == set(
        Reason
    ) - KAFKA_STOPS
    assert all(len(reason.value) > 40 for reason in Reason), "a sentence for the person who is refused"


def test_a_limit_never_allows_what_kafka_refuses_or_refuses_kafkas_default() -> None:
    for key, limit in LIMITS.items():
        known = TABLE[key]
        if known.least is not None and limit.least is not None:
            assert limit.least >= known.least, f"{key}: Kafka says so itself"
        assert bool(limit.choices) != any(bound is not None for bound in (limit.least, limit.most)), key


@pytest.mark.parametrize(
    ("kind", "text", "read"),
    [("int", "007", 7), ("short", "-32768", -32768), ("long", "9" * 19, None), ("double", ".5", 0.5), ("double", "1d", None),
     ("int", "0x10", None), ("int", "1_000", None), ("double", "1e3", 1000.0)],
)  # fmt: skip
def test_numbers_are_read_as_kafka_reads_them(kind: str, text: str, read: float | None) -> None:
    assert number(kind, text) == read


# -- what a running cluster takes ------------------------------------------------------------------------------


def test_overrides_are_split_by_kafkas_own_classification() -> None:
    overrides = {"num.partitions": "6", "message.max.bytes": "2097152", "ssl.keystore.location": "/x", "a.key": "1"}
    static, live = split(VERSION, overrides)
    assert live == {"message.max.bytes": "2097152"}
    assert static == {"num.partitions": "6", "ssl.keystore.location": "/x", "a.key": "1"}


@pytest.mark.parametrize(
    ("overrides", "live"),
    [
        ({"log.retention.hours": "48"}, {"log.retention.ms": "172800000"}),
        ({"log.retention.hours": "-1"}, {"log.retention.ms": "-1"}),
        ({"log.retention.hours": "48", "log.retention.minutes": "5"}, {"log.retention.ms": "300000"}),
        ({"log.retention.minutes": "5", "log.retention.hours": "48"}, {"log.retention.ms": "300000"}),
        ({"log.retention.ms": "7", "log.retention.hours": "48"}, {"log.retention.ms": "7"}),
        ({"log.roll.hours": "2147483647"}, {"log.roll.ms": "7730941129200000"}),
        ({"log.roll.jitter.hours": "1"}, {"log.roll.jitter.ms": "3600000"}),
        ({"log.flush.scheduler.interval.ms": "5"}, {}),
        ({"metric.reporters": ""}, {}),
        ({"compression.type": " gzip "}, {"compression.type": "gzip"}),
    ],
    ids=lambda value: "+".join(value),
)
def test_a_coarse_key_is_altered_under_its_fine_name(overrides: dict[str, str], live: dict[str, str]) -> None:
    assert split(VERSION, overrides)[1] == live, "the finest that is set decides, as in Kafka"


@pytest.mark.parametrize(
    ("key", "live", "wanted", "alike"),
    [
        ("log.cleaner.io.max.bytes.per.second", "65536.0", "65536", True),
        ("log.cleaner.min.cleanable.ratio", "0.5", "5e-1", True),
        ("num.io.threads", "8", "08", True),
        ("num.io.threads", "8", "9", False),
        ("log.cleanup.policy", "compact,delete", "compact, delete", True),
        ("compression.type", "gzip", "lz4", False),
        ("log.preallocate", "true", "TRUE", True),
    ],
)
def test_spellings_of_one_value_are_the_same(key: str, live: str, wanted: str, alike: bool) -> None:
    assert same(VERSION, key, live, wanted) == alike


def test_what_was_not_judged_is_not_altered_on_a_running_cluster() -> None:
    overrides = {"log.retention.hours": "${file:x}", "message.max.bytes": "${file:y}"}
    assert split(VERSION, overrides, unchecked=tuple(overrides)) == (overrides, {})


@given(st.dictionaries(st.sampled_from(FREE), st.integers(1, 9).map(str)))
def test_nothing_is_lost_by_the_split(overrides: dict[str, str]) -> None:
    static, live = split(VERSION, overrides)
    assert static.items() <= overrides.items()
    assert all(TABLE[key].update is Update.CLUSTER_WIDE for key in live)
    assert len(static) + len(live) <= len(overrides)
    assert bool(overrides) == bool(static or live)


@pytest.mark.parametrize("key", sorted(key for key, known in TABLE.items() if known.update is Update.CLUSTER_WIDE))
def test_what_a_live_key_falls_back_to_is_a_right_value(key: str) -> None:
    assert judge(Case(VERSION, Mode.KRAFT, {key: plain(VERSION, key)}, {}, 1024)) == []


@given(st.integers(1, 512), st.integers(1, 512))
def test_threads_are_doubled_or_halved_at_most(old: int, new: int) -> None:
    path = [old, *steps(old, new)]
    assert path[-1] == new
    assert all(before // 2 <= after <= before * 2 and after != before for before, after in itertools.pairwise(path))
    assert len(path) <= 10, "512 is nine doublings from 1"


def test_steps_need_threads_on_both_ends() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        steps(0, 4)


def test_stepwise_keys_are_live_numbers_of_threads() -> None:
    assert {key for key in STEPWISE if TABLE[key].update is not Update.CLUSTER_WIDE} == set()
