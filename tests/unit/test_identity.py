"""What may not change on an existing cluster, and what is said instead."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import identity
from model.machine_names import MachineNames
from model.settings import read

from .samples import dev, dev_config, nodes

Change = Callable[[list[dict[str, Any]]], object]


def stored(value: dict[str, Any]) -> dict[str, Any]:
    """As the state gives it back: through JSON, where every number is a float."""
    return json.loads(json.dumps(value), parse_int=float)  # type: ignore[no-any-return]


def refusals(**changes: Any) -> list[str]:
    known = {**stored(identity.of(dev())), "clusterId": "AAAAAAAAAAAAAAAAAAAAAQ"}
    return identity.refusals(known, identity.of(dev(**changes)))


def with_nodes(change: Change) -> list[str]:
    three = [dict(node) for node in dev_config()["nodes"]]
    change(three)
    return refusals(nodes=three)


HARMLESS: list[dict[str, Any]] = [
    {},
    {"settings": {"num.partitions": 6}},
    {"heap": "600M"},
    {"mode": "zookeeper"},
    {"memory": 4096},
    {"protectData": True},
    {"nodes": list(reversed(dev_config()["nodes"]))},
    {"acceptEmptyDisk": "kafka-server2"},
    {"dataDisk": 20},
]


@pytest.mark.parametrize("changes", HARMLESS, ids=[str(list(changes)) for changes in HARMLESS])
def test_what_may_change(changes: dict[str, Any]) -> None:
    assert refusals(**changes) == [], "a refusal of a safe change leaves an operator no way at all"


BAD: dict[str, tuple[Change, str]] = {
    "two nodes more": (
        lambda n: n.extend({"name": f"n{i}", "id": i, "address": f"172.25.254.{i}"} for i in (4, 5)),
        "n5",
    ),
    "another id": (lambda n: n[0].update(id=9), "id 9"),
    "another name": (lambda n: n[0].update(name="other"), "other"),
    "another address": (lambda n: n[0].update(address="172.25.254.99"), "172.25.254.99"),
    "swapped addresses": (
        lambda n: (n[0].update(address="172.25.254.132"), n[1].update(address="172.25.254.131")),
        "kafka-server1 (id 1, 172.25.254.132",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_change_of_nodes_is_refused(what: str) -> None:
    change, mark = BAD[what]
    (line,) = with_nodes(change)
    before, after = line.split("was asked to be")
    assert line.startswith("  - nodes: is ")
    assert "kafka-server1 (id 1, 172.25.254.131" in before, "both states, so that the difference can be seen"
    assert mark in after
    assert "instead, make a second stack" in line, "a refusal that names no way is a dead end"


def test_nodes_that_go_are_refused() -> None:
    five, three = (identity.of(read({"nodes": nodes(count)})) for count in (5, 3))
    (line,) = identity.refusals(stored(five), three)
    before, after = line.split("was asked to be")
    assert "n5" in before
    assert "n5" not in after


def test_other_roles_are_refused() -> None:
    five = nodes(5)
    before = identity.of(read({"nodes": five}))
    five[4]["roles"] = five[3]["roles"] = ["broker"]
    (line,) = identity.refusals(stored(before), identity.of(read({"nodes": five})))
    assert "n5 (id 5, 172.25.254.135, broker)" in line


@pytest.mark.parametrize(
    ("changes", "key", "after"),
    [
        ({"kafkaVersion": "3.6.1"}, "kafkaVersion", "3.6.1"),
        ({"networkCidr": "172.25.254.0/23"}, "networkCidr", "172.25.254.0/23"),
        ({"clusterId": "A_D5kj5zTbi2EDTeXHDH3g"}, "clusterId", "A_D5kj5zTbi2EDTeXHDH3g"),
    ],
)
def test_another_value_is_refused_with_both_and_a_way(changes: dict[str, Any], key: str, after: str) -> None:
    (line,) = refusals(**changes)
    assert line.startswith(f"  - {key}: is ")
    assert repr(after) in line
    assert "; instead, " in line


def test_another_platform_is_refused() -> None:
    key = {"user": "admin", "privateKeyFile": "~/k", "hostKey": "ssh-ed25519 AAAA"}
    hosts = [{**node, **key} for node in dev_config()["nodes"]]
    (line,) = refusals(platform="hosts", nodes=hosts)
    assert line.startswith("  - platform: is 'libvirt', was asked to be 'hosts'")


def test_an_id_that_is_no_longer_configured_is_the_one_that_the_state_holds() -> None:
    before = identity.of(dev(clusterId="A_D5kj5zTbi2EDTeXHDH3g"))
    assert identity.refusals(stored(before), identity.of(dev())) == []


def test_every_change_is_told_at_once() -> None:
    assert len(refusals(kafkaVersion="3.6.2", networkCidr="172.25.254.0/23")) == 2


def test_an_older_states_missing_parts_are_no_change() -> None:
    earlier = stored(identity.of(dev()))
    del earlier["networkCidr"]
    assert identity.refusals(earlier, identity.of(dev())) == []


def ground(**changes: Any) -> dict[str, Any]:
    return identity.ground(dev(**changes), MachineNames("p", "s"))


SITE: list[dict[str, Any]] = [
    {"type": "t", "urn": "urn::site-hypervisor", "inputs": {"uri": "qemu:///system?socket=/run/x"}},
    {"type": "t", "urn": "urn::site-pool", "inputs": {"name": "p+s", "path": "/var/lib/libvirt/p+s"}},
    {"type": "t", "urn": "urn::site-network", "inputs": {"mode": "none"}},
]


def test_the_ground_is_what_the_machines_stand_on() -> None:
    assert identity.refusals(identity.earlier(SITE), ground()) == []
    changed = ground(networkMode="bridge", networkBridge="br0", poolPath="/data")
    lines = identity.refusals(identity.earlier(SITE), changed)
    assert [line.split(":")[0] for line in lines] == ["  - networkMode", "  - networkBridge", "  - poolPath"]
    assert "is 'isolated', was asked to be 'bridge'; instead, make a second stack" in lines[0], "in the user's words"


def test_a_pool_that_was_spelled_otherwise_is_the_same() -> None:
    pool = {"type": "t", "urn": "urn::site-pool", "inputs": {"name": "p+s", "path": "/data//pool/"}}
    assert identity.refusals(identity.earlier([pool]), ground(poolPath="/data/pool")) == [], "it has to be corrected"


def test_a_stack_with_machines_keeps_its_name() -> None:
    renamed = identity.ground(dev(poolPath="/var/lib/libvirt/p+s"), MachineNames("p", "t"))
    (line,) = identity.refusals(identity.earlier(SITE), renamed)
    assert "stack: is 'p+s', was asked to be 'p+t'; instead, give the stack its name back" in line, (
        "another name would be another network and pool, and every machine be made anew"
    )


def test_ground_that_was_never_made_may_change() -> None:
    changed = {**ground(networkMode="bridge", networkBridge="br0", poolPath="/data"), "libvirtUri": "qemu:///system"}
    assert identity.refusals(identity.earlier([]), changed) == [], "a bridge that is not there has to be corrected"


def test_a_bridge_that_is_no_longer_configured_is_the_one_that_is_there() -> None:
    network = {"type": "t", "urn": "urn::site-network", "inputs": {"mode": "nat", "bridge": "br0"}}
    assert identity.refusals(identity.earlier([network]), ground(networkMode="nat")) == []


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("qemu:///system", "qemu:///system", True),
        ("qemu:///system", "qemu+unix:///system", True),
        ("qemu+ssh://a@far/system?keyfile=/a", "qemu+ssh://b@far/system?no_verify=1&keyfile=/b", True),
        ("qemu+ssh://far/system", "qemu+tls://far/system", True),
        ("qemu+ssh://far/system", "qemu+ssh://farther/system", False),
        ("qemu+ssh://localhost:2201/system", "qemu+ssh://localhost:2202/system", False),
        ("qemu:///system", "qemu:///session", False),
        ("qemu:///system", "test:///system", False),
        ("qemu:///system", "qemu:///system?socket=/run/x", False),
        ("qemu:///system?socket=/run/x", "qemu:///system?mode=direct&socket=/run/y", False),
        ("no address", "none either", False),
    ],
)
def test_a_hypervisor_is_the_same_however_one_gets_there(before: str, after: str, same: bool) -> None:
    assert bool(identity.refusals({"libvirtUri": before}, {"libvirtUri": after})) is not same


@given(st.permutations(nodes(5)))
def test_the_order_of_the_configuration_is_no_part_of_it(order: list[dict[str, Any]]) -> None:
    assert identity.of(read({"nodes": order})) == identity.of(read({"nodes": nodes(5)}))


def test_it_can_be_kept_in_the_state() -> None:
    assert json.loads(json.dumps(identity.of(dev()))) == identity.of(dev()), (
        "no enum, no tuple: it comes back as it was"
    )


def state(*, ran: bool, asked: str = "") -> list[dict[str, Any]]:
    """A state whose cluster was asked for with a cluster id or without one."""
    made = {
        "type": "command:local:Command",
        "urn": "urn::cluster-id",
        "outputs": {"stdout": "MADEMADEMADEMADEMADEMA\n"},
    }
    running = {"type": "command:local:Command", "urn": "urn::kafka-server1-formatted", "outputs": {}}
    cluster = {
        "type": identity.CLUSTER,
        "urn": "urn::kafka",
        "inputs": {"identity": {**identity.of(dev()), "clusterId": asked}},
    }
    return [cluster, made, *([running] if ran else [])]


@pytest.mark.parametrize(
    ("ran", "asked", "known"),
    [(True, "", "MADEMADEMADEMADEMADEMA"), (False, "", ""), (True, "A_D5kj5zTbi2EDTeXHDH3g", "A_D5kj5zTbi2EDTeXHDH3g")],
)
def test_the_id_of_a_cluster_is_the_made_one_once_it_ran(ran: bool, asked: str, known: str) -> None:
    assert identity.earlier(state(ran=ran, asked=asked))["clusterId"] == known, (
        "a cluster that ran keeps its id, and one that never ran may be told the id of data it found"
    )


@pytest.mark.parametrize("asked", ["", "A_D5kj5zTbi2EDTeXHDH3g"])
def test_the_id_that_was_configured_is_remembered_and_no_made_one(asked: str) -> None:
    assert identity.configured_cluster_id(state(ran=True, asked=asked)) == asked
    assert identity.configured_cluster_id([]) == ""


def test_a_cluster_that_never_ran_may_be_told_its_id() -> None:
    wanted = {**identity.of(dev()), "clusterId": "A_D5kj5zTbi2EDTeXHDH3g"}
    assert identity.refusals(identity.earlier(state(ran=False)), wanted) == []
    (refusal,) = identity.refusals(identity.earlier(state(ran=True)), wanted)
    assert "clusterId" in refusal


def on_hosts(*names: str, **changes: Any) -> list[dict[str, Any]]:
    """A state of a cluster on machines that exist, with resources of these names."""
    key = {"user": "admin", "privateKeyFile": "~/k", "hostKey": "ssh-ed25519 AAAA"}
    settings = dev(platform="hosts", nodes=[{**node, **key} for node in dev_config()["nodes"]], **changes)
    asked = {"type": identity.CLUSTER, "urn": "urn::kafka", "inputs": {"identity": stored(identity.of(settings))}}
    return [asked, *({"type": "t", "urn": f"urn::{name}", "outputs": {}} for name in names)]


CORRECTED = identity.of(read({"nodes": nodes(3)}))


@pytest.mark.parametrize("names", [(), ("hosts-fit", "cluster-id", "operator")])
@pytest.mark.parametrize("changes", [{}, {"clusterId": "A_D5kj5zTbi2EDTeXHDH3g"}])
def test_machines_that_were_only_looked_at_are_no_cluster_yet(names: tuple[str, ...], changes: dict[str, Any]) -> None:
    known = identity.earlier(on_hosts(*names, **changes))
    assert identity.refusals(known, CORRECTED) == [], "a wrong address could not be corrected"


@pytest.mark.parametrize("name", ["kafka-server1-host-ready", "kafka-server1-host-claimed", "kafka-server1-formatted"])
def test_a_machine_that_was_taken_makes_a_cluster(name: str) -> None:
    lines = identity.refusals(identity.earlier(on_hosts(name)), CORRECTED)
    assert [line.split(":")[0] for line in lines] == ["  - nodes", "  - platform"]


def test_a_cluster_without_data_may_be_begun_anew() -> None:
    known = identity.earlier(state(ran=False))
    for line in identity.refusals(known, CORRECTED, formatted=False):
        assert line.endswith("; instead, nothing was formatted yet: `pulumi destroy`, then `pulumi up`")
    (line,) = identity.refusals(known, CORRECTED)
    assert "nothing was formatted" not in line, "its data would be gone"
