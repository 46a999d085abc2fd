"""A node's way from a bare machine to one that only has to be started, and the one resource that starts all."""

import ast
import json
import re
from typing import Any

import pytest

from .conftest import Up, nodes
from .recording import CLUSTER_ID, Engine, Resource, plugins, shown

NAMES = ("kafka-server1", "kafka-server2", "kafka-server3")
CHAIN = ("archive", "installed", "configured", "formatted")
STAGES = CHAIN[1:]
EACH = pytest.mark.parametrize("name", NAMES)
PLATFORMS = pytest.mark.parametrize("platform", ["libvirt", "hosts"])


@pytest.fixture
def engine(up: Up, hosts: dict[str, Any], platform: str) -> Engine:
    return up(**hosts) if platform == "hosts" else up()


def names(urns: frozenset[str]) -> set[str]:
    return {urn.rsplit("::", 1)[1] for urn in urns}


def ready_of(engine: Engine, name: str) -> Resource:
    (found,) = [r for r in engine.custom if r.name.startswith(f"{name}-") and r.name.endswith("-ready")]
    return found


def plan_of(stage: Resource) -> dict[str, Any]:
    """What a stage's program is called with."""
    line = shown(stage.inputs)["stdin"].rstrip("\n").rsplit("\n", 1)[1]
    match = re.fullmatch(r"call\(main, json\.loads\((.*)\)\)", line)
    assert match
    return json.loads(ast.literal_eval(match[1]))  # type: ignore[no-any-return]


@PLATFORMS
@EACH
def test_the_stages_follow_each_other(engine: Engine, name: str) -> None:
    before = ready_of(engine, name)
    for stage in CHAIN:
        current = engine.one(f"{name}-{stage}")
        assert before.name in engine.ancestors(current), f"{stage} would run beside or before {before.name}"
        before = current


@PLATFORMS
def test_running_waits_for_every_nodes_last_stage(engine: Engine) -> None:
    running = engine.one("kafka-running")
    assert {f"{name}-formatted" for name in NAMES} <= names(running.dependencies), (
        "nothing is stopped or started before every node has its configuration"
    )


@PLATFORMS
@EACH
def test_nodes_do_not_wait_for_each_other_until_all_can_be_formatted(engine: Engine, name: str) -> None:
    needed = engine.ancestors(engine.one(f"{name}-configured"))
    others = [other for other in NAMES if other != name]
    strangers = [found for found in needed if found.startswith(tuple(f"{other}-" for other in others))]
    assert not strangers, "a chain over the nodes would make the first `up` three times as long"
    needed = engine.ancestors(engine.one(f"{name}-formatted"))
    assert {f"{other}-configured" for other in others} <= needed, (
        "a node would be formatted although the disk of another one is refused"
    )
    assert not {f"{other}-formatted" for other in others} & needed, "they are formatted side by side"


@EACH
def test_what_is_on_a_machine_goes_with_it(up: Up, name: str) -> None:
    engine = up()
    domain = engine.one(f"{name}-domain").urn
    for thing in (*(f"{name}-{stage}" for stage in CHAIN), f"{name}-ready"):
        assert engine.one(thing).deleted_with == domain, "destroy must work when the machine is dead"


@pytest.mark.parametrize(
    ("platform", "machine"), [("libvirt", "id-of-kafka-cluster+dev+{}"), ("hosts", "machine-id-of-{}")]
)
@EACH
def test_every_stage_carries_the_machines_id(engine: Engine, name: str, machine: str) -> None:
    wanted = machine.format(name)
    for stage in STAGES:
        inputs = shown(engine.one(f"{name}-{stage}").inputs)
        assert wanted in inputs["create"], "with a fixed address a rebuilt machine looks the same, and would stay empty"
        assert wanted in inputs["update"]
    assert shown(engine.one(f"{name}-archive").inputs)["triggers"] == [wanted]


@PLATFORMS
@EACH
def test_the_first_time_is_told_from_every_later_one(engine: Engine, name: str) -> None:
    for stage in STAGES:
        inputs = shown(engine.one(f"{name}-{stage}").inputs)
        assert inputs["create"].endswith(" first")
        assert inputs["update"].endswith(" again"), "an empty disk on a node that was set up before is a loss"
        assert not inputs.get("triggers"), "a trigger replaces: the new one is made first, then the old one removed"
        assert not inputs.get("delete"), "a replaced stage would undo what the new one did"


@PLATFORMS
@EACH
def test_each_stage_gets_its_own_program(engine: Engine, name: str) -> None:
    for stage in STAGES:
        plan = plan_of(engine.one(f"{name}-{stage}"))
        assert (plan["stage"], plan["node"]) == (stage, name)


@PLATFORMS
@EACH
def test_the_archive_that_is_uploaded_is_the_one_that_is_checked(engine: Engine, name: str) -> None:
    upload = engine.one(f"{name}-archive").inputs
    plan = plan_of(engine.one(f"{name}-installed"))
    assert upload["remotePath"] == plan["upload"]
    assert plan["sha512"] == "5" * 128
    assert upload["source"].path.endswith("/kafka_2.13-3.6.0.tgz")


@EACH
def test_what_the_image_carries_is_not_uploaded(up: Up, name: str) -> None:
    carried = "/var/cache/kafka-cluster/kafka_2.13-3.6.0.tgz"
    engine = up(carried=carried)
    assert f"{name}-archive" not in {one.name for one in engine.custom}
    assert plan_of(engine.one(f"{name}-installed"))["upload"] == carried


@EACH
def test_a_host_is_taken_before_anything_is_done_there_and_given_back(up: Up, hosts: dict[str, Any], name: str) -> None:
    engine = up(**hosts)
    claimed, ready = engine.one(f"{name}-host-claimed"), engine.one(f"{name}-host-ready")
    assert engine.one("hosts-fit").urn in ready.dependencies, "all are looked at first"
    assert plan_of(ready)["stage"] == "claimed"
    assert ready_of(engine, name).urn in claimed.dependencies
    assert claimed.urn in engine.one(f"{name}-archive").dependencies
    assert claimed.inputs["delete"] == "exec python -m operations removed"
    document = json.loads(shown(claimed.inputs)["stdin"])
    assert document["urn"] == claimed.urn, "a message names the resource to forget; another name would not help"
    assert (document["plan"]["stage"], document["plan"]["delete_data"]) == ("removed", False)


@EACH
def test_what_a_destroy_will_do_with_data_says_nothing_of_the_machine(up: Up, hosts: dict[str, Any], name: str) -> None:
    before, after = (up(**hosts, deleteData=choice).one(f"{name}-host-ready") for choice in (False, True))
    assert shown(before.inputs) == shown(after.inputs), "preview would show every stage of every node as changed"


def test_only_what_a_destroy_has_to_undo_has_a_delete(up: Up, hosts: dict[str, Any]) -> None:
    for engine in (up(), up(**hosts)):
        undone = [resource.name for resource in engine.custom if resource.inputs.get("delete")]
        assert all(name.endswith("-claimed") for name in undone), "destroy must work with a dead machine"


@EACH
def test_data_lies_on_the_machines_own_disk(up: Up, name: str) -> None:
    engine = up()
    disks = engine.one(f"{name}-domain").inputs["disks"]
    (data,) = [disk for disk in disks if disk.get("scsi")]
    assert data["volumeId"] == f"id-of-kafka-cluster+dev+node{name[-1]}-data.qcow2"
    device = f"/dev/disk/by-id/wwn-0x{data['wwn']}"
    assert plan_of(engine.one(f"{name}-installed"))["device"] == device, "the stage would wait for another disk"


@PLATFORMS
def test_the_cluster_is_handed_over_as_planned(engine: Engine) -> None:
    handed = json.loads(shown(engine.one("kafka-running").inputs)["stdin"])
    assert handed["cluster_id"] == CLUSTER_ID
    assert [node["name"] for node in handed["nodes"]] == list(NAMES)
    for node in handed["nodes"]:
        staged = plan_of(engine.one(f"{node['name']}-configured"))
        assert node["fingerprint"] == staged["fingerprint"], "running would wait for what nobody staged"
        assert plan_of(engine.one(f"{node['name']}-formatted"))["identity"]["cluster.id"] == handed["cluster_id"]


def test_a_disk_that_was_formatted_anew_is_told_to_running(up: Up) -> None:
    usual = plugins()

    def formatting(resource: Resource) -> dict[str, Any]:
        said = {"stdout": "Formatting …"} if resource.name == "kafka-server2-formatted" else {}
        return usual(resource) | said

    before, after = (engine.one("kafka-running").inputs for engine in (up(), up(engine=Engine(formatting))))
    assert before["stdin"] != after["stdin"], "the node would stay down, and `up` would call that a success"


@pytest.mark.parametrize(("kind", "patience"), [("qemu", 5), ("kvm", 1)])
def test_emulated_machines_are_given_more_time(up: Up, kind: str, patience: int) -> None:
    engine = up() if kind == "qemu" else up(engine=Engine(plugins(kind)))
    assert json.loads(shown(engine.one("kafka-running").inputs)["stdin"])["patience"] == patience
    for name in NAMES:
        assert json.loads(shown(engine.one(f"{name}-ready").inputs)["stdin"])["patience"] == patience
        assert engine.one(f"{name}-domain").inputs["type"] == kind
    assert any("emulated" in warning for warning in engine.warnings()) is (kind == "qemu")


@EACH
def test_only_the_named_node_may_have_an_empty_disk(up: Up, name: str) -> None:
    engine = up(acceptEmptyDisk="kafka-server2")
    for stage in ("installed", "formatted"):
        assert plan_of(engine.one(f"{name}-{stage}"))["accept_empty"] is (name == "kafka-server2")


@pytest.mark.parametrize("count", [1, 5])
def test_other_numbers_of_nodes(up: Up, count: int) -> None:
    engine = up(settings={}, nodes=nodes(count))
    assert len(engine.of("kafka-cluster:index:KafkaNode")) == len(engine.of("libvirt:index/domain:Domain")) == count
    assert {f"n{i}-formatted" for i in range(1, count + 1)} <= names(engine.one("kafka-running").dependencies)
    assert len(shown(engine.outputs)["bootstrap_servers"].split(",")) == count


@PLATFORMS
def test_zookeeper_mode(up: Up, hosts: dict[str, Any], platform: str) -> None:
    engine = up(mode="zookeeper", **(hosts if platform == "hosts" else {}))
    for name in NAMES:
        plan = plan_of(engine.one(f"{name}-configured"))
        assert plan["services"] == ["zookeeper.service", "kafka.service"]
        assert plan_of(engine.one(f"{name}-formatted"))["identity"] == {"myid": name[-1]}
    assert json.loads(shown(engine.one("kafka-running").inputs)["stdin"])["mode"] == "zookeeper"
    assert engine.outputs["mode"] == "zookeeper"
