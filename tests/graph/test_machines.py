"""Virtual machines as they are asked of libvirt: what keeps data, what may be replaced, what would collide."""

import re
from typing import Any

import pytest

from model.machine_names import MachineNames

from .conftest import IMAGE, URI, Up, nodes
from .recording import Engine, Resource, plugins, shown

NAMED = ("domain:Domain", "volume:Volume", "cloudInitDisk:CloudInitDisk", "network:Network", "pool:Pool")


def made(engine: Engine) -> list[Resource]:
    """Everything that is asked of libvirt."""
    found = [resource for resource in engine.custom if resource.type.startswith("libvirt:")]
    assert found
    return found


def data_volumes(engine: Engine) -> list[Resource]:
    found = [resource for resource in engine.of("libvirt:index/volume:Volume") if resource.name.endswith("-data")]
    assert len(found) == 3
    return found


@pytest.mark.parametrize("protect", [True, False])
def test_data_volumes_are_protected_if_so_wished(up: Up, protect: bool) -> None:
    engine = up(protectData=True) if protect else up()
    assert {volume.protect for volume in data_volumes(engine)} == {protect}
    others = [
        resource.name for resource in engine.registered if resource.protect and not resource.name.endswith("-data")
    ]
    assert not others, "only data is worth a destroy that stops"


def test_no_change_replaces_a_data_volume(up: Up) -> None:
    for volume in data_volumes(up()):
        replacing = {key for key in volume.inputs if key not in volume.ignore_changes}
        assert not replacing, "with this provider every field of a volume replaces it by a new and empty one"


def test_what_is_done_to_a_machine_by_hand_replaces_none(up: Up) -> None:
    """The refresh finds a disk that was attached, or a description; this provider would make the domain anew for each."""
    by_hand = {"disks", "filesystems", "consoles", "graphics", "tpm", "firmware", "nvram", "cmdlines", "description"}
    for domain in up().of("libvirt:index/domain:Domain"):
        lacking = by_hand - domain.ignore_changes
        assert not lacking, f"{domain.name}: all machines would lose their power in one `up`"


def test_a_data_volume_belongs_to_the_node_and_carries_project_and_stack(up: Up) -> None:
    assert {volume.inputs["name"] for volume in data_volumes(up())} == {
        f"kafka-cluster+dev+node{number}-data.qcow2" for number in (1, 2, 3)
    }


def test_what_has_a_fixed_name_is_deleted_before_it_is_made_anew(up: Up) -> None:
    for resource in made(up()):
        assert resource.delete_before_replace, f"{resource.name}: the new one would find its name taken"


def test_everything_asks_the_configured_hypervisor(up: Up) -> None:
    engine = up()
    (provider,) = engine.of("pulumi:providers:libvirt")
    assert provider.inputs["uri"] == URI
    for resource in made(engine):
        assert resource.provider.startswith(f"{provider.urn}::"), f"{resource.name} would ask the default hypervisor"


def test_nothing_collides(up: Up) -> None:
    engine = up(settings={}, nodes=nodes(5))
    names = [(resource.type, shown(resource.inputs)["name"]) for resource in made(engine)]
    assert len(names) == len(set(names))
    files = [name for type_, name in names if "olume" in type_ or "Disk" in type_]
    assert len(files) == len(set(files)), "volumes and first-boot disks lie in one pool"
    domains = engine.of("libvirt:index/domain:Domain")
    macs = [domain.inputs["networkInterfaces"][0]["mac"] for domain in domains]
    wwns = [disk["wwn"] for domain in domains for disk in domain.inputs["disks"] if "wwn" in disk]
    assert len(set(macs)) == len(set(wwns)) == 5


def test_two_stacks_share_nothing(up: Up) -> None:
    one, other = (up(engine=Engine(plugins(), stack=stack)) for stack in ("dev", "prod"))
    taken = {(resource.type, shown(resource.inputs)["name"]) for resource in made(one)}
    assert not taken & {(resource.type, shown(resource.inputs)["name"]) for resource in made(other)}
    paths = [engine.one("site-pool").inputs["path"] for engine in (one, other)]
    assert paths == ["/var/lib/libvirt/kafka-cluster+dev", "/var/lib/libvirt/kafka-cluster+prod"]


def test_the_hardware_address_of_the_first_boot_is_the_machines(up: Up) -> None:
    engine = up()
    for domain in engine.of("libvirt:index/domain:Domain"):
        mac = domain.inputs["networkInterfaces"][0]["mac"].lower()
        first_boot = engine.one(domain.name.replace("-domain", "-first-boot"))
        assert mac in first_boot.inputs["networkConfig"], "the address would be given to no interface"


def test_machines_come_back_with_the_hypervisor(up: Up) -> None:
    engine = up()
    for resource in engine.of("libvirt:index/domain:Domain"):
        assert resource.inputs["autostart"] is resource.inputs["running"] is True
    assert engine.one("site-network").inputs["autostart"] is True


def test_a_machine_is_as_big_as_configured(up: Up) -> None:
    engine = up(memory=4096, vcpu=2, rootDisk=9, dataDisk=11)
    for domain in engine.of("libvirt:index/domain:Domain"):
        assert (domain.inputs["memory"], domain.inputs["vcpu"]) == (4096, 2)
    assert engine.one("kafka-server1-root").inputs["size"] == 9 * 1024**3
    assert engine.one("kafka-server1-data").inputs["size"] == 11 * 1024**3


@pytest.mark.parametrize(
    ("change", "mode", "gateway"),
    [
        ({}, "none", False),
        ({"networkMode": "nat"}, "nat", True),
        ({"networkMode": "bridge", "networkBridge": "br7"}, "bridge", True),
    ],
)
def test_the_network(up: Up, change: dict[str, Any], mode: str, gateway: bool) -> None:
    engine = up(**change)
    network = engine.one("site-network").inputs
    assert network["mode"] == mode
    assert network["dhcp"] == {"enabled": False}, "addresses are fixed"
    assert network.get("bridge") == change.get("networkBridge")
    assert ("via: 172.25.254.1" in engine.one("kafka-server1-first-boot").inputs["networkConfig"]) is gateway


def test_an_image_or_first_boot_never_replaces_a_machine_by_itself(up: Up) -> None:
    engine = up()
    assert engine.one("site-image").inputs["source"] == IMAGE
    assert "source" in engine.one("site-image").ignore_changes
    for disk in engine.of("libvirt:index/cloudInitDisk:CloudInitDisk"):
        assert {"userData", "networkConfig", "metaData"} <= disk.ignore_changes, "they are read at the first boot only"


def test_an_address_is_asked_for_before_its_machine_is_made_and_never_again(up: Up) -> None:
    engine = up()
    for number in (1, 2, 3):
        asked = engine.one(f"kafka-server{number}-address")
        assert asked.inputs["create"] == f"exec python -m operations free-address 172.25.254.13{number}"
        assert {"create", "stdin"} <= asked.ignore_changes, "later on the machine itself answers there"
        domain = engine.one(f"kafka-server{number}-domain")
        assert asked.name in engine.ancestors(domain), "an address in use would be noticed when it is too late"
        assert "site-network" in engine.ancestors(asked), "before the network is there, nothing can answer"


def test_the_console_is_kept_where_ready_looks_for_it(up: Up) -> None:
    engine = up()
    for number in (1, 2, 3):
        volume = engine.one(f"kafka-server{number}-console")
        xslt = engine.one(f"kafka-server{number}-domain").inputs["xml"]["xslt"]
        assert f'<source path="id-of-{volume.inputs["name"]}"' in xslt
        assert volume.inputs["name"] in shown(engine.one(f"kafka-server{number}-ready").inputs)["stdin"]


def test_a_pool_path_of_ones_own(up: Up) -> None:
    assert up(poolPath="/data/pool").one("site-pool").inputs["path"] == "/data/pool"


def test_domain_type_is_resolved_on_the_hypervisor_that_is_used(up: Up) -> None:
    asked = up().one("site-domain-type")
    assert asked.inputs["create"] == "exec python -m operations domain-type auto"
    assert asked.inputs["stdin"] == URI


def test_every_libvirt_resource_is_one_that_clearing_up_knows(up: Up) -> None:
    from model.leftovers import _KINDS

    assert {resource.type for resource in made(up())} <= set(_KINDS), "a killed `up` would leave it behind for ever"
    assert all(re.search("|".join(NAMED), resource.type) for resource in made(up()))


def test_every_name_on_the_hypervisor_is_one_that_clearing_up_knows(up: Up) -> None:
    from model.leftovers import _KINDS, Thing, is_made

    engine = up(metrics={"enabled": True, "monitor": {"name": "kafka-monitor", "address": "172.25.254.140"}})
    names = MachineNames("kafka-cluster", "dev")
    asked = [Thing(_KINDS[one.type], one.inputs["name"]) for one in made(engine) if one.type in _KINDS]
    unknown = [thing for thing in asked if not is_made(thing, names)]
    assert asked and not unknown, "a killed `up` would leave it behind for ever"
