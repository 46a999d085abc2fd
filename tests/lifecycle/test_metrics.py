"""Metrics that are turned on, asked for, carried over a switch of modes, and turned off again, on a running cluster.

The tests of this file are one story and run in its order, on machines, a state and a stack of their own.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from computer.waiting import wait_for
from tests.support import browser, machines
from tests.support.look import look
from tests.support.machines import Ground, ground
from tests.support.operate import drift, status, wait_until_whole
from tests.support.stack import PulumiFailed
from tests.support.watcher import PAGE, Watcher, watching

pytestmark = pytest.mark.lifecycle

CHECKS = (
    "test_node_tells_its_metrics",
    "test_metrics_agree_with_the_cluster",
    "test_planned_ports_listen_on_the_planned_address_only",
    "test_no_port_is_open_beside_the_plan",
    "test_services_are_enabled_and_active",
    "test_service_is_fenced_in",
)
WHOLE_SECONDS = 120
NODE, MONITOR = "kafka-server3", "kafka-server4"
# The machines share disk and clock with the computer that the test runs on.
OF_THE_COMPUTER = {"KafkaDiskFilling", "KafkaClockOff"}
ALERT_SECONDS = 60.0
EXPORTER = "kafka-node-exporter.service"
PROGRAM = "/usr/local/lib/kafka-cluster/prometheus-node-exporter"
TOPIC = {"name": "watched", "partitions": 6, "replicationFactor": 3, "settings": {"min.insync.replicas": 2}}
NUMBER = re.compile(r'<li class="(\w+)">\s*<h2>[^<]*</h2>\s*<output id="(\w+)">([^<]*)<')
CHARTS = 12
# A monitor asks every 15 s, and takes what it knows for true for a minute.
AGREE_SECONDS = 90.0
CONFIG = {"heap": "256M", "topics": [TOPIC]}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Three machines with a running cluster that tells nothing, and a fourth one."""
    with ground(f"metrics-{os.getpid()}", tmp_path_factory.mktemp("stack"), count=4, config=CONFIG) as made:
        made.stack.configure(nodes=made.stack.config()["nodes"][:3])
        made.stack.up()
        yield made


def all_is_told(ours: Ground) -> None:
    endings = look(ours.stack, ours.stack.project, CHECKS)
    assert {check.partition("[")[0] for check in endings} >= set(CHECKS)
    bad = {check: ending.words for check, ending in endings.items() if ending.outcome != "passed"}
    assert not bad, "\n".join(f"{check}: {words}" for check, words in bad.items())


def on(ours: Ground, command: str) -> str:
    return machines.on(ours, NODE, command).strip()


def test_they_are_turned_on_on_a_running_cluster(ours: Ground) -> None:
    before = on(ours, "systemctl show --value -p MainPID kafka")
    ours.stack.configure(metrics={"enabled": True})
    ours.stack.up()
    assert on(ours, "systemctl show --value -p MainPID kafka") != before, "an agent comes with the process"
    all_is_told(ours)
    ours.stack.up("--expect-no-changes")


def test_what_somebody_did_to_them_is_told_and_put_right(ours: Ground) -> None:
    before = on(ours, "systemctl show --value -p MainPID kafka")
    on(ours, f"sudo rm {PROGRAM} && sudo systemctl stop {EXPORTER}")
    code, said = drift(ours.stack)
    assert code == 1
    assert f"{NODE}: {PROGRAM}: found nothing, planned SHA-512" in said
    assert f"{NODE}: {EXPORTER} ActiveState: found inactive, planned active" in said
    ours.stack.configure(reapply="1")
    assert f"{EXPORTER} was down; it is started" in ours.stack.up()
    code, said = drift(ours.stack)
    assert code == 0, said
    assert on(ours, "systemctl show --value -p MainPID kafka") == before, "Kafka is well and must not be restarted"


def take_port(ours: Ground, unit: str, port: int) -> None:
    """A service finds its port taken when it starts."""
    address = ours.machines.machine(NODE).address
    thief = f"python3 -m http.server {port} --bind {address}"
    on(ours, f"sudo systemctl stop {unit} && sudo systemd-run --quiet --collect --unit=thief {thief}")
    wait_for("the port taken", lambda: listens(ours, port), 20.0, lambda: "")
    on(ours, f"sudo systemctl start {unit}")


def listens(ours: Ground, port: int) -> bool:
    return str(port) in on(ours, f"ss -Hltn src {ours.machines.machine(NODE).address}:{port}")


def test_a_machine_whose_port_is_taken_is_told_and_is_no_fault_of_the_cluster(ours: Ground) -> None:
    before = on(ours, "systemctl show --value -p MainPID kafka")
    take_port(ours, EXPORTER, 9100)
    found: dict[str, Any] = {}

    def told() -> bool:
        found.update(status(ours.stack))
        words = f"{NODE}: {EXPORTER} is activating and tells no metrics; its port may be taken"
        return found["exit_status"] == 0 and any(each.startswith(words) for each in found["warnings"])

    # Every broker is well: `make up` and `make machines` go by this exit status and must not fail of it.
    wait_for("a healthy status that tells of the taken port", told, WHOLE_SECONDS, lambda: f"{found}")
    assert "address already in use" in on(ours, f"sudo journalctl --unit {EXPORTER} --output cat"), "as the words say"
    on(ours, "sudo systemctl stop thief")
    wait_for("it to listen by itself", lambda: listens(ours, 9100), 20.0, lambda: "")
    assert on(ours, "systemctl show --value -p MainPID kafka") == before, "a broker is worth more than its metrics"


def test_a_broker_whose_port_is_taken_serves_without_them(ours: Ground) -> None:
    take_port(ours, "kafka", 7071)
    wait_until_whole(ours.stack, WHOLE_SECONDS)
    assert "starts without metrics" in on(ours, "sudo journalctl --unit kafka --output cat"), "whoever looks finds why"
    on(ours, "sudo systemctl stop thief && sudo systemctl restart kafka")
    wait_until_whole(ours.stack, WHOLE_SECONDS)
    all_is_told(ours)


def quiet(alerts: set[str] | None) -> bool:
    return alerts is not None and alerts <= OF_THE_COMPUTER


def seen(watcher: Watcher, what: str, so: Callable[[], bool]) -> None:
    wait_for(what, so, ALERT_SECONDS, lambda: f"{watcher.alerts()}, {watcher.targets()}")


def shown(ours: Ground, url: str = PAGE) -> tuple[dict[str, str], str]:
    """The colour of each tile on the page whose number is what the status says, and the page."""
    pages: list[str] = []
    sides: list[dict[str, str]] = []

    def agree() -> bool:
        told = status(ours.stack)
        pages[:] = [browser.document(ours.stack.prefix, url)]
        numbers = {name: number for _, name, number in NUMBER.findall(pages[0])}
        said = {name: str(told["numbers"].get(name)) for name in numbers}
        if told["mode"] == "kraft":
            said["unclean_elections"] = "–"  # Kafka 3.6 does not count them there, and the page says so
        sides[:] = [numbers, said]
        return len(numbers) == 8 and numbers == said

    wait_for("a page that says what the status says", agree, AGREE_SECONDS, lambda: f"{sides}")
    return {name: colour for colour, name, _ in NUMBER.findall(pages[0])}, pages[0]


def test_an_alert_fires_and_clears_and_the_page_tells_of_it(ours: Ground, tmp_path: Path) -> None:
    with watching(ours.stack, tmp_path) as watcher:
        seen(watcher, "every place asked", lambda: list(watcher.targets().values()) == ["up"] * 6)
        seen(watcher, "no alert of Kafka's", lambda: quiet(watcher.alerts()))
        well, page = shown(ours)
        assert set(well.values()) == {"good", "unknown"}
        assert well.pop("unclean_elections") == "unknown"
        assert page.count("<figure") == CHARTS
        assert page.count('class="line"') >= CHARTS * 3, "a chart without a line for each node tells nothing of it"
        on(ours, "sudo systemctl kill --signal=SIGKILL kafka && sudo systemctl stop kafka")
        seen(watcher, "the alert of a broker that is away", lambda: "KafkaBrokerDown" in (watcher.alerts() or ()))
        hurt, page = shown(ours)
        red = {"brokers_online", "under_replicated_partitions", "at_min_isr_partitions", "online_replicas"}
        assert {name for name, colour in hurt.items() if colour == "bad"} == red
        assert f"KafkaBrokerDown: No metrics from broker {NODE}" in page, "a page for watching names what is wrong"
        on(ours, "sudo systemctl start kafka")
        wait_until_whole(ours.stack, WHOLE_SECONDS)
        seen(watcher, "the alert over", lambda: quiet(watcher.alerts()))


def test_a_machine_that_watches_is_made_beside_the_running_cluster(ours: Ground) -> None:
    fourth = ours.machines.inventory()["machines"][3]
    login = {"user": fourth["user"], "privateKeyFile": fourth["private_key_path"], "hostKey": fourth["host_key"]}
    before = on(ours, "systemctl show --value -p MainPID kafka")
    ours.stack.configure(metrics={"enabled": True, "monitor": {"address": fourth["address"], **login}})
    ours.stack.up()
    assert on(ours, "systemctl show --value -p MainPID kafka") == before, (
        "a machine that only watches is worth no restart"
    )
    colours, page = shown(ours, ours.stack.outputs()["monitor"])
    assert set(colours.values()) == {"good", "unknown"}
    assert f"Kafka cluster kafka-cluster/{ours.stack.name}" in page
    ours.stack.up("--expect-no-changes")


def test_one_that_is_down_keeps_nothing_from_the_cluster(ours: Ground) -> None:
    ours.machines.kill(MONITOR)
    ours.stack.configure(mode="zookeeper")
    with pytest.raises(PulumiFailed, match="kafka-monitor"):
        ours.stack.up()
    all_is_told(ours)
    ours.machines.start(MONITOR)
    ours.stack.up()
    colours, _ = shown(ours, ours.stack.outputs()["monitor"])
    assert set(colours.values()) == {"good"}


def test_all_of_it_is_turned_off_again(ours: Ground) -> None:
    ours.stack.configure(metrics=None)
    ours.stack.up()
    left = "ls -d /etc/systemd/system/kafka-monitor.service /etc/kafka-cluster /var/lib/kafka-monitor; pgrep prometheus"
    assert machines.on(ours, MONITOR, f"{left}; true") == "", "a machine goes back as it was"
    running = on(ours, "pgrep --list-full java").splitlines()
    assert running and not [java for java in running if "javaagent" in java], (
        "Kafka and ZooKeeper go on without an agent"
    )
    assert on(ours, f"systemctl is-active {EXPORTER}; systemctl is-enabled {EXPORTER}; true").split() == [
        "inactive",
        "disabled",
    ]
    endings = look(ours.stack, ours.stack.project, [CHECKS[3]])
    assert {ending.outcome for ending in endings.values()} == {"passed"}
