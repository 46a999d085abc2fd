"""Metrics: off unless asked for, on ports of their own, and never worth a broker."""

import hashlib
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import files
from model import page, prometheus_config, topology
from model.errors import ConfigurationError
from model.files import fingerprint, node_files
from model.kafka_keys import Mode
from model.topology import Cluster

from .samples import ROOT, nodes, runtime, settings

ON = {"enabled": True}


def cluster(mode: Mode = Mode.KRAFT, **metrics: Any) -> Cluster:
    return topology.plan(settings(3, mode=mode, metrics=metrics or ON))


def contents(planned: Cluster) -> dict[str, str]:
    return {file.path: file.content for file in node_files(planned, planned.nodes[0], runtime(), files.text)}


def test_they_are_off_unless_asked_for() -> None:
    for spelled in ({}, {"enabled": False}, {"enabled": False, "kafkaPort": 7777}):
        planned = cluster(**spelled) if spelled else topology.plan(settings(3))
        assert planned == topology.plan(settings(3)), "what is off changes nothing, so it restarts nothing"
        assert not [path for path in contents(planned) if "metrics" in path or "exporter" in path]


@pytest.mark.parametrize(("mode", "ports"), [(Mode.KRAFT, (7071, 9100)), (Mode.ZOOKEEPER, (7071, 7072, 9100))])
def test_each_process_has_a_port_of_its_own(mode: Mode, ports: tuple[int, ...]) -> None:
    planned = cluster(mode)
    assert planned.metrics_ports() == ports
    assert set(ports) <= set(planned.ports(planned.nodes[0])), "the machines' checks and live tests look for them there"


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        ({"kafkaPort": 9092}, "metrics.kafkaPort: got 9092; expected a port of its own, as 9092 is for clients"),
        ({"zookeeperPort": 7071}, "as 7071 is for metrics.kafkaPort"),
        ({"nodePort": 2181}, "as 2181 is for ZooKeeper's clients"),
        ({"nodePort": 80}, "metrics.nodePort: got 80"),
        ({"kafkaport": 7071}, "one of the keys enabled, kafkaPort, monitor, nodePort, zookeeperPort"),
        ({"enabled": "perhaps"}, "metrics.enabled: got 'perhaps'"),
    ],
)
def test_a_port_that_is_taken_is_refused_at_the_door(metrics: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        settings(3, metrics={**ON, **metrics})
    assert told in str(refusal.value)


@pytest.mark.parametrize("mode", Mode)
def test_a_change_restarts(mode: Mode) -> None:
    off = topology.plan(settings(3, mode=mode))
    kinds = [off, cluster(mode), cluster(mode, enabled=True, kafkaPort=7171)]
    prints = {fingerprint(node_files(each, each.nodes[0], runtime(), files.text)) for each in kinds}
    assert len(prints) == 3, "a process takes its agent when it starts"


def test_all_is_told_at_the_planned_address_only() -> None:
    found = contents(cluster(Mode.ZOOKEEPER))
    for unit, port in (("kafka", 7071), ("zookeeper", 7072), ("kafka-node-exporter", 9100)):
        text = found[f"/etc/systemd/system/{unit}.service"]
        assert "172.25.254.131" in text, "a listener without an address would be open to every network"
        assert str(port) in text
    assert "--web.listen-address=172.25.254.131:9100" in found["/etc/systemd/system/kafka-node-exporter.service"]


def test_who_tells_of_the_machine_may_look_at_it() -> None:
    found = contents(cluster())
    assert "ProcSubset=pid" in found["/etc/systemd/system/kafka.service"]
    exporter = found["/etc/systemd/system/kafka-node-exporter.service"]
    assert "ProtectSystem=strict" in exporter
    assert "ProcSubset" not in exporter, "it would tell nothing of memory, load and network"


def test_a_broker_does_not_need_its_agent() -> None:
    unit = contents(cluster())["/etc/systemd/system/kafka.service"]
    assert "ExecStartPre=-/usr/local/lib/kafka-cluster/agent-option" in unit, "its failure must not be the broker's"
    assert "EnvironmentFile=-/run/kafka/agent.env" in unit


@pytest.mark.parametrize("obstacle", ["nothing", "no jar", "port taken"])
def test_the_agent_is_left_out_where_it_could_not_work(obstacle: str, tmp_path: Path) -> None:
    jar, rules, target = (tmp_path / name for name in ("agent.jar", "rules.yaml", "agent.env"))
    rules.touch()
    if obstacle != "no jar":
        jar.touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        if obstacle != "port taken":
            taken.close()
        program = ROOT / "files/monitoring/agent_option.py"
        command = [sys.executable, str(program), str(jar), "127.0.0.1", str(port), str(rules), str(target)]
        done = subprocess.run(command, capture_output=True, text=True)
    option = f"-javaagent:{jar}=127.0.0.1:{port}:{rules}" if obstacle == "nothing" else ""
    assert target.read_text() == f'KAFKA_OPTS="{option}"\n'
    assert (done.stderr == "") is (obstacle == "nothing"), "whoever misses the metrics reads why in the journal"


def test_the_agents_rules_are_yaml_with_a_whitelist() -> None:
    rules = yaml.safe_load(files.text("monitoring/agent.yaml"))
    assert rules["includeObjectNames"], "without it every bean is asked at every scrape"
    assert all({"pattern", "name", "type"} <= set(rule) for rule in rules["rules"])


@pytest.mark.parametrize(
    ("mode", "roles", "factor"),
    [
        ("kraft", ["broker", "controller"], 0.5),
        ("kraft", ["broker"], None),
        ("zookeeper", ["broker", "controller"], None),
    ],
)
def test_two_groups_of_request_handlers_are_not_idle_twice(mode: str, roles: list[str], factor: float | None) -> None:
    others = ["broker", "controller"] if "controller" in roles else ["controller"]
    listed = [
        {**node, "roles": roles if node["id"] == 1 else others} for node in nodes(4 if roles == ["broker"] else 3)
    ]
    planned = topology.plan(settings(nodes=listed, mode=mode, metrics=ON))
    shared = files.text("monitoring/agent.yaml")
    told = yaml.safe_load(prometheus_config.agent_rules(shared, planned, planned.nodes[0]))
    (idle,) = (rule for rule in told["rules"] if rule["name"] == prometheus_config.IDLE)
    assert idle.pop("valueFactor", None) == factor, "a combined node's number goes up to 2"
    assert told == yaml.safe_load(shared), "nothing else is told otherwise"


def test_the_pinned_agent_is_the_one_that_is_named_everywhere() -> None:
    from archives import metrics
    from model.paths import Paths

    assert Paths.metrics_agent.endswith(f"/{metrics.AGENT}")
    assert Paths.node_exporter.endswith(f"/{metrics.NODE_EXPORTER}")
    assert len(bytes.fromhex(metrics.AGENT_SHA512)) == hashlib.sha512().digest_size


def test_the_page_lists_the_ports() -> None:
    told = settings(3, metrics=ON)
    text = page.text(told, topology.plan(told), "kafka-cluster/dev")
    assert "| n1 | `172.25.254.131:7071` | Prometheus (Kafka's metrics) |" in text


@pytest.mark.parametrize("content", [b"", b"another jar"])
def test_an_agent_that_is_not_the_pinned_one_is_not_used(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archives import metrics

    monkeypatch.setenv("KAFKA_CLUSTER_CACHE", str(tmp_path))
    assert metrics.cached() is None, "nothing was fetched yet"
    (tmp_path / "metrics").mkdir()
    for name in (metrics.AGENT, metrics.NODE_EXPORTER):
        (tmp_path / "metrics" / name).write_bytes(content)
    assert metrics.cached() is None
    monkeypatch.setattr(metrics, "AGENT_SHA512", hashlib.sha512(content).hexdigest())
    found = metrics.cached()
    assert found is not None
    assert [piece.path.name for piece in found] == [metrics.AGENT, metrics.NODE_EXPORTER]


def test_what_was_not_fetched_is_asked_for_before_anything_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    from archives import metrics
    from model.errors import Problem
    from operations import preflight

    monkeypatch.setattr(metrics, "cached", lambda: None)
    problems: list[Problem] = []
    assert preflight._pieces(settings(3, metrics=ON), problems) == ()
    assert "make up" in str(problems[0])
    assert preflight._pieces(settings(3), []) == (), "nobody who does not want them needs them"
