"""The program that starts a node's services, and the account that a node gives of itself."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from .stage_machine import Answer, Machine, Plan, answer, configured_plan, lives, refused, runs, snapshot


def start_plan(machine: Machine, staged: Plan | None = None, **more: Any) -> Plan:
    plan = {**configured_plan(machine), **(staged or {})}
    machine.load("activation", "configured")["stage_files"](plan)
    keys = ("node", "staged", "fingerprint_file", "running_fingerprint", "fingerprint", "misled")
    starts = plan["beside"]["starts"]
    told = {"stage": "running", "restart": False, "starts": starts, "why": "it was down", "from": ""}
    machine.answer(("date",), answer("2026-01-02T03:04:05Z\n"))
    return {key: plan[key] for key in keys} | told | more


def state(machine: Machine, active: str) -> None:
    """Every service is so, until it is told to stop."""
    machine.answer(("systemctl", "show"), answer(f"{active}\n"))
    ends(machine)


def ends(machine: Machine) -> None:
    """What is told to stop does so."""

    def act(*command: str) -> Answer:
        machine.answer(("systemctl", "show", "--value", "-p", "ActiveState", command[2]), answer("inactive\n"))
        return answer()

    machine.answer(("systemctl", "stop"), act)


def test_a_node_that_is_up_is_not_taken_down_by_a_start(machine: Machine) -> None:
    plan = start_plan(machine)
    state(machine, "active")
    assert "left alone" in refused(machine.load("activation", "start"), "main", plan)
    assert not machine.ran("systemctl", "stop"), "taking down one that is up always needs permission"
    assert not machine.ran("systemctl", "start")


def test_a_node_that_a_killed_run_has_started_meanwhile_is_there(machine: Machine) -> None:
    """Its commands go on, and hold the machine's lock: a start waits for them, and then has nothing to do."""
    plan = start_plan(machine)
    state(machine, "active")
    runs(plan, plan["fingerprint"])
    machine.load("activation", "start")["main"](plan)
    assert machine.said == ["kafka.service was started meanwhile, with what is planned"]
    for verb in "stop", "start":
        assert not machine.ran("systemctl", verb), "it is up, and may be the last one that is"


@pytest.mark.parametrize("now", ["f0", "f1 edited by hand"])
def test_a_start_leaves_one_alone_that_runs_something_else(machine: Machine, now: str) -> None:
    plan = start_plan(machine)
    state(machine, "active")
    runs(plan, now)
    assert "left alone" in refused(machine.load("activation", "start"), "main", plan)
    assert not machine.ran("systemctl", "stop")


@pytest.mark.parametrize(
    ("active", "restart"), [("inactive", False), ("failed", False), ("deactivating", False), ("active", True)]
)
def test_a_start_activates_between_stop_and_start(machine: Machine, active: str, restart: bool) -> None:
    plan = start_plan(machine, restart=restart)
    state(machine, active)
    machine.load("activation", "start")["main"](plan)
    words = [call for call in machine.calls if call[0] == "systemctl"]
    stop, start = (
        words.index(("systemctl", "stop", "kafka.service")),
        words.index(("systemctl", "start", "kafka.service")),
    )
    enable = words.index(("systemctl", "--no-reload", "enable", "kafka.service"))
    assert stop < enable < start, "the mode file changes only while the service is stopped"
    assert ("systemctl", "stop", "zookeeper.service") in words[:enable]
    assert ("systemctl", "reset-failed", "kafka.service") in words


@pytest.mark.parametrize(("seen", "now"), [("f0", "f1"), ("f1 edited by hand", "f1"), ("f0", "f2")])
def test_a_node_that_was_restarted_since_it_was_asked_is_left_alone(machine: Machine, seen: str, now: str) -> None:
    """Runs from two computers know nothing of each other, and the machine's lock lets one in after the other."""
    plan = {**start_plan(machine, restart=True), "from": seen}
    runs(plan, now)
    state(machine, "active")
    said = refused(machine.load("activation", "start"), "main", plan)
    assert f"kafka.service was restarted meanwhile: it runs configuration {now}, and ran {seen}" in said
    assert "Run `pulumi up` again" in said
    for verb in "stop", "start":
        assert not machine.ran("systemctl", verb), "the other run may be restarting the next node already"


@pytest.mark.parametrize(
    ("seen", "now"),
    [
        ("f0", "f0"),
        ("f0", "f0 edited by hand"),
        ("f1 edited by hand",) * 2,
        ("f1", "f1"),
        ("f0", ""),
        ("", "f0"),
        ("", ""),
    ],
)
def test_a_node_that_runs_what_it_said_is_restarted(machine: Machine, seen: str, now: str) -> None:
    plan = {**start_plan(machine, restart=True), "from": seen}
    if now:
        runs(plan, now)
    state(machine, "active")
    machine.load("activation", "start")["main"](plan)
    assert machine.ran("systemctl", "start", "kafka.service"), (
        "one that fails over and over has such a file now and then, and a mark is no restart"
    )


def test_a_node_that_is_down_is_started_whatever_it_ran(machine: Machine) -> None:
    plan = {**start_plan(machine, restart=True), "from": "f0"}
    runs(plan, "f1")
    state(machine, "failed")
    machine.load("activation", "start")["main"](plan)
    assert machine.ran("systemctl", "start", "kafka.service"), "nobody is taken down by that"


def test_services_start_in_their_order(machine: Machine) -> None:
    plan = start_plan(machine, {"services": ["zookeeper.service", "kafka.service"]})
    state(machine, "inactive")
    machine.load("activation", "start")["main"](plan)
    started = [call[2] for call in machine.ran("systemctl", "start")]
    assert started == ["zookeeper.service", "kafka.service"]


@pytest.mark.parametrize("changed", [True, False])
def test_a_service_beside_kafka_is_stopped_where_what_it_reads_changes(machine: Machine, changed: bool) -> None:
    told = {"services": ["zookeeper.service", "kafka.service"], "idle_services": []}
    path = configured_plan(machine)["files"][0]["path"]
    plan = start_plan(machine, {**told, "read_by": {"zookeeper.service": [path]}})
    state(machine, "inactive")
    if not changed:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(Path(plan["staged"] + path).read_bytes())
    machine.load("activation", "start")["main"](plan)
    words = [call for call in machine.calls if call[0] == "systemctl"]
    stop = ("systemctl", "stop", "zookeeper.service")
    assert (stop in words) is changed, "an ensemble should not lose a member for a broker's setting"
    if changed:
        assert words.index(stop) < words.index(("systemctl", "start", "zookeeper.service"))


@pytest.mark.parametrize("zookeeper", ["the one that read it", "started since", "down"])
def test_a_zookeeper_that_read_an_edited_file_is_restarted_with_the_right_one(machine: Machine, zookeeper: str) -> None:
    mine, other = ("a", "b")
    told = {"services": ["zookeeper.service", "kafka.service"], "idle_services": []}
    path = configured_plan(machine)["files"][0]["path"]
    told["read_by"] = {"zookeeper.service": [path]}  # type: ignore[assignment]
    plan = {**configured_plan(machine), **told}
    machine.answer(("date",), answer("2026-01-02T03:04:05Z\n"))
    program = machine.load("identity", "activation", "configured")
    program["stage_files"](plan)
    program["activate"](plan)
    runs(plan, "f1")
    lives(machine, "zookeeper.service", mine)
    ends(machine)
    Path(path).write_text("edited")
    program["main"](plan)
    assert Path(path).read_text() == "one", "it is put right at once, so no file tells what was read"
    if zookeeper == "down":
        state(machine, "inactive")
    elif zookeeper == "started since":
        lives(machine, "zookeeper.service", other)
    machine.calls.clear()
    machine.load("activation", "start")["main"](start_plan(machine, told, restart=True))
    words = [call for call in machine.calls if call[0] == "systemctl"]
    stopped = ("systemctl", "stop", "zookeeper.service") in words
    assert stopped is (zookeeper == "the one that read it"), "systemd starts nothing that runs"
    assert ("systemctl", "start", "zookeeper.service") in words


@pytest.mark.parametrize(("stderr", "why"), [("Job for it canceled.\n", "Job for it canceled."), ("", "started it")])
@pytest.mark.parametrize("unit", ["kafka.service", "zookeeper.service", "x.service"], ids=["Kafka", "idle", "stale"])
def test_nothing_is_activated_under_what_did_not_stop(machine: Machine, unit: str, stderr: str, why: str) -> None:
    path = configured_plan(machine)["files"][0]["path"]
    plan = start_plan(machine, {"read_by": {"x.service": [path]}}, restart=True)
    state(machine, "active")
    machine.answer(("systemctl", "stop", unit), answer(code=1 if stderr else 0, stderr=stderr))
    said = refused(machine.load("activation", "start"), "main", plan)
    assert f"{unit} still runs, although it was told to stop (" in said
    assert why in said
    assert f"journalctl --unit {unit}" in said
    assert not Path(path).exists()
    assert not Path(plan["fingerprint_file"]).exists(), "`up` would say that a node is back that was never restarted"
    assert not machine.ran("systemctl", "start")


@pytest.mark.parametrize("there", ["another", "nothing"])
def test_nothing_but_what_was_planned_is_activated_and_nothing_stopped_for_it(machine: Machine, there: str) -> None:
    plan = start_plan(machine, restart=True)
    plan |= {"fingerprint": "f2"} if there == "another" else {"staged": str(machine.path("/nowhere"))}
    state(machine, "active")
    said = refused(machine.load("activation", "start"), "main", plan)
    holds, planned = ("f1", "f2") if there == "another" else ("none", "f1")
    assert f"holds configuration {holds}, but planned is {planned}; nothing was stopped" in said
    assert not Path(plan["fingerprint_file"]).exists()
    for verb in "stop", "start":
        assert not machine.ran("systemctl", verb), "a run that was cut off may have staged what nobody wants any more"


def test_why_a_node_was_started_is_kept_newest_last_and_not_for_ever(machine: Machine) -> None:
    plan = start_plan(machine)
    state(machine, "inactive")
    program = machine.load("activation", "start")
    path = Path(plan["starts"])
    path.write_text("".join(f'{{"n": {n}}}\n' for n in range(150)))
    program["remember_reason"](plan)
    lines = path.read_text().splitlines()
    assert len(lines) == 100
    assert json.loads(lines[-1]) == {"when": "2026-01-02T03:04:05Z", "why": "it was down", "to": "f1", "from": ""}
    assert json.loads(lines[0]) == {"n": 51}


@pytest.mark.parametrize("active", ["inactive", "deactivating", "active"])
def test_a_zookeeper_is_started_alone_with_its_reason_kept(machine: Machine, active: str) -> None:
    plan = start_plan(machine)
    machine.load("activation", "start")["activate"](plan)
    state(machine, active)
    machine.calls.clear()
    machine.load("activation", "join")["main"](
        {key: plan[key] for key in (*plan, "fingerprint_file") if key != "misled"}
    )
    path = Path(plan["starts"])
    if active == "active":
        assert not path.exists(), "nothing was started"
        assert not machine.ran("systemctl", "start")
        return
    assert [call[2] for call in machine.ran("systemctl", "start")] == ["zookeeper.service"], "Kafka is left alone"
    entry = json.loads(path.read_text())
    assert (entry["why"], entry["to"], entry["from"]) == ("it was down", "f1", "")
    assert entry["unit"] == "zookeeper.service", "`status` would take it for Kafka's reason"


def report_plan(machine: Machine) -> Plan:
    plan = configured_plan(machine)
    more = {
        "stage": "report",
        "data": str(machine.path("/var/lib/kafka")),
        "log": str(machine.path("/var/log/server.log")),
        "other_log_dir": str(machine.path("/data/other")),
        "zookeeper_identity": str(machine.path("/data/zookeeper-mode/meta.properties")),
        "written_at_start": None,
    }
    return {**plan, **more, "mode_file": str(machine.path("/etc/kafka-cluster/mode.env"))}


@pytest.fixture
def reporting(machine: Machine) -> Machine:
    machine.answer(("systemctl", "show"), answer("ActiveState=inactive\nSubState=a=b\n"))
    return machine


def report(machine: Machine, plan: Plan) -> dict[str, Any]:
    before = snapshot(machine.root)
    machine.load("account", "report")["main"](plan)
    assert snapshot(machine.root) == before, "a question changes nothing"
    (line,) = machine.said
    assert "\n" not in line, "one line of JSON"
    return json.loads(line)  # type: ignore[no-any-return]


def test_a_bare_machine_gives_an_account_too(reporting: Machine) -> None:
    found = report(reporting, report_plan(reporting))
    account = {"now", "units", "blind", "running", "config", "free_bytes", "log"}
    assert set(found) == account | {"staged", "other_topics", "zookeeper_cluster"}
    assert found["running"] == found["config"] == ""
    assert found["staged"] == "none"
    assert found["now"] == pytest.approx(time.time(), abs=60), (
        "how old a process is, is told by the clock that saw it start"
    )
    assert found["log"] == []
    assert found["units"]["kafka.service"] == {"ActiveState": "inactive", "SubState": "a=b"}


def test_topics_are_told_of_the_other_modes_data(reporting: Machine) -> None:
    plan = report_plan(reporting)
    assert report(reporting, plan)["other_topics"] == []
    reporting.said.clear()
    for name in ("a-b-0", "a-b-11", "gone-0.0123456789abcdef-delete", "__consumer_offsets-3"):
        Path(plan["other_log_dir"], name).mkdir(parents=True)
    Path(plan["other_log_dir"], "meta.properties").touch()
    assert report(reporting, plan)["other_topics"] == ["__consumer_offsets", "a-b"]


def test_what_would_be_activated_is_told(reporting: Machine) -> None:
    plan = {**report_plan(reporting), "fingerprint": "f7"}
    reporting.load("activation", "configured")["stage_files"](plan)
    assert report(reporting, plan)["staged"] == "f7"


def test_the_cluster_that_an_ensemble_drew_is_told(reporting: Machine) -> None:
    plan = report_plan(reporting)
    assert report(reporting, plan)["zookeeper_cluster"] == ""
    reporting.said.clear()
    path = Path(plan["zookeeper_identity"])
    path.parent.mkdir(parents=True)
    path.write_text("#\nbroker.id=1\nversion=0\ncluster.id=mr4nPnJZQJitQlxeUnEzZg\n")
    assert report(reporting, plan)["zookeeper_cluster"] == "mr4nPnJZQJitQlxeUnEzZg"


def test_a_machine_that_runs_gives_its_fingerprint_and_last_words(reporting: Machine) -> None:
    plan = report_plan(reporting)
    runs(plan, "f0")
    Path(plan["mode_file"]).parent.mkdir(parents=True)
    Path(plan["mode_file"]).write_text('KAFKA_CONFIG="x"\n')
    log = Path(plan["log"])
    log.parent.mkdir(parents=True)
    log.write_bytes(b"\xff broken\n" + b"".join(b"line %d\n" % n for n in range(2000)))
    found = report(reporting, plan)
    assert found["running"] == "f0"
    assert found["config"] == 'KAFKA_CONFIG="x"'
    assert found["log"][-1] == "line 1999"
    assert len(found["log"]) == 12
