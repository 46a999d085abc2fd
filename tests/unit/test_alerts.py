"""Every alert fires of the thing that it is there for, and of nothing else; the dashboard asks for what is told."""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

import files
from archives import metrics
from computer import places
from model import prometheus_config, topology
from model.kafka_keys import Mode, Role
from toolchain import doc_tables

from .samples import ROOT, nodes, settings

RULES = ROOT / "files/monitoring/alerts.yaml"
ALERTS = {rule["alert"]: rule for rule in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]}
MINUTES = 30

# Every series of a cluster that is well, in both modes at once. `_` is a value that was not told.
WELL = {
    'up{job="kafka", node="n1", roles="broker,controller"}': "1",
    'up{job="kafka", node="n3", roles="controller"}': "1",
    'up{job="zookeeper", node="n1"}': "1",
    'up{job="zookeeper", node="n2"}': "1",
    'up{job="node", node="n1"}': "1",
    'kafka_controller_activecontroller{node="n1"}': "1",
    'kafka_controller_activecontroller{node="n2"}': "0",
    'kafka_controller_offlinepartitions{node="n1"}': "0",
    'kafka_controller_unclean_elections_total{node="n1"}': "4",
    'kafka_replicas_underreplicatedpartitions{node="n1"}': "0",
    'kafka_replicas_underreplicatedpartitions{node="n2"}': "0",
    'kafka_replicas_underminisrpartitioncount{node="n1"}': "0",
    'kafka_replicas_atminisrpartitioncount{node="n1"}': "0",
    # As many replicas as the topic's minimum, and all of them there.
    'kafka_replicas_atminisrpartitioncount{node="n2"}': "50",
    'kafka_replicas_offlinereplicacount{node="n1"}': "0",
    'kafka_quorum_current_leader{node="n1"}': "1",
    'zookeeper_outstandingrequests{node="n1", state="Leader"}': "0",
    'node_filesystem_avail_bytes{node="n1", mountpoint="/var/lib/kafka"}': "50",
    'node_filesystem_size_bytes{node="n1", mountpoint="/var/lib/kafka"}': "100",
    'node_time_seconds{node="n1"}': "0+60x30",
}
# What is otherwise when an alert has to fire: the values from the first minute on.
WRONG: dict[str, dict[str, str]] = {
    "KafkaBrokerDown": {'up{job="kafka", node="n1", roles="broker,controller"}': "0"},
    "KafkaControllerDown": {'up{job="kafka", node="n3", roles="controller"}': "0"},
    "KafkaActiveControllers": {'kafka_controller_activecontroller{node="n2"}': "1"},
    "KafkaOfflinePartitions": {'kafka_controller_offlinepartitions{node="n1"}': "2"},
    "KafkaUnderReplicatedPartitions": {'kafka_replicas_underreplicatedpartitions{node="n1"}': "3"},
    "KafkaUnderMinIsrPartitions": {'kafka_replicas_underminisrpartitioncount{node="n1"}': "3"},
    "KafkaAtMinIsrPartitions": {
        'kafka_replicas_atminisrpartitioncount{node="n1"}': "3",
        'kafka_replicas_underreplicatedpartitions{node="n1"}': "3",
    },
    "KafkaOfflineReplicas": {'kafka_replicas_offlinereplicacount{node="n1"}': "1"},
    "KafkaUncleanElections": {'kafka_controller_unclean_elections_total{node="n1"}': "0+1x30"},
    "KafkaQuorumWithoutLeader": {'kafka_quorum_current_leader{node="n1"}': "-1"},
    "ZooKeeperDown": {'up{job="zookeeper", node="n2"}': "0"},
    "ZooKeeperWithoutQuorum": {'zookeeper_outstandingrequests{node="n1", state="Leader"}': "_x30"},
    "KafkaDiskFilling": {'node_filesystem_avail_bytes{node="n1", mountpoint="/var/lib/kafka"}': "5"},
    "KafkaNodeDown": {'up{job="node", node="n1"}': "0"},
    "KafkaClockOff": {'node_time_seconds{node="n1"}': "7+60x30"},
}
# What can't be wrong alone.
WITH_IT = {"KafkaAtMinIsrPartitions": {"KafkaUnderReplicatedPartitions"}}


@pytest.fixture(scope="module")
def promtool() -> str:
    found = metrics.promtool()
    if found is None:
        pytest.skip("promtool is not there: python3 toolchain/setup.py metrics")
    return str(found)


def steady(values: str) -> str:
    """As promtool reads a series: one value for as long as we look, where there is only one."""
    return values if "x" in values else f"{values}+0x{MINUTES}"


def judged(promtool: str, folder: Path, series: dict[str, str], expected: Iterable[str]) -> str:
    """What promtool says when it expects these alerts, each as often as it is named, and no others to fire."""
    firing = 'count by (alertname) (ALERTS{alertstate="firing"})'
    case = {
        "interval": "1m",
        "input_series": [{"series": name, "values": steady(values)} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": firing,
                "eval_time": "20m",
                "exp_samples": [
                    {"labels": f'{{alertname="{name}"}}', "value": times} for name, times in Counter(expected).items()
                ],
            }
        ],
    }
    test = folder / "test.yaml"
    test.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [case]}))
    done = subprocess.run([promtool, "test", "rules", str(test)], capture_output=True, text=True)
    return "" if done.returncode == 0 else f"{done.stdout}{done.stderr}"


def test_every_alert_is_tried() -> None:
    assert set(WRONG) == set(ALERTS), "an alert that was never seen to fire is none"


def test_none_fires_of_a_cluster_that_is_well(promtool: str, tmp_path: Path) -> None:
    assert judged(promtool, tmp_path, WELL, set()) == ""


@pytest.mark.parametrize("alert", WRONG)
def test_it_fires_of_its_own_thing_and_of_nothing_else(promtool: str, tmp_path: Path, alert: str) -> None:
    assert set(WRONG[alert]) <= set(WELL)
    assert judged(promtool, tmp_path, {**WELL, **WRONG[alert]}, {alert} | WITH_IT.get(alert, set())) == ""


def test_no_controller_at_all_is_an_alert_too(promtool: str, tmp_path: Path) -> None:
    series = {**WELL, 'kafka_controller_activecontroller{node="n1"}': "0"}
    assert judged(promtool, tmp_path, series, {"KafkaActiveControllers"}) == ""


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (Mode.KRAFT, ["KafkaBrokerDown", "KafkaControllerDown", "KafkaBrokerDown"]),
        (Mode.ZOOKEEPER, ["KafkaBrokerDown"] * 3),
    ],
)
def test_every_role_has_its_alert(promtool: str, tmp_path: Path, mode: Mode, expected: list[str]) -> None:
    roles = (Role.BROKER, Role.CONTROLLER, Role.BROKER)
    entries = [{**node, "roles": [each]} for node, each in zip(nodes(3), roles, strict=True)]
    plan = topology.plan(settings(mode=mode, nodes=entries, metrics={"enabled": True}))
    jobs = yaml.safe_load(prometheus_config.prometheus(plan, "kafka-cluster/dev") or "")["scrape_configs"]
    labels = [target["labels"] for job in jobs if job["job_name"] == "kafka" for target in job["static_configs"]]
    series = {f'up{{job="kafka", node="{each["node"]}", roles="{each["roles"]}"}}': "0" for each in labels}
    assert judged(promtool, tmp_path, series, expected) == ""


@pytest.mark.parametrize("alert", ALERTS)
def test_it_names_its_remedy_and_the_page_has_it(alert: str) -> None:
    assert ALERTS[alert]["annotations"]["remedy"]
    page = (places.CHECKOUT / "docs/how-to/watch-metrics.md").read_text(encoding="utf-8")
    assert f"| `{alert}` |" in page, "write the tables anew: python -m toolchain.doc_tables"


@pytest.mark.parametrize("alert", ["KafkaBrokerDown", "KafkaControllerDown", "ZooKeeperDown", "KafkaNodeDown"])
def test_what_was_stopped_is_started_by_what_starts_everything(alert: str) -> None:
    remedy = ALERTS[alert]["annotations"]["remedy"]
    assert 'pulumi config set reapply "$(date +%FT%T)"' in remedy, "no other verb starts node_exporter"


@pytest.mark.parametrize("alert", ALERTS)
def test_a_tool_of_kafka_is_told_whom_to_ask(alert: str) -> None:
    remedy = ALERTS[alert]["annotations"]["remedy"]
    for tool in re.findall(r"kafka-[a-z-]+\.sh [^`]*", remedy):
        assert '--bootstrap-server "$(pulumi stack output bootstrap_servers)"' in tool, "it fails as it is typed"


def told() -> set[str]:
    """The names that nodes tell, as far as our own rules decide them."""
    rules = yaml.safe_load(files.text("monitoring/agent.yaml"))["rules"]
    names = set()
    for rule in rules:
        choices = re.search(r"\(([\w|-]+)\)", rule["pattern"]) if "$" in rule["name"] else None
        spelled = choices[1].split("|") if choices else ["OutstandingRequests"]
        names |= {re.sub(r"\$\d", each, rule["name"]).lower().replace("-", "_") for each in spelled}
    return names


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files.text("monitoring/dashboard.json"))
    return found


@pytest.mark.parametrize("where", ["alerts", "dashboard"])
def test_nothing_is_asked_for_that_nobody_tells(where: str) -> None:
    tiles = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    asked = " ".join(tiles if where == "dashboard" else [rule["expr"] for rule in ALERTS.values()])
    ours = set(re.findall(r"\b(?:kafka|zookeeper)_\w+", asked))
    assert ours
    assert ours <= told(), "a chart of a number that is not told stays empty for ever"


def test_the_dashboard_begins_with_the_eight_numbers(promtool: str, tmp_path: Path) -> None:
    panels = dashboard()["panels"]
    assert [panel["type"] for panel in panels[:9]] == ["stat"] * 8 + ["timeseries"]
    exprs = [target["expr"] for panel in panels for target in panel["targets"]]
    rules = [{"record": f"r{number}", "expr": expr} for number, expr in enumerate(exprs)]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    done = subprocess.run([promtool, "check", "rules", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_page_shows_what_the_dashboard_shows() -> None:
    page = files.text("monitoring/consoles/kafka.html")
    charts = [panel for panel in dashboard()["panels"] if panel["type"] == "timeseries"]
    shown = re.findall(r"<figure data-unit=\"(\w+)\" data-expr='([^']+)'><figcaption>([^<]+)<", page)
    assert shown == [(p["fieldConfig"]["defaults"]["unit"], p["targets"][0]["expr"], p["title"]) for p in charts]
    tiles = [(panel["title"], panel["targets"][0]["expr"]) for panel in dashboard()["panels"][:8]]
    numbers = re.findall(r'"number" \(args "\w+" "([^"]+)" ("(?:[^"\\]|\\.)*")', page)
    asked = [(title, json.loads(expr)) for title, expr in numbers]
    # Grafana tells brokers by their share, the page by their number.
    assert [(title.partition(" (")[0], expr.partition(" / ")[0]) for title, expr in tiles] == asked


def test_the_dashboard_judges_by_colour_what_it_can_judge_as_the_page_does() -> None:
    page = files.text("monitoring/consoles/kafka.html")
    literal = r'"(?:[^"\\]|\\.)*"'
    wells = [
        json.loads(well) for well in re.findall(rf'"number" \(args {literal} {literal} {literal} ({literal})', page)
    ]
    for well, panel in zip(wells, dashboard()["panels"][:8], strict=True):
        colours = {step["color"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]}
        # Grafana colours a tile by its own number: where what is well is another number each time, it can't tell.
        by_itself = well.startswith("vector(") or " / " in panel["targets"][0]["expr"]
        assert colours == ({"green", "red"} if by_itself else {"blue"}), panel["title"]


@pytest.mark.parametrize("mode", Mode)
def test_prometheus_takes_its_configuration(promtool: str, tmp_path: Path, mode: Mode) -> None:
    text = prometheus_config.prometheus(
        topology.plan(settings(3, mode=mode, metrics={"enabled": True})), "kafka-cluster/dev"
    )
    assert text
    (tmp_path / "prometheus.yml").write_text(text)
    (tmp_path / "alerts.yaml").write_text(RULES.read_text())
    done = subprocess.run(
        [promtool, "check", "config", str(tmp_path / "prometheus.yml")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    jobs = {job["job_name"]: job["static_configs"] for job in yaml.safe_load(text)["scrape_configs"]}
    assert set(jobs) == {"kafka", "node"} | ({"zookeeper"} if mode is Mode.ZOOKEEPER else set())
    assert [target["targets"] for target in jobs["kafka"]] == [[f"172.25.254.13{number}:7071"] for number in (1, 2, 3)]


def test_where_nothing_is_told_nobody_is_asked() -> None:
    assert prometheus_config.prometheus(topology.plan(settings(3)), "kafka-cluster/dev") is None, (
        "so there is no such output"
    )


def test_the_table_is_generated() -> None:
    assert "alerts" in doc_tables.TABLES
