"""The rendered units, as text: `systemd-analyze` is asked on machines (tests/live)."""

import re

import pytest

import files
from model import units
from model.kafka_keys import Mode

from .samples import cluster

Lines = list[tuple[str, str, str]]


def parsed(text: str) -> Lines:
    """(section, key, value) of every line. A line that is none of these is an error."""
    found: Lines = []
    section = ""
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if re.fullmatch(r"\[(Unit|Service|Install)\]", line):
            section = line[1:-1]
            continue
        match = re.fullmatch(r"([A-Z][A-Za-z0-9]*)=(.*)", line)
        assert match, f"systemd would pass over {line!r} with a warning only"
        found.append((section, match[1], match[2]))
    return found


def kafka(mode: Mode = Mode.KRAFT, *, data_is_mounted: bool = True) -> Lines:
    planned = cluster(3, mode)
    return parsed(units.kafka_unit(planned, planned.nodes[1], data_is_mounted=data_is_mounted))


def zookeeper(*, data_is_mounted: bool = True) -> Lines:
    planned = cluster(3, Mode.ZOOKEEPER)
    return parsed(units.zookeeper_unit(planned, planned.nodes[1], data_is_mounted=data_is_mounted))


def values(lines: Lines, key: str) -> list[str]:
    return [value for _, name, value in lines if name == key]


def value(lines: Lines, key: str) -> str:
    (only,) = values(lines, key)
    return only


BOTH = pytest.mark.parametrize("lines", [kafka(), zookeeper()], ids=["kafka", "zookeeper"])

# What each section may hold; a key in the wrong one is passed over by systemd.
UNIT_KEYS = {"Description", "Documentation", "Wants", "After", "Requires", "RequiresMountsFor", "AssertPathIsMountPoint",
             "StartLimitIntervalSec"}  # fmt: skip


@BOTH
def test_keys_stand_in_their_sections(lines: Lines) -> None:
    for section, key, _ in lines:
        expected = "Unit" if key in UNIT_KEYS else "Install" if key == "WantedBy" else "Service"
        assert section == expected, key


@BOTH
def test_a_service_comes_back_and_is_there_after_a_boot(lines: Lines) -> None:
    assert value(lines, "Restart") == "on-failure"
    assert value(lines, "WantedBy") == "multi-user.target"
    assert value(lines, "StartLimitIntervalSec") == "0", "systemd gives up after five failures otherwise"
    assert "network-online.target" in value(lines, "After"), "it binds to the planned address, which must be there"
    assert "network-online.target" in value(lines, "Wants")


@BOTH
def test_a_clean_stop_is_one(lines: Lines) -> None:
    assert value(lines, "SuccessExitStatus") == "143", "Java exits so on SIGTERM"


def test_kafka_is_given_longer_than_a_controlled_shutdown_takes() -> None:
    assert int(value(kafka(), "TimeoutStopSec")) > 300, "a kill instead of a stop ends in a long log recovery"


@BOTH
def test_enough_open_files(lines: Lines) -> None:
    assert int(value(lines, "LimitNOFILE")) >= 100_000


@BOTH
def test_nothing_starts_without_the_data_volume(lines: Lines) -> None:
    assert value(lines, "RequiresMountsFor") == "/var/lib/kafka"
    assert value(lines, "AssertPathIsMountPoint") == "/var/lib/kafka", "it would look like a new and empty node"


def test_data_without_a_volume_needs_no_mount_point() -> None:
    for lines in (kafka(data_is_mounted=False), zookeeper(data_is_mounted=False)):
        assert not values(lines, "AssertPathIsMountPoint")


@pytest.mark.parametrize(("lines", "user"), [(kafka(), "kafka"), (zookeeper(), "zookeeper")])
def test_each_service_has_a_user_of_its_own(lines: Lines, user: str) -> None:
    assert value(lines, "User") == value(lines, "Group") == user


@BOTH
@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"),
        ("ProtectKernelModules", "yes"),
        ("ProtectKernelTunables", "yes"),
        ("ProtectControlGroups", "yes"),
        ("RestrictNamespaces", "yes"),
        ("RestrictSUIDSGID", "yes"),
        ("LockPersonality", "yes"),
        ("SystemCallArchitectures", "native"),
        ("UMask", "0027"),
    ],
)
def test_a_service_is_fenced_in(lines: Lines, key: str, wanted: str) -> None:
    assert value(lines, key) == wanted


@BOTH
@pytest.mark.parametrize("key", ["MemoryDenyWriteExecute", "PrivateNetwork"])
def test_what_java_and_a_server_need_is_left_open(lines: Lines, key: str) -> None:
    assert not values(lines, key)


def test_services_write_to_their_own_folders_only() -> None:
    assert value(kafka(), "ReadWritePaths").split() == ["/var/lib/kafka", "/var/log/kafka"]
    assert value(zookeeper(), "ReadWritePaths").split() == ["/var/lib/kafka/zookeeper"]


def test_kafka_starts_with_what_the_mode_file_names() -> None:
    lines = kafka()
    assert value(lines, "ExecStart") == "/usr/local/kafka_2.13-3.6.0/bin/kafka-server-start.sh ${KAFKA_CONFIG}"
    *planned, found = values(lines, "EnvironmentFile")
    assert planned == ["/etc/kafka-cluster/kafka.env", "/etc/kafka-cluster/mode.env"]
    assert found == "-/usr/local/lib/kafka-cluster/kafka-classes.env", "it has to start on machines without"
    assert kafka(Mode.ZOOKEEPER) == lines, "one unit for both modes, so that two brokers on a machine can't be"


def test_a_process_keeps_the_fingerprint_that_it_was_started_with() -> None:
    lines = kafka()
    assert value(lines, "ExecStartPre") == "/bin/cp /etc/kafka-cluster/fingerprint /run/kafka/fingerprint"
    assert value(lines, "RuntimeDirectory") == "kafka", "systemd takes it away when the process ends"


def test_kafka_waits_for_the_ensemble_where_there_is_one() -> None:
    assert "zookeeper.service" in value(kafka(), "After").split()
    assert not values(kafka(), "Requires"), "a broker outlives a short absence of its ZooKeeper"


def variables(text: str) -> dict[str, str]:
    """An environment file, every line of it as systemd reads it."""
    found = {}
    for line in text.splitlines():
        match = re.fullmatch(r'([A-Z][A-Z0-9_]*)="([^"\\]*)"', line)
        assert match, f"{line!r} needs more reading than a quoted text"
        found[match[1]] = match[2]
    return found


@pytest.mark.parametrize("emulated", [True, False])
def test_the_environment_of_kafka(emulated: bool) -> None:
    found = variables(units.kafka_environment(cluster(), heap="512M", emulated=emulated))
    assert found["KAFKA_HEAP_OPTS"] == "-Xms512M -Xmx512M"
    assert found["KAFKA_LOG4J_OPTS"] == "-Dlog4j.configuration=file:/etc/kafka-cluster/log4j.properties"
    assert ("TieredStopAtLevel" in found["KAFKA_JVM_PERFORMANCE_OPTS"]) is emulated
    assert found["LOG_DIR"] == "/var/log/kafka"


def environment(service: str, *, emulated: bool = False) -> str:
    if service == "kafka":
        return units.kafka_environment(cluster(), heap="1G", emulated=emulated)
    return units.zookeeper_environment(cluster(3, Mode.ZOOKEEPER), emulated=emulated)


@pytest.mark.parametrize("service", ["kafka", "zookeeper"])
@pytest.mark.parametrize("emulated", [True, False])
def test_a_process_without_memory_ends_and_is_started_again(service: str, emulated: bool) -> None:
    found = variables(environment(service, emulated=emulated))["KAFKA_JVM_PERFORMANCE_OPTS"]
    assert "-XX:+ExitOnOutOfMemoryError" in found.split(), "systemd doesn't see that one which lives on is lame"
    unit = kafka() if service == "kafka" else zookeeper()
    assert (value(unit, "Restart"), value(unit, "SuccessExitStatus")) == ("on-failure", "143"), "Java ends with 3 then"


@pytest.mark.parametrize("service", ["kafka", "zookeeper"])
def test_no_port_is_opened_beside_the_plan(service: str) -> None:
    found = variables(environment(service))
    assert found["KAFKA_JMX_OPTS"], "empty, the launcher sets its own, and that listens on all addresses"
    assert "jmxremote" not in found["KAFKA_JMX_OPTS"]
    assert "JMX_PORT" not in found


@pytest.mark.parametrize("service", ["kafka", "zookeeper"])
def test_logs_lie_off_the_data_volume(service: str) -> None:
    text = environment(service)
    found = variables(text)
    assert found["LOG_DIR"] == f"/var/log/{service}"
    assert f"file=/var/log/{service}/gc.log" in found["KAFKA_GC_LOG_OPTS"]
    assert "/var/lib/kafka" not in text


def test_zookeeper_may_write_its_logs() -> None:
    assert value(zookeeper(), "LogsDirectory") == "zookeeper"


def test_service_logs_are_capped() -> None:
    log4j = files.text("log4j.properties")
    assert "RollingFileAppender" in log4j
    assert re.search(r"MaxFileSize=\d+MB", log4j), "a log without a limit fills the disk one day"
    assert re.search(r"MaxBackupIndex=\d+", log4j)
    assert "${kafka.logs.dir}/server.log" in log4j, "that is the log that `up` shows when a node does not start"
