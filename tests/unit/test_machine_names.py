"""What a stack's things are called on a hypervisor, and that no two stacks share one."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from itertools import combinations, product
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from model.machine_names import MachineNames, domain_xslt, may_hold_records

# What Pulumi allows in project and stack names, and what a node may be called.
PULUMI_NAME = st.text("aB1_.-", min_size=1, max_size=5)
NODE_NAME = st.text("ab1-", min_size=1, max_size=5).filter(lambda name: name.strip("-") == name)
NAMES = st.builds(MachineNames, PULUMI_NAME, PULUMI_NAME)
DEV = MachineNames("kafka-cluster", "dev")


def things(names: MachineNames, node: str) -> set[str]:
    """Every name that components/ asks for."""
    return volumes(names, node) | {names.of(node), names.prefix, names.pool_path}


def volumes(names: MachineNames, node: str) -> set[str]:
    suffixes = ("-root.qcow2", "-console.log", "-first-boot.iso")
    images = {names.of("image.qcow2"), names.of("image-again.qcow2")}
    return {names.of(node + suffix) for suffix in suffixes} | images | {names.data_volume(1)}


@given(NAMES, NAMES, NODE_NAME, NODE_NAME)
def test_two_stacks_never_share_a_name(one: MachineNames, other: MachineNames, node: str, peer: str) -> None:
    assume(one != other)
    assert not things(one, node) & things(other, peer), "the second stack would adopt the first one's volumes"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (MachineNames("a-b", "c"), MachineNames("a", "b-c")),
        (MachineNames("a.b", "c"), MachineNames("a", "b.c")),
        (MachineNames("a_b", "c"), MachineNames("a", "b_c")),
    ],
)
def test_where_the_project_ends_is_clear(one: MachineNames, other: MachineNames) -> None:
    assert one.prefix != other.prefix
    assert one.mac(1) != other.mac(1)
    assert one.wwn(1) != other.wwn(1)


def test_the_stacks_of_a_computer_share_neither_addresses_nor_disks() -> None:
    stacks = [MachineNames(project, stack) for project, stack in product(
        ("kafka-cluster", "other"), ("dev", "dev2", "test", "staging", "prod", "lifecycle", "ci-1", "ci-2"))]  # fmt: skip
    for one, other in combinations(stacks, 2):
        assert one.mac(1) != other.mac(1), "on one bridge both machines would get each other's frames"
        assert one.wwn(1) != other.wwn(1)


@given(NAMES, st.sets(st.integers(1, 255), min_size=2, max_size=2))
def test_two_nodes_never_share_anything(names: MachineNames, ids: set[int]) -> None:
    one, other = ids
    assert names.data_volume(one) != names.data_volume(other)
    assert names.mac(one) != names.mac(other)
    assert names.wwn(one) != names.wwn(other)


@given(NAMES, st.integers(1, 255))
def test_addresses_and_disks_have_the_right_shape(names: MachineNames, number: int) -> None:
    assert re.fullmatch(r"52:54:00(:[0-9a-f]{2}){3}", names.mac(number)), "QEMU's own range, never a multicast address"
    assert re.fullmatch(r"0[0-9a-f]{15}", names.wwn(number)), "libvirt wants 16 hexadecimal digits"
    assert names.data_device(number) == f"/dev/disk/by-id/wwn-0x{names.wwn(number)}"


def test_names_are_the_same_in_every_run() -> None:
    assert (DEV.mac(1), DEV.wwn(1)) == ("52:54:00:36:b1:01", "05abcd36b123e201"), (
        "another one replaces every machine that is out there"
    )
    assert DEV.pool_path == "/var/lib/libvirt/kafka-cluster+dev"
    assert DEV.data_volume(1) == "kafka-cluster+dev+node1-data.qcow2"


@given(NAMES, NODE_NAME)
def test_a_stack_knows_its_own(names: MachineNames, node: str) -> None:
    assert all(names.carries(name) for name in things(names, node) - {names.pool_path})
    assert names.is_machine(names.of(node))
    assert all(names.is_volume(name) for name in volumes(names, node)), "a killed run's would be in the way for ever"


@given(NAMES, NAMES, NODE_NAME)
def test_a_stack_owns_nothing_of_another_one(names: MachineNames, other: MachineNames, node: str) -> None:
    assume(names != other)
    known = (names.carries, names.is_machine, names.is_volume)
    theirs = [name for name in things(other, node) if any(knows(name) for knows in known)]
    assert not theirs, "it would clear away another stack's machines"


# What virsh, cp and virt-clone call a snapshot or a copy.
SUFFIXES = (".snap1", ".bak", ".qcow2.bak", ".1700000000", "-clone.qcow2", "~")


@given(NAMES, NODE_NAME, st.sampled_from(SUFFIXES))
def test_a_snapshot_or_a_copy_of_a_volume_is_none_of_ours(names: MachineNames, node: str, suffix: str) -> None:
    for name in volumes(names, node):
        for copied in (name + suffix, name.rpartition(".")[0] + suffix):
            assert not names.is_volume(copied), "a running machine may be writing to it"


@pytest.mark.parametrize("thing", ["", "n1.snap1", "n1+n2", "N1", "n1-", "my machine"])
def test_what_no_node_can_be_called_is_no_machine_of_ours(thing: str) -> None:
    assert not DEV.is_machine(DEV.of(thing))


@pytest.mark.parametrize("suffix", ["-clone", "-clone1", "-clone-1"])
def test_a_copy_of_a_machine_is_somebodys_own(suffix: str) -> None:
    assert not DEV.is_machine(DEV.of(f"n1{suffix}")), "virt-clone calls it so by itself, and `make up` would end it"
    assert DEV.is_machine(DEV.of("cyclone1"))


def test_the_names_on_a_hypervisor_are_the_same_for_ever() -> None:
    made = (DEV.root_volume("n1"), DEV.console_volume("n1"), DEV.first_boot_volume("n1"))
    assert made == tuple(DEV.of(f"n1-{kind}") for kind in ("root.qcow2", "console.log", "first-boot.iso")), (
        "another one replaces every machine that is out there"
    )


@pytest.mark.parametrize("number", [1, 9, 10, 255])
def test_a_data_volume_is_known_by_its_name(number: int) -> None:
    assert DEV.is_data_volume(DEV.data_volume(number))


@pytest.mark.parametrize(
    "name", ["n1-root.qcow2", "image.qcow2", "n1-console.log", "node1-data.qcow2.bak", "nodex-data.qcow2"]
)
def test_what_is_no_data_volume(name: str) -> None:
    assert not DEV.is_data_volume(DEV.of(name))
    assert not DEV.is_data_volume(MachineNames("kafka-cluster", "other").data_volume(1))


@given(NAMES, NODE_NAME)
def test_a_data_volume_holds_records_wherever_it_lies(names: MachineNames, node: str) -> None:
    made = names.data_volume(1)
    for name in (made, *(made.rpartition(".")[0] + suffix for suffix in SUFFIXES if suffix.startswith("."))):
        for folder in (names.prefix, "images"):
            assert may_hold_records(folder, name), "somebody's records would be deleted"
    passing = volumes(names, node) - {made}
    assert not any(may_hold_records(names.prefix, name) for name in passing), "the lab would never go"


@pytest.mark.parametrize(
    ("folder", "name", "holds"),
    [
        ("kafka-cluster+dev", "before-the-update.img", True),
        ("kafka-cluster+dev", "kafka-cluster+dev+n1-root.snap1", True),
        ("images", "debian.qcow2", False),
        ("dnsmasq", "kafka-cluster+dev.conf", False),
    ],
)
def test_what_somebody_put_into_a_pool_may_hold_records(folder: str, name: str, holds: bool) -> None:
    assert may_hold_records(folder, name) is holds


POOL = "/var/lib/libvirt/kafka-cluster+dev"
# What the provider makes of a machine.
DOMAIN = """
<domain type="kvm"><devices>
  <disk type="volume" device="disk"><driver name="qemu" type="qcow2"/>
    <source pool="kafka-cluster+dev" volume="n1-root.qcow2"/><target dev="vda" bus="virtio"/></disk>
  <disk type="file" device="cdrom"><source file="/elsewhere/n1-first-boot.iso"/></disk>
  <interface type="network"><source network="kafka-cluster+dev"/></interface>
  <console type="pty"><target type="serial" port="0"/></console>
  <graphics type="spice" autoport="yes"/>
</devices></domain>
"""


@pytest.fixture
def devices(tmp_path: Path) -> ElementTree.Element:
    """The devices of the machine that the provider defines."""
    if not shutil.which("xsltproc"):
        pytest.skip("xsltproc, with which the provider transforms a domain, is not on this computer")
    (tmp_path / "xslt").write_text(domain_xslt(f"{POOL}/n1-console.log"))
    command = ["xsltproc", "--nonet", str(tmp_path / "xslt"), "-"]
    found = ElementTree.fromstring(subprocess.run(command, input=DOMAIN, capture_output=True, text=True).stdout)
    inside = found.find("devices")
    assert inside is not None
    return inside


def test_the_console_is_kept_in_a_file(devices: ElementTree.Element) -> None:
    assert devices.find("console") is None
    (source,) = devices.findall("serial[@type='file']/source")
    assert source.attrib == {"path": f"{POOL}/n1-console.log", "append": "on"}


def test_disks_are_named_by_their_paths(devices: ElementTree.Element) -> None:
    disks = [(disk.attrib["type"], source.attrib) for disk in devices.iter("disk") for source in disk.findall("source")]
    assert disks == [
        ("file", {"file": f"{POOL}/n1-root.qcow2"}),
        ("file", {"file": "/elsewhere/n1-first-boot.iso"}),
    ], "AppArmor's helper looks into no pool, and would let no machine at its disks"
    root = devices.find("disk")
    assert root is not None and [part.tag for part in root] == ["driver", "source", "target"]
    assert devices.find("interface/source[@network='kafka-cluster+dev']") is not None


def test_there_is_no_screen(devices: ElementTree.Element) -> None:
    assert devices.find("graphics") is None, "a QEMU without SPICE would refuse the machine"
