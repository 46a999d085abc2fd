"""Each node's data lies where it is safe, and belongs to this node of this cluster."""

import json

import pytest

from model import stages
from model.kafka_keys import Mode
from tests.live.machine import Machine
from tests.live.planned import Plan


def test_data_lies_on_the_planned_volume(machine: Machine) -> None:
    if not machine.plan.device:
        pytest.skip("the plan gives this node no data volume of its own")
    data = machine.plan.cluster.paths.data
    mounted = machine.host.run("findmnt --json --mountpoint %s", data)
    assert mounted.rc == 0, (
        f"{machine}: nothing is mounted at {data}: records would go to the root disk and die with it"
    )
    (mount,) = json.loads(mounted.stdout)["filesystems"]
    assert mount["fstype"] in ("xfs", "ext4"), f"{machine}: {data} is {mount['fstype']}, which Kafka is not run on"
    assert "noatime" in mount["options"].split(","), f"{machine}: {data} writes to the disk for every read (no noatime)"
    source, device = machine.says("readlink --canonicalize %s %s", mount["source"], machine.plan.device).split()
    assert source == device, f"{machine}: {data} is {source} and not the planned {machine.plan.device} ({device})"


def test_guides_places_lead_to_the_data(machine: Machine) -> None:
    for place, target in machine.plan.cluster.paths.links.items():
        leads = machine.says("readlink --canonicalize %s", place)
        assert leads == target, f"{machine}: {place} leads to {leads} and not to {target}: data would miss its volume"


def test_data_belongs_to_this_node_of_this_cluster(machine: Machine, plan: Plan) -> None:
    formatted = stages.formatted(machine.plan, plan.handover.cluster_id)
    path, wanted = formatted["identity_file"], formatted["identity"]
    text = machine.says("cat %s", path)
    if machine.plan.cluster.mode is Mode.ZOOKEEPER:
        found = {"myid": text}
    else:
        found = dict(line.split("=", 1) for line in text.splitlines() if not line.startswith("#"))
    wrong = {key: found.get(key) for key, value in wanted.items() if found.get(key) != value}
    assert not wrong, f"{machine}: {path} says {wrong} instead of {wanted}: this is another node's or cluster's data"


def test_volume_says_whose_it_is(machine: Machine) -> None:
    owner = json.loads(machine.says("cat %s", machine.plan.cluster.paths.owner))
    assert (owner["stack"], owner["node_id"]) == (machine.plan.stack, machine.node.id), (
        f"{machine}: the data says it is node {owner['node_id']} of {owner['stack']}, and not node {machine.node.id} of"
        f" {machine.plan.stack}: two stacks would write to one volume"
    )
    assert machine.plan.cluster.mode.value in owner["formatted"], (
        f"{machine}: the data was not made by this package in mode {machine.plan.cluster.mode}"
    )
