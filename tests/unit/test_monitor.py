"""The machine that watches: refused where it could hurt, told everything that it needs, unknown to every broker."""

from typing import Any

import pytest
import yaml

import files
from model import fitness, monitor, page, stages, topology
from model.errors import ConfigurationError
from model.files import fingerprint, node_files
from model.fitness import Token
from model.kafka_keys import Mode
from model.metrics import MonitorSettings
from model.settings import Settings

from .samples import runtime, settings
from .stage_machine import Machine
from .test_fitness import account

ADDRESS = "172.25.254.140"
STACK = "kafka-cluster/dev"


def told(mode: Mode = Mode.KRAFT, **changes: Any) -> Settings:
    watched = {"address": ADDRESS, **changes}
    return settings(3, mode=mode, metrics={"enabled": True, "monitor": watched})


def watched(mode: Mode = Mode.KRAFT) -> tuple[MonitorSettings, dict[str, Any]]:
    wanted = told(mode)
    assert wanted.metrics.monitor
    plan = monitor.watching(
        topology.plan(wanted),
        wanted.metrics.monitor,
        stack=STACK,
        login="admin",
        upload=stages.Upload("up/prometheus", "7" * 128),
        reapply="",
        texts=files.text,
    )
    return wanted.metrics.monitor, plan


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"address": "172.25.254.131"},
            "metrics.monitor.address: got '172.25.254.131'; expected an address that no node",
        ),
        ({"address": "10.0.0.1"}, "metrics.monitor.address: got '10.0.0.1'; expected an address inside networkCidr"),
        ({"address": "here"}, "metrics.monitor.address: got 'here'; expected an IPv4 address"),
        ({"name": "n1"}, "metrics.monitor.name: got 'n1'; expected a host name that no node has"),
        ({"name": "Monitor"}, "metrics.monitor.name: got 'Monitor'"),
        ({"webPort": 80}, "metrics.monitor.webPort: got 80"),
        ({"memory": 128}, "metrics.monitor.memory: got 128"),
        ({"webport": 9090}, "metrics.monitor.webport: got 9090; expected one of the keys address, hostKey"),
    ],
)
def test_what_cannot_watch_is_refused_at_the_door(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        told(**changes)
    assert words in str(refusal.value)


def test_who_watches_needs_what_is_told() -> None:
    with pytest.raises(ConfigurationError, match="metrics.enabled: got False; expected true"):
        settings(3, metrics={"monitor": {"address": ADDRESS}})


def test_a_machine_that_exists_needs_a_login() -> None:
    login = {"privateKeyFile": "~/.ssh/id_ed25519", "hostKey": "ssh-ed25519 AAAA"}
    nodes = [{"name": "n1", "id": 1, "address": "10.0.0.1", **login}]
    with pytest.raises(ConfigurationError) as refusal:
        settings(nodes=nodes, platform="hosts", metrics={"enabled": True, "monitor": {"address": "10.0.0.9"}})
    assert {problem.key for problem in refusal.value.problems} == {
        "metrics.monitor.privateKeyFile",
        "metrics.monitor.hostKey",
    }


@pytest.mark.parametrize("mode", Mode)
def test_no_broker_knows_of_it(mode: Mode) -> None:
    plans = [topology.plan(settings(3, mode=mode, metrics={"enabled": True})), topology.plan(told(mode))]
    prints = {fingerprint(node_files(plan, plan.nodes[0], runtime(), files.text)) for plan in plans}
    assert len(prints) == 1, "a machine that only watches is worth no restart"


@pytest.mark.parametrize("mode", Mode)
def test_it_is_told_whom_to_ask_and_what_to_say(mode: Mode) -> None:
    _, plan = watched(mode)
    contents = {file["path"]: file["content"] for file in plan["files"]}
    config = yaml.safe_load(contents["/etc/kafka-cluster/monitor/prometheus.yml"])
    asked = [target for job in config["scrape_configs"] for each in job["static_configs"] for target in each["targets"]]
    cluster = topology.plan(told(mode))
    assert sorted(asked) == sorted(f"{n.address}:{port}" for n in cluster.nodes for port in cluster.metrics_ports())
    assert config["global"]["external_labels"] == {"cluster": STACK}
    assert contents["/etc/kafka-cluster/monitor/alerts.yaml"] == files.text("monitoring/alerts.yaml")
    unit = contents["/etc/systemd/system/kafka-monitor.service"]
    for option in (
        "--config.file=/etc/kafka-cluster/monitor/prometheus.yml",
        "--web.console.templates=/etc/kafka-cluster/monitor/consoles",
        f"--web.listen-address={ADDRESS}:9090",
    ):
        assert option in unit
    assert "/etc/kafka-cluster/monitor/consoles/kafka.html" in contents


def test_the_stage_ends_in_a_start(machine: Machine) -> None:
    _, plan = watched()
    here = {**plan, "pieces": [], "files": [{**f, "path": str(machine.path(f["path"]))} for f in plan["files"]]}
    machine.load("pieces", "watching")["main"](here)
    assert [call[-1] for call in machine.ran("systemctl")] == [
        stages.MONITOR_UNIT,
        "daemon-reload",
        stages.MONITOR_UNIT,
    ]
    assert machine.ran("systemctl")[-1][1] == "restart", (
        "what was cut off after the files must not go on with the old ones"
    )
    assert machine.path("/etc/kafka-cluster/monitor/alerts.yaml").is_file()


def test_the_stacks_page_says_where_it_is() -> None:
    wanted = told(webPort=9191)
    assert f"<http://{ADDRESS}:9191/consoles/kafka.html>" in page.text(wanted, topology.plan(wanted), STACK)
    assert "consoles" not in page.text(settings(3), topology.plan(settings(3)), STACK)


def test_a_machine_is_fit_or_told_why_not() -> None:
    needs = monitor.needs(watched()[0], STACK)
    fine = {"addresses": [ADDRESS]}
    assert fitness.refusals(needs, account(**fine)) == []
    taken = {"address": ADDRESS, "port": 9090, "process": "cockpit (pid 7)", "unit": ""}
    assert "found port 9090 taken by cockpit" in fitness.refusals(needs, account(**fine, listeners=[taken]))[0]
    ours = {**taken, "unit": stages.MONITOR_UNIT}
    mine = Token(stack=STACK, node_id=0)
    assert fitness.refusals(needs, account(**fine, listeners=[ours], claim=mine)) == []
    (line,) = fitness.refusals(needs, account(**fine, claim=Token(stack=STACK, node_id=1)))
    assert f"belongs to node 1 of stack {STACK}, expected the monitor of stack {STACK} or nobody" in line
    (line,) = fitness.refusals(needs, account(**fine, memory_mib=128))
    assert line == "kafka-monitor: found 128 MiB of memory, expected at least 384 for Prometheus and the system; " + (
        "take a larger machine"
    )


def test_what_is_given_back_is_what_was_brought() -> None:
    watching, plan = watched()
    removed = monitor.removed(topology.plan(told()), watching, STACK)
    left = [
        file["path"]
        for file in [*plan["files"], *plan["pieces"]]
        if not file["path"].startswith((*removed["paths"], "/etc/kafka-cluster/", "/etc/systemd/system/kafka-monitor"))
    ]
    assert left == []
    assert {"/var/lib/kafka-monitor", "/var/lib/private/kafka-monitor"} <= set(removed["paths"]), (
        "what it saw goes, too"
    )
    assert removed["services"] == [stages.MONITOR_UNIT]
    assert removed["users"] == []
    assert not removed["hosts"]
