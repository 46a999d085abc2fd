"""What a change costs: which resources are asked for with something new. Whatever is not, stays as it is.

Preview and `up` see the same, so this is what makes a preview tell the truth.
"""

import json
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest

from model.attempt import TOPICS
from model.emptied import Emptied
from model.identity import CLUSTER
from model.left import NODE
from model.pending_replacement import CHOSEN

from .conftest import HOST_KEY, URI, Up, dev_config, nodes
from .recording import CLUSTER_ID, Engine, Resource, Secret, plugins, shown

NAMES = ("kafka-server1", "kafka-server2", "kafka-server3")
PLATFORMS = pytest.mark.parametrize("platform", ["libvirt", "hosts"])


def changed(before: Engine, after: Engine) -> set[str]:
    """The names of resources that the engine would update or replace, make or remove."""
    old, new = before.resources, after.resources
    touched = {urn for urn in old.keys() & new.keys() if old[urn].effective != new[urn].effective}
    return {urn.rsplit("::", 1)[1] for urn in touched | (old.keys() ^ new.keys())}


def each(*suffixes: str) -> set[str]:
    return {f"{name}{suffix}" for name in NAMES for suffix in suffixes}


def on(platform: str, hosts: dict[str, Any]) -> dict[str, Any]:
    return hosts if platform == "hosts" else {}


@PLATFORMS
def test_the_same_program_twice_asks_for_the_same(up: Up, hosts: dict[str, Any], platform: str) -> None:
    changes = on(platform, hosts)
    one, other = up(**changes), up(engine=Engine(plugins()), **changes)
    assert one.resources == other.resources, "every `up` would change something"
    assert one.outputs == other.outputs


# A component's own inputs change with its settings, so that a preview says `num.partitions: 3 => 6`.
TOLD = {"kafka", *NAMES}


@PLATFORMS
def test_a_kafka_setting_touches_configuration_and_running_only(up: Up, hosts: dict[str, Any], platform: str) -> None:
    plain = on(platform, hosts)
    after = up(**plain, settings={**dev_config()["settings"], "num.partitions": 6})
    assert changed(up(**plain), after) == TOLD | each("-configured") | {"kafka-running"}
    for name in NAMES:
        told = after.one(name, "kafka-cluster:index:KafkaNode").inputs["settings"]
        assert told["num.partitions"] == "6", "a preview shows the setting, and not a difference of scripts"


@PLATFORMS
def test_a_setting_that_a_running_cluster_takes_restarts_nothing(up: Up, hosts: dict[str, Any], platform: str) -> None:
    plain = on(platform, hosts)
    before, after = up(**plain), up(**plain, settings={**dev_config()["settings"], "log.retention.hours": 48})
    assert changed(before, after) == TOLD | each("-configured") | {"kafka-settings"}
    shown_before_it_is_done = after.one("kafka-settings", "command:local:Command").inputs["stdin"]
    assert '"log.retention.ms": "172800000"' in shown_before_it_is_done, "a preview says what the brokers will be told"
    assert json.loads(shown_before_it_is_done)["cluster_id"] == CLUSTER_ID, "or it would tell them beside another run"


def test_the_heap_touches_no_machine(up: Up) -> None:
    assert changed(up(), up(heap="600M")) == each("", "-configured") | {"kafka-running"}


@PLATFORMS
def test_a_switch_of_modes_touches_no_machine_and_removes_nothing(up: Up, hosts: dict[str, Any], platform: str) -> None:
    plain = on(platform, hosts)
    found = changed(up(**plain), up(**plain, mode="zookeeper"))
    assert found <= TOLD | each("-configured", "-formatted") | {"kafka-running", "kafka-settings", "hosts-fit"}
    assert each("-configured", "-formatted") <= found


@pytest.mark.parametrize("change", [{"memory": 4096}, {"vcpu": 2}])
def test_a_bigger_machine_waits_until_it_is_the_one_to_be_replaced(
    up: Up, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    assert changed(up(), up(**change)) == set(), "all machines would be away at the same moment"
    monkeypatch.setenv(CHOSEN, "kafka-server2")
    before, after = up(engine=Engine(plugins())), up(engine=Engine(plugins()), **change)
    assert changed(before, after) == {"kafka-server2-domain"}


@pytest.mark.parametrize("change", [{"dataDisk": 99}, {"image": "/other.qcow2"}, {"protectData": True}])
def test_what_never_touches_anything(up: Up, change: dict[str, Any]) -> None:
    assert changed(up(), up(**change)) == set()


def test_the_word_for_an_empty_disk_touches_that_node_only(up: Up) -> None:
    found = changed(up(), up(acceptEmptyDisk="kafka-server2"))
    assert {"kafka-server2-installed", "kafka-server2-formatted"} <= found
    assert not [name for name in found if not name.startswith("kafka-server2-")]


ALLOWED = {"acceptEmptyDisk": "kafka-server2"}


@PLATFORMS
def test_an_empty_disk_is_taken_only_after_the_others_were_asked(up: Up, hosts: dict[str, Any], platform: str) -> None:
    plain = on(platform, hosts)
    one, other = (up(engine=Engine(plugins(), earlier=identity(up(**plain))), **plain, **ALLOWED) for _ in range(2))
    asked = one.one("kafka-server2-emptied")
    assert shown(asked.inputs)["create"].endswith(" emptied")
    assert asked.urn in one.one("kafka-server2-installed").dependencies, "a file system would be made beforehand"
    for name in NAMES:
        assert asked.name in one.ancestors(one.one(f"{name}-formatted")), "a refusal is one before anything is touched"
    assert asked.name not in one.ancestors(one.one("kafka-server1-configured")), "it concerns one node"
    assert changed(one, other) == {asked.name}, "what the others held yesterday says nothing of today"
    told = Emptied.model_validate_json(shown(asked.inputs)["stdin"])
    assert (told.access.name, told.look["stage"], len(told.nodes)) == ("kafka-server2", "emptied", 3)
    others = [(other.access.name, other.look["node"], other.look["mounted"]) for other in told.others]
    has_volume = platform == "libvirt"
    assert others == [(name, name, has_volume) for name in NAMES if name != "kafka-server2"]
    assert isinstance(asked.inputs["stdin"], Secret), "it holds the keys of the machines"


@PLATFORMS
def test_nobody_is_asked_for_a_new_cluster_or_without_the_word(up: Up, hosts: dict[str, Any], platform: str) -> None:
    plain = on(platform, hosts)
    existing = Engine(plugins(), earlier=identity(up(**plain)))
    for engine in (up(**plain, **ALLOWED), up(engine=existing, **plain)):
        assert not [each.name for each in engine.custom if each.name.endswith("-emptied")]


def test_a_domain_type_that_is_said_waits_too(up: Up) -> None:
    found = changed(up(), up(engine=Engine(plugins("kvm")), domainType="kvm"))
    assert not found & each("-domain")
    assert not found & each("-data", "-root"), "the disks stay"


def machines_of(kind: str, *names: str) -> list[dict[str, Any]]:
    """Domains as a state has them."""
    return [{"type": "x", "urn": f"urn::{name}-domain", "inputs": {"type": kind, "memory": 1536}} for name in names]


def test_nodes_stay_as_patient_as_their_machines_until_those_are_replaced(
    up: Up, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kvm(names: tuple[str, ...]) -> Engine:
        return up(engine=Engine(plugins("kvm"), earlier=machines_of("qemu", *names)), domainType="kvm")

    before = up(engine=Engine(plugins("qemu"), earlier=machines_of("qemu", *NAMES)))
    found = changed(before, kvm(NAMES))
    assert found == {"site-domain-type"}, "brokers on emulated machines would lose the time that they need"
    monkeypatch.setenv(CHOSEN, NAMES[0])
    of_one = changed(before, kvm(NAMES))
    assert f"{NAMES[0]}-domain" in of_one
    assert f"{NAMES[1]}-configured" not in of_one, "one emulated machine is enough"
    assert f"{NAMES[1]}-configured" in changed(before, kvm(NAMES[:1])), "the last of them is replaced"


def test_how_long_libvirt_may_take_is_said_where_it_makes_machines(up: Up) -> None:
    def told(engine: Engine) -> bool:
        return any("1 min at most" in said for said in up(engine=engine).said("info"))

    assert told(Engine(plugins())), "Pulumi itself shows no more than how long it has taken so far"
    assert not told(Engine(plugins(), earlier=machines_of("qemu", *NAMES))), "nothing is waited for where all is there"
    assert not told(Engine(plugins(), preview=True))


def test_a_cluster_id_that_is_taken_out_stays_the_clusters(up: Up) -> None:
    with_id = up(clusterId=CLUSTER_ID)
    without = up(engine=Engine(plugins(), earlier=identity(with_id)))
    assert changed(with_id, without) == set(), "another id would be made, and every node's data refused"


def test_a_heap_that_the_machines_do_not_hold_yet_is_refused(up: Up) -> None:
    engine = Engine(plugins(), earlier=machines_of("qemu", *NAMES))
    with pytest.raises(pulumi.RunError, match="this change is refused.*\n.*heap: got '2G'.*kafka-server1 1536"):
        up(engine=engine, memory=4096, heap="2G")


def test_another_machine_is_worked_on_again_and_no_other_one(up: Up) -> None:
    usual = plugins()

    def rebuilt(resource: Resource) -> dict[str, Any]:
        answer = usual(resource)
        return answer | {"id": "another"} if resource.name == "kafka-server2-domain" else answer

    stages = ("ready", "archive", "installed", "configured", "formatted")
    assert changed(up(), up(engine=Engine(rebuilt))) == {f"kafka-server2-{stage}" for stage in stages} | {
        "kafka-running"
    }, "a rebuilt machine with the same address would stay empty"


def test_another_host_is_taken_and_worked_on_again(up: Up, hosts: dict[str, Any]) -> None:
    usual = plugins()

    def rebuilt(resource: Resource) -> dict[str, Any]:
        other = {"stdout": "kafka-server2 is taken, machine another\n"}
        return usual(resource) | (other if resource.name == "kafka-server2-host-ready" else {})

    found = changed(up(**hosts), up(engine=Engine(rebuilt), **hosts))
    stages = ("host-claimed", "archive", "installed", "configured", "formatted")
    assert found == {f"kafka-server2-{stage}" for stage in stages} | {"kafka-running"}, (
        "without a claim of its own a rebuilt machine is not given back by a destroy"
    )


# -- what is refused on an existing cluster --------------------------------------------------------------------


# What tells of a cluster that it was formatted, and with which id.
FORMATTED = ("cluster-id", "-formatted")


def identity(engine: Engine) -> list[dict[str, Any]]:
    """What an `up` leaves behind, as the state gives it back."""
    parts = [part for kind in (CLUSTER, NODE, TOPICS) for part in engine.of(kind)]
    components = [
        {
            "type": part.type,
            "urn": part.urn,
            "inputs": json.loads(json.dumps(part.inputs)),
            "outputs": engine.outputs_of.get(part.urn, {}),
        }
        for part in parts
    ]
    made = [
        {"type": r.type, "urn": r.urn, "outputs": {"stdout": CLUSTER_ID}}
        for r in engine.custom
        if r.name.endswith(FORMATTED)
    ]
    kept = [r for r in engine.custom if r.name.startswith("site-")]
    site = [{"type": r.type, "urn": r.urn, "inputs": shown(r.inputs)} for r in kept]
    return [*components, *made, *site]


def moved(key: str, value: object) -> list[dict[str, Any]]:
    first, *others = dev_config()["nodes"]
    return [{**first, key: value}, *others]


def login(changes: dict[str, Any], hosts: dict[str, Any]) -> dict[str, Any]:
    """The changes of nodes, with the keys that hosts need."""
    known = {key: hosts["nodes"][0][key] for key in ("user", "privateKeyFile", "hostKey")}
    if "nodes" not in changes:
        return {**hosts, **changes}
    return {**hosts, **changes, "nodes": [{**known, **node} for node in changes["nodes"]]}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "two nodes more": ({"nodes": [*dev_config()["nodes"], *nodes(5)[3:]]}, "nodes"),
    "two nodes fewer": ({"nodes": dev_config()["nodes"][:1], "settings": {}}, "nodes"),
    "another id": ({"nodes": moved("id", 9)}, "nodes"),
    "another name": ({"nodes": moved("name", "other")}, "nodes"),
    "another address": ({"nodes": moved("address", "172.25.254.77")}, "nodes"),
    "another cluster id": ({"clusterId": "AAAAAAAAAAAAAAAAAAAAAQ"}, "clusterId"),
    "another version": ({"kafkaVersion": "3.6.2"}, "kafkaVersion"),
    "another network": ({"networkCidr": "172.25.254.0/23"}, "networkCidr"),
}


@PLATFORMS
@pytest.mark.parametrize("what", REFUSED)
def test_another_cluster_is_refused_before_anything_is_asked_for(
    up: Up, hosts: dict[str, Any], what: str, platform: str
) -> None:
    changes, key = REFUSED[what]
    is_refused(up, up(**on(platform, hosts)), key, login(changes, hosts) if platform == "hosts" else changes)


def is_refused(up: Up, existing: Engine, key: str, changes: dict[str, Any]) -> None:
    engine = Engine(plugins(), earlier=identity(existing), preview=True)
    with pytest.raises(pulumi.RunError) as caught:
        up(engine=engine, **changes)
    told = str(caught.value)
    assert told.startswith("this change is refused; nothing was changed:\n  - " + key)
    assert "; instead, " in told, "a refusal that names no way is a dead end"
    assert not list(destructive(existing, engine))


NAT = {"networkMode": "nat"}
BRIDGE = {"networkMode": "bridge", "networkBridge": "br7"}
OTHER_GROUND: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "another mode": ({}, NAT, "networkMode: is 'isolated', was asked to be 'nat'"),
    "an existing bridge": (NAT, BRIDGE, "networkMode: is 'nat', was asked to be 'bridge'"),
    "another bridge": (BRIDGE, {**BRIDGE, "networkBridge": "br8"}, "networkBridge: is 'br7', was asked to be 'br8'"),
    "a pool elsewhere": ({}, {"poolPath": "/data/pool"}, "poolPath: is '/var/lib/libvirt/kafka-cluster+dev', was"),
    "another hypervisor": ({}, {"libvirtUri": "qemu+ssh://far/system"}, f"libvirtUri: is '{URI}', was asked to be"),
}


@pytest.mark.parametrize("what", OTHER_GROUND)
def test_other_ground_under_all_machines_is_refused(up: Up, what: str) -> None:
    before, after, told = OTHER_GROUND[what]
    is_refused(up, up(**before), told, after)


@pytest.mark.parametrize(
    "changes", [{"libvirtUri": URI}, {"poolPath": "/var/lib/libvirt/kafka-cluster+dev"}, {"networkBridge": ""}]
)
def test_what_auto_means_may_be_said(up: Up, changes: dict[str, Any]) -> None:
    up(engine=Engine(plugins(), earlier=identity(up())), **changes)


def test_what_machines_on_hosts_do_not_stand_on_may_change(up: Up, hosts: dict[str, Any]) -> None:
    up(engine=Engine(plugins(), earlier=identity(up(**hosts))), **{**hosts, **BRIDGE, "poolPath": "/x"})


def destructive(existing: Engine, refused: Engine) -> Iterator[str]:
    """What a run that was refused asked for, and that would change what is there."""
    known = existing.resources
    for resource in refused.custom:
        if resource.type.startswith(("libvirt:", "command:remote:")):
            yield f"{resource.name} is asked for"
        elif resource.urn in known and resource.effective != known[resource.urn].effective:
            yield f"{resource.name} would be run again"


def test_another_platform_is_refused(up: Up, hosts: dict[str, Any]) -> None:
    existing = up()
    engine = Engine(plugins(), earlier=identity(existing))
    with pytest.raises(pulumi.RunError, match="platform: is 'libvirt', was asked to be 'hosts'"):
        up(engine=engine, **hosts)
    assert not list(destructive(existing, engine))


def test_a_wrong_address_is_told_how_to_be_corrected(up: Up) -> None:
    earlier = [one for one in identity(up()) if not one["urn"].endswith(FORMATTED)]
    with pytest.raises(pulumi.RunError, match="nothing was formatted yet: `pulumi destroy`, then `pulumi up`"):
        up(engine=Engine(plugins(), earlier=earlier), nodes=moved("address", "172.25.254.77"))


@PLATFORMS
@pytest.mark.parametrize("change", [{}, {"mode": "zookeeper"}])
def test_an_existing_cluster_goes_on(up: Up, hosts: dict[str, Any], change: dict[str, Any], platform: str) -> None:
    plain = on(platform, hosts)
    earlier = identity(up(**plain))
    engine = up(engine=Engine(plugins(), earlier=earlier), **plain, **change)
    assert engine.resources == up(**plain, **change).resources, "the first `up` and every later one are the same graph"


@PLATFORMS
def test_a_refusal_comes_at_preview(up: Up, hosts: dict[str, Any], platform: str) -> None:
    plain = on(platform, hosts)
    engine = Engine(plugins(), earlier=identity(up(**plain)), preview=True)
    with pytest.raises(pulumi.RunError, match="kafkaVersion"):
        up(engine=engine, **{**plain, "kafkaVersion": "3.6.2"})


@PLATFORMS
def test_the_preview_of_a_new_stack_asks_for_all_that_up_will(up: Up, hosts: dict[str, Any], platform: str) -> None:
    plain = on(platform, hosts)
    preview = up(engine=Engine(plugins(), preview=True), **plain)
    assert set(preview.resources) == set(up(**plain).resources), "nothing may hang on what is not known yet"


def test_another_host_key_alone_is_no_other_cluster(up: Up, hosts: dict[str, Any]) -> None:
    renewed = [{**node, "hostKey": HOST_KEY.replace("KMO", "NEW")} for node in hosts["nodes"]]
    engine = Engine(plugins(), earlier=identity(up(**hosts)))
    up(engine=engine, **{**hosts, "nodes": renewed})
    known = [shown(r.inputs["connection"])["hostKey"] for r in engine.of("command:remote:Command")]
    assert set(known) == {HOST_KEY.replace("KMO", "NEW")}
