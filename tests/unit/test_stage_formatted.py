"""Stage `formatted`: only what never was is made; everything else on the disk is respected or refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from .stage_machine import Machine, Plan, answer, configured_plan, refused, snapshot, write_json

NAME = "kafka_2.13-3.6.0"
DEVICE = "/dev/sdb"
PARTS = ("volume", "identity", "shared_classes", "activation", "formatted")

META = "#\n#Sun Nov 22 18:14:09 UTC 2026\nnode.id=1\nversion=1\ncluster.id=A_D5kj5zTbi2EDTeXHDH3g\n"


def format_plan(machine: Machine, mode: str = "kraft", *, accept_empty: bool = False) -> Plan:
    home = machine.path(f"/usr/local/{NAME}")
    kraft = mode == "kraft"
    file = home / ("logs/kraft-combined-logs/meta.properties" if kraft else "zookeeper/myid")
    data = machine.path("/var/lib/kafka")
    machine.mounted.add(data)
    machine.answer(("findmnt",), answer(f"{DEVICE}\n"))
    return {
        "node": "n1",
        "stage": "formatted",
        "data": str(data),
        "owner_file": str(data / "OWNER.json"),
        "accept_empty": accept_empty,
        "mode": mode,
        "modes": ["kraft", "zookeeper"],
        "mounted": True,
        "device": DEVICE,
        "mount_unit": "var-lib-kafka.mount",
        "owner": {"stack": "kafka-cluster/dev", "node_id": 1},
        "folders": {},
        "identity_file": str(file),
        "identity": {"cluster.id": "A_D5kj5zTbi2EDTeXHDH3g", "node.id": "1"} if kraft else {"myid": "1"},
        "brokers_own": {} if kraft else {str(home / "logs/zookeeper-mode-logs/meta.properties"): {"broker.id": "1"}},
        "environment": ["LOG_DIR=/var/log/kafka"],
        "shared_classes_option": str(machine.path("/lib/kafka.env")),
        "format_command": ["kafka-storage.sh", "format"],
        "begin": None,
    }


def beginning(machine: Machine, *, accept_empty: bool = False) -> Plan:
    """The plan of a node that is configured and may be started; nothing runs on its machine."""
    configured = configured_plan(machine)
    machine.load("activation", "configured")["stage_files"](configured)
    machine.answer(("systemctl", "show"), answer("inactive\n"))
    machine.answer(("date",), answer("2026-01-02T03:04:05Z\n"))
    starts = str(machine.path("/etc/kafka-cluster/starts.jsonl"))
    begin = {"starts": starts, "why": "it was down", "from": ""}
    begin |= {key: configured[key] for key in ("staged", "fingerprint_file")}
    plan = {**format_plan(machine, accept_empty=accept_empty), "begin": begin}
    owner_is(plan)
    return plan


def started(machine: Machine) -> bool:
    return bool(machine.ran("systemctl", "start", "kafka.service"))


def owner_is(plan: Plan, *formatted: str) -> None:
    write_json(Path(plan["owner_file"]), {"stack": "kafka-cluster/dev", "node_id": 1, "formatted": list(formatted)})


def disk_says(plan: Plan, text: str) -> None:
    path = Path(plan["identity_file"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def formats(machine: Machine, plan: Plan) -> None:
    """`kafka-storage.sh format` writes the identity."""

    def act(*_: str) -> Any:
        disk_says(plan, META)
        return answer("a line\nFormatting … with metadata.version 3.6-IV2.\n")

    machine.answer(("runuser",), act)


def test_it_is_formatted_with_what_makes_java_start_sooner(machine: Machine) -> None:
    plan = format_plan(machine)
    owner_is(plan)
    formats(machine, plan)
    option = Path(plan["shared_classes_option"])
    option.parent.mkdir(parents=True)
    option.write_text('KAFKA_OPTS="-XX:SharedArchiveFile=/lib/kafka.jsa"\n')
    machine.load(*PARTS)["main"](plan)
    assert "KAFKA_OPTS=-XX:SharedArchiveFile=/lib/kafka.jsa" in machine.ran("runuser")[0]


def owner_formatted(plan: Plan) -> list[str]:
    return json.loads(Path(plan["owner_file"]).read_text())["formatted"]  # type: ignore[no-any-return]


def test_a_new_node_is_formatted_once(machine: Machine) -> None:
    plan = format_plan(machine)
    owner_is(plan)
    formats(machine, plan)
    program = machine.load(*PARTS)
    program["main"](plan)
    program["main"](plan)
    (call,) = machine.ran("runuser")
    assert call[:4] == ("runuser", "-u", "kafka", "--"), "root's files could not be opened by the broker"
    assert call[4:] == ("env", "LOG_DIR=/var/log/kafka", "kafka-storage.sh", "format")
    assert call[-2:] == ("kafka-storage.sh", "format")
    assert "Formatting … with metadata.version 3.6-IV2." in machine.said[0], "the guide's line"
    assert owner_formatted(plan) == ["kraft"]


def test_a_disk_that_carries_the_identity_is_left_alone(machine: Machine) -> None:
    plan = format_plan(machine)
    owner_is(plan, "kraft")
    disk_says(plan, META)
    before = snapshot(machine.root)
    machine.load(*PARTS, first=False)["main"](plan)
    assert snapshot(machine.root) == before
    assert machine.calls == machine.ran("findmnt"), "it is asked which volume is mounted, and nothing is done"


def test_a_run_that_was_cut_off_behind_the_format_is_remembered(machine: Machine) -> None:
    plan = format_plan(machine)
    owner_is(plan)
    disk_says(plan, META)
    machine.load(*PARTS)["main"](plan)
    assert owner_formatted(plan) == ["kraft"]
    assert not machine.ran("runuser")


@pytest.mark.parametrize(
    ("text", "found", "wanted"),
    [
        (META.replace("A_D5kj5zTbi2EDTeXHDH3g", "xxxxxxxxxxxxxxxxxxxxxx"), "xxxxxxxxxxxxxxxxxxxxxx", "A_D5kj5zTbi2"),
        (META.replace("node.id=1", "node.id=3"), "node.id=3", "the plan says 1"),
        ("node.id=1\n", "cluster.id=None", "A_D5kj5zTbi2EDTeXHDH3g"),
        ("version=0\nbroker.id=1\ncluster.id=A_D5kj5zTbi2EDTeXHDH3g\n", "node.id=None", "the plan says 1"),
    ],
)
@pytest.mark.parametrize("accept_empty", [True, False])
def test_another_identity_is_refused_with_both_values(
    machine: Machine, text: str, found: str, wanted: str, accept_empty: bool
) -> None:
    plan = format_plan(machine, accept_empty=accept_empty)
    owner_is(plan, "kraft")
    disk_says(plan, text)
    before = snapshot(machine.root)
    told = refused(machine.load(*PARTS), "main", plan)
    assert found in told
    assert wanted in told
    assert "nothing was formatted" in told
    assert snapshot(machine.root) == before
    assert not machine.ran("runuser")


def test_an_empty_identity_file_is_not_taken_for_a_new_disk(machine: Machine) -> None:
    plan = format_plan(machine)
    owner_is(plan)
    disk_says(plan, "")
    refused(machine.load(*PARTS), "main", plan)
    assert not machine.ran("runuser")


def test_data_that_is_gone_is_refused_with_the_word_that_allows_it(machine: Machine) -> None:
    plan = format_plan(machine)
    owner_is(plan, "kraft")
    told = refused(machine.load(*PARTS), "main", plan)
    assert "data is gone" in told
    assert "pulumi config set acceptEmptyDisk n1" in told
    assert not machine.ran("runuser"), "an empty voter votes as if it had never promised anything"


BOTH = ["kraft", "zookeeper"]


def owner_emptied(plan: Plan, emptied: object) -> None:
    """A disk that was made anew in place of a lost one."""
    write_json(
        Path(plan["owner_file"]), {"stack": "kafka-cluster/dev", "node_id": 1, "formatted": [], "emptied": emptied}
    )


@pytest.mark.parametrize("emptied", [BOTH, True], ids=["now", "as earlier versions wrote it"])
def test_a_run_that_was_cut_off_before_the_format_takes_no_permission_along(machine: Machine, emptied: object) -> None:
    plan = format_plan(machine)
    owner_emptied(plan, emptied)
    program = machine.load(*PARTS)
    assert "is gone" in refused(program, "main", plan)
    assert not machine.ran("runuser"), "the file system was made by a run that was allowed to; this one is not"
    formats(machine, plan)
    program["main"]({**plan, "accept_empty": True})
    program["main"](plan)
    assert machine.ran("runuser")
    left = json.loads(Path(plan["owner_file"]).read_text())["emptied"]
    assert left == ["zookeeper"], "in this mode it is a disk like any other again, and in the other one it is not"


@pytest.mark.parametrize("emptied", [BOTH, True], ids=["now", "as earlier versions wrote it"])
@pytest.mark.parametrize("mode", BOTH)
def test_a_disk_made_anew_for_one_mode_is_not_taken_for_new_by_the_other(
    machine: Machine, mode: str, emptied: object
) -> None:
    plan, switched = format_plan(machine, mode), format_plan(machine, "zookeeper" if mode == "kraft" else "kraft")
    owner_emptied(plan, emptied)
    formats(machine, plan if mode == "kraft" else switched)
    program = machine.load(*PARTS)
    program["main"]({**plan, "accept_empty": True})
    before = snapshot(machine.root)
    told = refused(program, "main", switched)
    assert f"what it had in {switched['mode']} mode is gone." in told
    assert "pulumi config set acceptEmptyDisk n1" in told
    assert snapshot(machine.root) == before, "the others hold that mode's data, and an empty one could lead them"
    program["main"]({**switched, "accept_empty": True})
    program["main"](switched)
    assert json.loads(Path(plan["owner_file"]).read_text())["emptied"] == []


@pytest.mark.parametrize(("accept_empty", "emptied"), [(True, ["zookeeper"]), (False, [])])
def test_an_accepted_disk_was_lost_whatever_the_state_knows(
    machine: Machine, accept_empty: bool, emptied: list[str]
) -> None:
    """A state that was made anew knows no node that was before it."""
    plan = format_plan(machine, accept_empty=accept_empty)
    formats(machine, plan)
    Path(plan["data"]).mkdir(parents=True)
    machine.load(*PARTS)["main"](plan)
    left = json.loads(Path(plan["owner_file"]).read_text())["emptied"]
    assert left == emptied, "in the other mode an empty disk could lead those that hold its data"


def test_the_word_allows_it(machine: Machine) -> None:
    plan = format_plan(machine, accept_empty=True)
    owner_is(plan, "kraft")
    formats(machine, plan)
    machine.load(*PARTS)["main"](plan)
    assert machine.ran("runuser")


def test_the_other_modes_data_does_not_count_as_this_ones(machine: Machine) -> None:
    plan = format_plan(machine, "zookeeper")
    owner_is(plan, "kraft")
    machine.load(*PARTS)["main"](plan)
    assert Path(plan["identity_file"]).read_text() == "1\n"
    assert owner_formatted(plan) == ["kraft", "zookeeper"]


@pytest.mark.parametrize(("text", "accepted"), [("1\n", True), ("1", True), ("2\n", False), ("x", False)])
def test_an_ensembles_member_keeps_its_number(machine: Machine, text: str, accepted: bool) -> None:
    plan = format_plan(machine, "zookeeper")
    owner_is(plan, "zookeeper")
    disk_says(plan, text)
    if accepted:
        machine.load(*PARTS)["main"](plan)
    else:
        assert f"myid={text.strip()}" in refused(machine.load(*PARTS), "main", plan)
    assert Path(plan["identity_file"]).read_text() == text


@pytest.mark.parametrize("member", ["1\n", None], ids=["with a myid", "without one"])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("version=0\nbroker.id=1\ncluster.id=xxxxxxxxxxxxxxxxxxxxxx\n", ""),
        ("version=0\nbroker.id=3\ncluster.id=xxxxxxxxxxxxxxxxxxxxxx\n", "broker.id=3, but the plan says 1"),
        (META, "broker.id=None, but the plan says 1"),
    ],
    ids=["its own", "another broker's", "of KRaft mode"],
)
def test_in_zookeeper_mode_another_brokers_data_is_refused(
    machine: Machine, text: str, told: str, member: str | None
) -> None:
    plan = format_plan(machine, "zookeeper")
    owner_is(plan, "kraft")
    (broker,) = map(Path, plan["brokers_own"])
    broker.parent.mkdir(parents=True)
    broker.write_text(text)
    if member:
        disk_says(plan, member)
    before = snapshot(machine.root)
    if not told:
        machine.load(*PARTS)["main"](plan)
        assert owner_formatted(plan) == ["kraft", "zookeeper"]
        return
    assert f"{broker} says {told}" in refused(machine.load(*PARTS), "main", plan)
    assert snapshot(machine.root) == before


def test_nothing_is_formatted_beside_the_volume(machine: Machine) -> None:
    plan = format_plan(machine)
    owner_is(plan)
    machine.mounted.clear()
    told = refused(machine.load(*PARTS), "main", plan)
    assert plan["data"] in told
    assert not machine.ran("runuser"), "it would lie on the root disk, and be gone with the machine"
    formats(machine, plan)
    machine.load(*PARTS)["main"]({**plan, "mounted": False, "device": ""})
    assert machine.ran("runuser"), "where there is no volume there is nothing to wait for"


def test_a_volume_whose_owner_vanished_is_a_loss(machine: Machine) -> None:
    told = refused(machine.load(*PARTS, first=False), "main", format_plan(machine))
    assert "is empty, but this node was set up before" in told
    assert not machine.ran("runuser")


def test_a_format_that_fails_is_not_remembered(machine: Machine) -> None:
    plan = format_plan(machine)
    owner_is(plan)
    machine.answer(("runuser",), answer(code=1, stderr="Log directory … is already formatted."))
    assert "already formatted" in refused(machine.load(*PARTS), "main", plan)
    assert owner_formatted(plan) == []


def test_a_node_that_never_was_starts_as_soon_as_it_is_formatted(machine: Machine) -> None:
    plan = beginning(machine)
    formats(machine, plan)
    machine.load(*PARTS)["main"](plan)
    assert started(machine), "Java would start once `running` has come, while processors wait"
    (entry,) = map(json.loads, Path(plan["begin"]["starts"]).read_text().splitlines())
    assert (entry["why"], entry["to"]) == ("it was down", "f1"), "every start has its reason"
    assert Path(plan["begin"]["fingerprint_file"]).read_text() == "f1\n", "`running` would start it once more"
    words = machine.calls
    assert words.index(machine.ran("runuser")[0]) < words.index(machine.ran("systemctl", "start")[0])


@pytest.mark.parametrize("why", ["formatted before", "not the first time", "in place of a lost disk", "it runs"])
def test_any_other_node_waits_for_the_whole_cluster_to_be_looked_at(machine: Machine, why: str) -> None:
    plan = beginning(machine, accept_empty=why == "in place of a lost disk")
    formats(machine, plan)
    if why == "formatted before":
        disk_says(plan, META)
    if why == "it runs":
        machine.answer(("systemctl", "show"), answer("active\n"))
    machine.load(*PARTS, first=why != "not the first time")["main"](plan)
    assert not started(machine)
    assert not Path(plan["begin"]["starts"]).exists()
    assert owner_formatted(plan) == ["kraft"]


def test_a_node_that_does_not_start_is_left_to_the_stage_that_has_the_evidence(machine: Machine) -> None:
    plan = beginning(machine)
    formats(machine, plan)
    machine.answer(("systemctl", "start"), answer(code=1, stderr="Job for kafka.service failed.\n"))
    machine.load(*PARTS)["main"](plan)
    assert "Job for kafka.service failed." in machine.said[-1]
    assert owner_formatted(plan) == ["kraft"]
