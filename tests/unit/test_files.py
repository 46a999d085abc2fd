"""Which files a node has, who owns them, and a fingerprint that changes with what a process is started with."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from files import text
from model import topology
from model.files import PlannedFile, Texts, fingerprint, node_files
from model.kafka_keys import Mode

from .samples import cluster, dev, runtime, settings


def files(mode: Mode = Mode.KRAFT, number: int = 1, texts: Texts = text, **changes: object) -> tuple[PlannedFile, ...]:
    planned = cluster(3, mode)
    return node_files(planned, planned.nodes[number - 1], runtime(**changes), texts)


def by_path(found: tuple[PlannedFile, ...]) -> dict[str, PlannedFile]:
    return {file.path: file for file in found}


def test_a_kraft_node_has_these_files() -> None:
    assert set(by_path(files())) == {
        "/usr/local/kafka_2.13-3.6.0/config/kraft/server.properties",
        "/etc/systemd/system/kafka.service",
        "/etc/kafka-cluster/kafka.env",
        "/etc/kafka-cluster/mode.env",
        "/etc/kafka-cluster/log4j.properties",
        "/etc/motd.d/kafka-cluster",
    }


def test_a_zookeeper_node_has_its_own_and_none_of_krafts() -> None:
    assert set(by_path(files(Mode.ZOOKEEPER))) == {
        "/usr/local/kafka_2.13-3.6.0/config/server.properties",
        "/usr/local/kafka_2.13-3.6.0/config/zookeeper.properties",
        "/etc/systemd/system/kafka.service",
        "/etc/systemd/system/zookeeper.service",
        "/etc/kafka-cluster/kafka.env",
        "/etc/kafka-cluster/zookeeper.env",
        "/etc/kafka-cluster/mode.env",
        "/etc/kafka-cluster/log4j.properties",
        "/etc/motd.d/kafka-cluster",
    }


@pytest.mark.parametrize("mode", Mode)
def test_no_path_is_written_twice(mode: Mode) -> None:
    found = files(mode)
    assert len(by_path(found)) == len(found), "two contents for one path would fight on every run"


@pytest.mark.parametrize("mode", Mode)
def test_a_service_reads_its_configuration_and_can_not_write_it(mode: Mode) -> None:
    for path, file in by_path(files(mode)).items():
        assert file.owner == "root", f"{path}: a broken-in broker must not change what it is started with"
        assert int(file.mode, 8) & 0o022 == 0, f"{path} is writable for others"
        if path.endswith("server.properties"):
            assert (file.group, file.mode) == ("kafka", "0640"), "it will hold secrets one day"
        elif path.endswith("zookeeper.properties"):
            assert (file.group, file.mode) == ("zookeeper", "0640")
        else:
            assert (file.group, file.mode) == ("root", "0644"), path


@pytest.mark.parametrize(("mode", "folder"), [(Mode.KRAFT, "config/kraft"), (Mode.ZOOKEEPER, "config")])
def test_the_mode_file_names_the_file_that_is_there(mode: Mode, folder: str) -> None:
    found = by_path(files(mode))
    path = f"/usr/local/kafka_2.13-3.6.0/{folder}/server.properties"
    assert found["/etc/kafka-cluster/mode.env"].content == f'KAFKA_CONFIG="{path}"\n'
    assert path in found, "the service would start with a file that nobody writes"


def test_a_files_sum_is_that_of_its_bytes() -> None:
    assert PlannedFile("/x", "abc").sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert PlannedFile("/x", "ä").sha256 == hashlib.sha256(b"\xc3\xa4").hexdigest()


# -- fingerprint -----------------------------------------------------------------------------------------------

CHANGES: dict[str, Callable[[], tuple[PlannedFile, ...]]] = {
    "heap": lambda: files(heap="600M"),
    "an override": lambda: files(overrides={"num.partitions": "6"}),
    "an added override": lambda: files(overrides={"queued.max.requests": "100"}),
    "an override that nobody judged": lambda: files(
        overrides={"log.retention.hours": "48"}, unchecked=("log.retention.hours",)
    ),
    "emulation": lambda: files(emulated=True),
    "a mounted volume": lambda: files(data_is_mounted=False),
    "service logs": lambda: files(texts=lambda name: text(name) + "# more\n"),
    "mode": lambda: files(Mode.ZOOKEEPER),
    "node": lambda: files(number=2),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_fingerprint_changes_with(change: str) -> None:
    assert fingerprint(CHANGES[change]()) != fingerprint(files()), "a node would go on with what it has, unnoticed"


@pytest.mark.parametrize("field", ["path", "content", "owner", "group", "mode"])
@pytest.mark.parametrize("position", range(6))
def test_the_fingerprint_changes_with_every_field_of_every_file(field: str, position: int) -> None:
    found = list(files())
    found[position] = replace(found[position], binding=None)
    told = fingerprint(found)
    found[position] = replace(found[position], **{field: getattr(found[position], field) + "x"})
    assert fingerprint(found) != told
    assert fingerprint(found) != fingerprint(files())


def test_a_setting_that_a_running_cluster_takes_is_written_and_restarts_nothing() -> None:
    changed = files(overrides={"log.retention.hours": "48"})
    assert fingerprint(changed) == fingerprint(files()), "restarting three brokers for it would be for nothing"
    assert any("log.retention.hours=48\n" in file.content for file in changed), "the next start has to read it, too"


def test_the_fingerprint_changes_when_another_node_moves() -> None:
    moved = dev(nodes=[*dev_nodes()[:2], {"name": "kafka-server3", "id": 3, "address": "172.25.254.140"}])
    before, after = (
        node_files(planned, planned.nodes[0], runtime(), text)
        for planned in (topology.plan(dev()), topology.plan(moved))
    )
    assert fingerprint(before) != fingerprint(after), "the voters' addresses stand in every node's file"


def dev_nodes() -> list[dict[str, object]]:
    return [{"name": node.name, "id": node.id, "address": node.address} for node in dev().nodes]


@pytest.mark.parametrize("mode", Mode)
def test_what_is_there_for_people_restarts_nothing(mode: Mode) -> None:
    quiet = {file.path for file in files(mode) if file.binding == ""}
    assert quiet == {"/etc/motd.d/kafka-cluster"}
    assert fingerprint(files(mode, stack="another/one")) == fingerprint(files(mode))
    assert files(mode, stack="another/one") != files(mode)


@given(st.permutations(list(files(Mode.ZOOKEEPER))))
def test_the_order_of_files_changes_nothing(order: list[PlannedFile]) -> None:
    assert fingerprint(order) == fingerprint(files(Mode.ZOOKEEPER)), "no restart for nothing"


def test_the_fingerprint_is_the_same_in_every_run() -> None:
    assert fingerprint([PlannedFile("/a", "b")]) == "471e1528298aecdc", (
        "another value restarts every cluster out there on its next `up`: change this on purpose only"
    )


def test_what_no_process_is_started_with_changes_nothing() -> None:
    for change in ({"memory": 4096}, {"vcpu": 2}, {"protectData": False}, {"dataDisk": 20}):
        planned = topology.plan(settings(3, **change))
        assert fingerprint(node_files(planned, planned.nodes[0], runtime(), text)) == fingerprint(files()), change
