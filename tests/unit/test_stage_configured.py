"""Stage `configured`: a configuration is staged as a whole and activated only where its process runs already."""

import json
from pathlib import Path
from typing import Any

import pytest

from .stage_machine import (
    Machine,
    Plan,
    Program,
    answer,
    configured_plan,
    lives,
    planned_file,
    refused,
    runs,
    snapshot,
    write_json,
)

ENABLE = ("systemctl", "--no-reload", "enable")


def staged(plan: Plan) -> dict[str, Any]:
    return json.loads((Path(plan["staged"]) / "MANIFEST.json").read_text())  # type: ignore[no-any-return]


def test_files_are_staged_and_not_activated(machine: Machine) -> None:
    plan = configured_plan(machine)
    machine.load("identity", "activation", "configured")["main"](plan)
    for file in plan["files"]:
        assert Path(f"{plan['staged']}{file['path']}").read_text() == file["content"]
        assert not Path(file["path"]).exists(), "a machine that reboots now must come back with what it ran"
    assert staged(plan)["fingerprint"] == "f1"
    assert not machine.ran("systemctl")


@pytest.mark.parametrize(
    ("owner", "identity", "told"),
    [
        (["kraft"], "", "data is gone"),
        ([], "cluster.id=xxxxxxxxxxxxxxxxxxxxxx\nnode.id=1\n", "belongs to another node or cluster"),
        (None, "", "is empty, but this node was set up before"),
    ],
)
def test_a_disk_that_can_not_be_formatted_is_refused_here_already(
    machine: Machine, owner: list[str] | None, identity: str, told: str
) -> None:
    plan = configured_plan(machine)
    if owner is None:
        Path(plan["owner_file"]).unlink()
        has_begun(plan)
    else:
        write_json(Path(plan["owner_file"]), {"formatted": owner})
    if identity:
        Path(plan["identity_file"]).parent.mkdir(parents=True)
        Path(plan["identity_file"]).write_text(identity)
    before = snapshot(machine.root)
    said = refused(machine.load("identity", "activation", "configured"), "main", plan)
    assert told in said, "every node is formatted once all were configured, and no later refusal would keep one from it"
    assert snapshot(machine.root) == before


def has_begun(plan: Plan) -> None:
    """The node has begun at some time."""
    Path(plan["fingerprint_file"]).parent.mkdir(parents=True, exist_ok=True)
    Path(plan["fingerprint_file"]).write_text("f0\n")


@pytest.mark.parametrize(("begun", "accept_empty"), [(False, False), (True, True)])
def test_a_disk_that_formatted_has_yet_to_make_is_passed_over(
    machine: Machine, begun: bool, accept_empty: bool
) -> None:
    plan = {**configured_plan(machine), "mounted": True, "accept_empty": accept_empty}
    Path(plan["owner_file"]).unlink()
    if begun:
        has_begun(plan)
    machine.load("identity", "activation", "configured")["main"](plan)
    assert staged(plan)["fingerprint"] == "f1"


def test_a_volume_that_is_not_mounted_is_no_lost_one(machine: Machine) -> None:
    plan = {**configured_plan(machine), "mounted": True}
    Path(plan["owner_file"]).unlink()
    has_begun(plan)
    said = refused(machine.load("identity", "activation", "configured"), "main", plan)
    assert "is not mounted" in said
    assert "acceptEmptyDisk" not in said, "its data may all be there"


def test_the_manifest_says_what_but_not_the_contents(machine: Machine) -> None:
    plan = configured_plan(machine)
    machine.load("identity", "activation", "configured")["main"](plan)
    assert [set(file) for file in staged(plan)["files"]] == [{"path", "owner", "group", "mode", "sha256"}] * 2
    assert staged(plan)["services"] == ["kafka.service"]


def test_the_staged_folder_is_replaced_as_a_whole(machine: Machine) -> None:
    program = machine.load("identity", "activation", "configured")
    first, second = configured_plan(machine, "one"), configured_plan(machine, "two", "f2")
    first["files"].append(planned_file(machine.path("/etc/kafka-cluster/gone"), "x"))
    program["main"](first)
    program["main"](second)
    folder = Path(second["staged"])
    assert not list(folder.rglob("gone")), "a file of the other configuration would be activated with this one"
    assert staged(second)["fingerprint"] == "f2"
    assert sorted(path.name for path in folder.parent.iterdir()) == ["staged"], "nothing is left beside it"


def test_a_run_that_was_cut_off_while_staging_leaves_the_old_whole(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = machine.load("identity", "activation", "configured")
    program["main"](configured_plan(machine, "one"))
    before = snapshot(Path(configured_plan(machine)["staged"]))
    genuine = program["write"]

    def cut(path: Path, *arguments: Any) -> bool:
        if str(path).endswith("kafka.service"):
            raise KeyboardInterrupt
        return bool(genuine(path, *arguments))

    program["write"] = cut
    second = configured_plan(machine, "two", "f2")
    with pytest.raises(KeyboardInterrupt):
        program["main"](second)
    assert snapshot(Path(second["staged"])) == before
    program["write"] = genuine
    program["main"](second)
    assert staged(second)["fingerprint"] == "f2"
    assert sorted(path.name for path in Path(second["staged"]).parent.iterdir()) == ["staged"]


@pytest.mark.parametrize("running", ["f1", "f0"])
def test_what_a_process_runs_already_is_activated_and_nothing_else(machine: Machine, running: str) -> None:
    plan = configured_plan(machine)
    runs(plan, running)
    machine.load("identity", "activation", "configured")["main"](plan)
    mended = running == "f1"
    assert all(Path(file["path"]).exists() is mended for file in plan["files"])
    assert not machine.ran("systemctl", "restart")
    assert not machine.ran("systemctl", "stop")
    assert not machine.ran("systemctl", "start"), "a stage never touches a running process"


@pytest.mark.parametrize(("running", "state"), [("f1", "inactive"), ("f1", "active"), ("f0", "inactive")])
def test_what_belongs_beside_a_running_kafka_is_started(machine: Machine, running: str, state: str) -> None:
    plan = configured_plan(machine) | {"services": ["zookeeper.service", "kafka.service", "x.service"]}
    machine.answer(("systemctl", "show"), answer(f"{state}\n"))
    runs(plan, running)
    machine.load("identity", "activation", "configured")["main"](plan)
    wanted = [("systemctl", "start", "x.service")] if (running, state) == ("f1", "inactive") else []
    assert machine.ran("systemctl", "start") == wanted, "down while Kafka is up, nothing else would start it"
    starts = Path(plan["beside"]["starts"])
    kept = [json.loads(line) for line in starts.read_text().splitlines()] if starts.exists() else []
    assert [(entry["unit"], entry["why"], entry["to"]) for entry in kept] == [("x.service", "it was down", "f1")] * len(
        wanted
    )


EDITS = pytest.mark.parametrize(("number", "noted"), [(0, {"zookeeper.service": "a"}), (1, None)])


def edited_by_hand(machine: Machine, number: int) -> tuple[Program, Plan]:
    """A node on whose machine somebody edited a file; of its two, ZooKeeper reads the first."""
    plan = configured_plan(machine)
    plan["read_by"] = {"zookeeper.service": [plan["files"][0]["path"]]}
    program = activated(machine, plan)
    runs(plan, "f1")
    lives(machine, "zookeeper.service", "a")
    Path(plan["files"][number]["path"]).write_text("edited")
    return program, plan


@EDITS
def test_who_may_have_read_an_edited_file_is_noted(machine: Machine, number: int, noted: Any) -> None:
    program, plan = edited_by_hand(machine, number)
    program["main"](plan)
    assert Path(plan["running_fingerprint"]).read_text() == "f1 edited by hand\n"
    found = json.loads(Path(plan["misled"]).read_text()) if Path(plan["misled"]).exists() else None
    assert found == noted, "an ensemble should not lose a member for a file that it does not read"


def test_a_zookeeper_that_was_misled_is_not_forgotten_when_only_kafka_was_restarted(machine: Machine) -> None:
    program, plan = edited_by_hand(machine, 0)
    program["main"](plan)
    runs(plan, "f1")
    program["main"](plan)
    assert Path(plan["running_fingerprint"]).read_text() == "f1 edited by hand\n", "`up` was cut off before its turn"
    runs(plan, "f1")
    machine.answer(("systemctl", "show", "--value", "-p", "ActiveState"), answer("inactive\n"))
    program["main"](plan)
    assert Path(plan["running_fingerprint"]).read_text() == "f1\n", "what is down misleads nobody: `running` starts it"
    lives(machine, "zookeeper.service", "b")
    program["main"](plan)
    assert Path(plan["running_fingerprint"]).read_text() == "f1\n", "it was restarted since, and nobody is misled"


def test_every_file_that_was_edited_is_told(machine: Machine) -> None:
    program, plan = edited_by_hand(machine, 0)
    Path(plan["files"][1]["path"]).write_text("edited")
    program["main"](plan)
    assert machine.said == [
        f"{file['path']} was edited by hand; the planned content is restored" for file in plan["files"]
    ]


def test_a_broker_that_was_down_during_a_change_without_a_restart_is_accused_of_nothing(machine: Machine) -> None:
    program = activated(machine, configured_plan(machine, "one"))
    changed = configured_plan(machine, "two") | {"services": ["kafka.service", "x.service"]}
    program["main"](changed)
    assert Path(changed["files"][0]["path"]).read_text() == "two", "the next boot reads what is planned"
    assert not machine.ran("systemctl", "start"), "what is down waits for the whole cluster to be looked at"
    machine.answer(("systemctl", "show"), answer("active\n"))
    runs(changed, "f1")
    program["main"](changed)
    assert machine.said == []
    assert Path(changed["running_fingerprint"]).read_text() == "f1\n", "`running` would restart it for nothing"


def test_what_is_down_comes_back_with_the_configuration_that_it_ran(machine: Machine) -> None:
    program = activated(machine, configured_plan(machine, "one"))
    changed = configured_plan(machine, "two", "f2")
    program["main"](changed)
    assert Path(changed["files"][0]["path"]).read_text() == "one"
    assert Path(changed["fingerprint_file"]).read_text() == "f1\n"


@EDITS
def test_an_edit_beside_a_broker_that_is_down_is_told_and_noted(machine: Machine, number: int, noted: Any) -> None:
    program, plan = edited_by_hand(machine, number)
    Path(plan["running_fingerprint"]).unlink()
    program["main"](plan)
    path = plan["files"][number]["path"]
    assert machine.said == [f"{path} was edited by hand; the planned content is restored"]
    assert Path(path).read_text() == plan["files"][number]["content"]
    assert not Path(plan["running_fingerprint"]).exists(), "nothing runs that could have read it"
    found = json.loads(Path(plan["misled"]).read_text()) if Path(plan["misled"]).exists() else None
    assert found == noted, "the file is right again, so nothing else tells that its ZooKeeper goes on with the edit"


def activated(machine: Machine, plan: Plan) -> Program:
    program = machine.load("identity", "activation", "configured")
    program["stage_files"](plan)
    program["activate"](plan)
    return program


def test_activation_puts_every_file_in_its_place(machine: Machine) -> None:
    plan = configured_plan(machine)
    activated(machine, plan)
    assert all(Path(file["path"]).read_text() == file["content"] for file in plan["files"])
    assert Path(plan["fingerprint_file"]).read_text() == "f1\n"
    assert machine.ran(*ENABLE) == [(*ENABLE, "kafka.service")]


def test_systemd_is_told_of_changes_only_and_when_all_are_made(machine: Machine) -> None:
    program = activated(machine, configured_plan(machine))
    assert machine.ran("systemctl")[-1] == ("systemctl", "daemon-reload")
    program["activate"](configured_plan(machine))
    assert len(machine.ran("systemctl", "daemon-reload")) == 1
    machine.answer(ENABLE, answer(stderr="Created symlink …\n"))
    program["activate"](configured_plan(machine))
    assert len(machine.ran("systemctl", "daemon-reload")) == 2, "systemd would go on saying that it is disabled"


@pytest.mark.parametrize("there", [True, False])
def test_the_other_modes_service_does_not_come_up_with_the_machine(machine: Machine, there: bool) -> None:
    unit = machine.path("/etc/systemd/system/zookeeper.service")
    if there:
        unit.parent.mkdir(parents=True)
        unit.write_text("x")
    activated(machine, configured_plan(machine))
    assert len(machine.ran("systemctl", "--no-reload", "disable", "zookeeper.service")) == there


def test_the_fingerprint_is_written_last(machine: Machine) -> None:
    plan = configured_plan(machine)
    machine.answer(ENABLE, answer(code=1, stderr="no"))
    program = machine.load("identity", "activation", "configured")
    program["stage_files"](plan)
    refused(program, "activate", plan)
    assert not Path(plan["fingerprint_file"]).exists(), "a half-activated node would say that it is done"


def test_nothing_staged_is_told_with_what_to_do(machine: Machine) -> None:
    told = refused(machine.load("identity", "activation", "configured"), "activate", configured_plan(machine))
    assert "pulumi up" in told
