"""What is cleared after a killed run, and what never is."""

import re
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.leftovers import Thing, is_data, known, leftovers, not_ours, proof
from model.machine_names import MachineNames
from operations import leftovers as hypervisor
from operations.leftovers import NotCleared

NAMES, OTHER = MachineNames("kafka-cluster", "dev"), MachineNames("kafka-cluster", "prod")
DOMAIN = Thing("domain", NAMES.of("n1"))
ROOT = Thing("volume", NAMES.of("n1-root.qcow2"))
FIRST_BOOT = Thing("volume", NAMES.of("n1-first-boot.iso"))
DATA = Thing("volume", NAMES.data_volume(1))
NETWORK = Thing("network", NAMES.prefix)
POOL = Thing("pool", NAMES.prefix)
ALL = (DOMAIN, ROOT, FIRST_BOOT, DATA, NETWORK, POOL)


# What a person makes with `virsh snapshot-create-as … --disk-only`, with `cp`, and by hand.
FOREIGN = (
    Thing("volume", NAMES.of("node1-data.snap1")),
    Thing("volume", NAMES.of("node2-data.qcow2.bak")),
    Thing("volume", NAMES.of("n1-root.snap1")),
    Thing("volume", NAMES.of("n1-root.qcow2.bak")),
    Thing("volume", NAMES.of("source")),
    Thing("volume", NAMES.of("n1")),
    Thing("volume", NAMES.prefix),
    Thing("domain", NAMES.of("n1.copy")),
    Thing("domain", NAMES.prefix),
    Thing("network", NAMES.of("mine")),
    Thing("pool", NAMES.of("mine")),
)


@pytest.mark.parametrize("data", [False, True])
def test_what_this_package_never_made_is_no_leftover(data: bool) -> None:
    assert leftovers(FOREIGN, set(), NAMES, data) == [], "a snapshot is the disk that a running machine writes to"


def test_everything_that_no_state_knows_goes_but_the_data() -> None:
    assert set(leftovers(ALL, set(), NAMES)) == {DOMAIN, ROOT, FIRST_BOOT, NETWORK, POOL}


@given(st.sets(st.sampled_from(ALL)), st.sets(st.sampled_from(ALL)))
def test_a_data_volume_is_no_leftover(present: set[Thing], state: set[Thing]) -> None:
    assert DATA not in leftovers(present, state, NAMES), "it may hold records"
    all_of_it = leftovers(present, state, NAMES, data=True)
    assert [one for one in all_of_it if not is_data(one, NAMES)] == leftovers(present, state, NAMES)


def test_a_machine_that_is_replaced_and_deleted_already_is_none_that_the_state_knows() -> None:
    kept = {"type": "libvirt:index/domain:Domain", "outputs": {"name": DOMAIN.name}}
    assert known([kept]) == {DOMAIN}
    assert known([{**kept, "pendingReplacement": True}]) == set(), "the one that is there was made by a killed run"


def test_where_everything_goes_data_goes_before_its_pool() -> None:
    assert leftovers(ALL, {DOMAIN, ROOT, FIRST_BOOT, NETWORK}, NAMES, data=True) == [DATA, POOL]


@given(st.sets(st.sampled_from(ALL)), st.sets(st.sampled_from(ALL)))
def test_what_the_state_knows_stays(present: set[Thing], state: set[Thing]) -> None:
    found = leftovers(present, state, NAMES)
    assert not set(found) & state, "that is Pulumi's to remove"
    assert set(found) <= present


def test_another_stacks_things_stay() -> None:
    theirs = [Thing("domain", OTHER.of("n1")), Thing("network", OTHER.prefix), Thing("domain", "somebody-elses")]
    assert leftovers(theirs, set(), NAMES) == []


def test_a_domain_goes_before_its_disks_and_those_before_the_pool() -> None:
    for order in permutations((DOMAIN, ROOT, NETWORK, POOL)):
        assert leftovers(order, set(), NAMES) == [DOMAIN, ROOT, NETWORK, POOL]


@pytest.mark.parametrize(
    ("kind", "thing"),
    [
        ("libvirt:index/domain:Domain", "domain"),
        ("libvirt:index/volume:Volume", "volume"),
        ("libvirt:index/cloudInitDisk:CloudInitDisk", "volume"),
        ("libvirt:index/network:Network", "network"),
        ("libvirt:index/pool:Pool", "pool"),
    ],
)
def test_what_a_state_knows(kind: str, thing: str) -> None:
    resources: list[dict[str, Any]] = [
        {"type": kind, "outputs": {"name": "x"}},
        {"type": kind, "outputs": {}},
        {"type": kind},
        {"type": "command:local:Command", "outputs": {"name": "y"}},
    ]
    assert known(resources) == {Thing(thing, "x")}


def others(*present: Thing, state: set[Thing], proof: set[str]) -> list[Thing]:
    return not_ours(leftovers(present, state, NAMES), present, state, proof)


@pytest.mark.parametrize("lone", [DOMAIN, ROOT, FIRST_BOOT, NETWORK], ids=str)
def test_what_stands_beside_a_pool_that_the_state_knows_is_ours(lone: Thing) -> None:
    assert others(POOL, lone, state={POOL}, proof={"pool"}) == []


def test_a_pool_beside_a_network_that_the_state_knows_is_ours() -> None:
    assert others(NETWORK, POOL, state={NETWORK}, proof={"network"}) == [], "they are begun side by side"


@pytest.mark.parametrize("present", [{NETWORK}, {POOL}, {NETWORK, POOL}])
def test_a_very_first_run_that_was_killed_is_cleared(present: set[Thing]) -> None:
    assert others(*present, state=set(), proof=set()) == []


@given(st.sets(st.sampled_from(ALL)).filter(lambda present: present & {DOMAIN, ROOT, FIRST_BOOT, DATA}))
def test_an_empty_state_takes_nothing_of_a_live_cluster(present: set[Thing]) -> None:
    assert set(others(*present, state=set(), proof=set())) == present - {DATA}, (
        "a second user's state knows nothing, too"
    )


@given(st.sets(st.sampled_from(ALL)), st.sets(st.sampled_from(ALL)))
def test_a_state_of_another_hypervisor_takes_nothing(present: set[Thing], state: set[Thing]) -> None:
    if state:
        assert others(*present, state=state, proof=set()) == leftovers(present, state, NAMES)


def test_no_machine_and_no_disk_goes_without_its_pool_proven() -> None:
    assert others(*ALL, state={NETWORK}, proof={"network"}) == [DOMAIN, FIRST_BOOT, ROOT]


RECORDED: list[dict[str, Any]] = [
    {"type": "libvirt:index/network:Network", "id": "n-1", "outputs": {"name": NAMES.prefix}},
    {"type": "libvirt:index/pool:Pool", "id": "p-1", "outputs": {"name": NAMES.prefix}},
]


def test_a_name_is_no_proof() -> None:
    command = {"type": "command:local:Command", "id": "p-2"}
    assert proof([*RECORDED, command], {"network": "n-1", "pool": "p-2"}) == {"network"}


class Hypervisor:
    """A hypervisor with a machine, its volumes, a network and a pool; what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.refusals: list[str] = []
        self.answers = {
            "list": DOMAIN.name,
            "net-list": NETWORK.name,
            "net-uuid": "n-1",
            "pool-list": POOL.name,
            "pool-uuid": "p-1",
            "vol-list": f"{ROOT.name}   /pool/root\n{DATA.name}   /pool/data",
        }

    def virsh(self, uri: str, verb: str, *more: str) -> str:
        self.asked.append(verb)
        if verb == "pool-refresh" and self.refusals:
            raise NotCleared(self.refusals.pop())
        if verb == "pool-list" and "--all" not in more:
            return self.answers.get("active pools", self.answers[verb])
        return self.answers.get(verb, "")


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Hypervisor:
    found = Hypervisor()
    monkeypatch.setattr(hypervisor, "_virsh", found.virsh)
    return found


def test_a_live_cluster_that_the_state_does_not_know_is_named_and_stays(there: Hypervisor) -> None:
    with pytest.raises(NotCleared) as refused:
        hypervisor.find("qemu:///system", [], NAMES)
    assert all(str(thing) in str(refused.value) for thing in (DOMAIN, ROOT, NETWORK, POOL)), (
        "whoever reads it must see it"
    )
    assert "another stack name" in str(refused.value), "the way on"


def test_the_orphans_of_this_state_are_found(there: Hypervisor) -> None:
    assert hypervisor.find("qemu:///system", RECORDED, NAMES) == [DOMAIN, ROOT]
    there.answers["pool-uuid"] = "another one"
    with pytest.raises(NotCleared):
        hypervisor.find("qemu:///system", RECORDED, NAMES)


def test_a_snapshot_is_in_nobodys_way_and_is_named(there: Hypervisor) -> None:
    snapshot, copy = NAMES.of("node1-data.snap1"), f"{DATA.name} of may"
    there.answers |= {"list": "", "vol-list": f"{snapshot}   /pool/a\n{copy}   /pool/b\nother.iso   /pool/c"}
    assert hypervisor.find("qemu:///system", RECORDED, NAMES) == [], "an `up` would be refused for it"
    assert hypervisor.find_all("qemu:///system", RECORDED, NAMES, protects=False) == []
    assert hypervisor.foreign("qemu:///system", NAMES) == [snapshot, copy, "other.iso"], "the pool can't go with them"


def test_nothing_lies_in_a_pool_that_is_not_there(there: Hypervisor) -> None:
    there.answers["pool-list"] = "another one"
    assert hypervisor.foreign("qemu:///system", NAMES) == []
    assert "vol-list" not in there.asked


def test_a_pool_that_stopped_hides_nothing(there: Hypervisor) -> None:
    there.answers |= {"list": "", "net-list": "", "active pools": ""}
    with pytest.raises(NotCleared):
        hypervisor.find("qemu:///system", [], NAMES)
    assert "pool-start" in there.asked


@pytest.mark.parametrize("protects", [False, True])
def test_a_data_volume_that_the_state_does_not_know_goes_with_all_the_rest_unless_data_is_protected(
    there: Hypervisor, protects: bool
) -> None:
    if not protects:
        assert hypervisor.find_all("qemu:///system", RECORDED, NAMES, protects) == [DOMAIN, ROOT, DATA]
        return
    with pytest.raises(NotCleared, match=f"{re.escape(str(DATA))}.*protectData false"):
        hypervisor.find_all("qemu:///system", RECORDED, NAMES, protects)


def test_a_data_volume_of_a_stack_that_is_not_proven_to_be_this_one_never_goes(there: Hypervisor) -> None:
    there.answers["pool-uuid"] = "another one"
    with pytest.raises(NotCleared, match="nothing in its state proves"):
        hypervisor.find_all("qemu:///system", RECORDED, NAMES, protects=False)


def test_a_pool_that_is_being_written_into_is_waited_for(there: Hypervisor) -> None:
    there.refusals = [f"internal error: pool '{POOL.name}' has asynchronous jobs running."] * 2
    assert hypervisor.find("qemu:///system", RECORDED, NAMES) == [DOMAIN, ROOT]
    assert there.asked.count("pool-refresh") == 3, "libvirt looks into it once that is over"


def test_a_pool_that_is_refused_for_another_reason_is_told_at_once(there: Hypervisor) -> None:
    there.refusals = ["cannot open directory '/pool'"]
    with pytest.raises(NotCleared, match="cannot open directory"):
        hypervisor.find("qemu:///system", RECORDED, NAMES)


def test_a_pool_that_is_written_into_for_ever_is_given_up(there: Hypervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hypervisor, "_SECONDS_OF_BEING_BUSY", 0)
    there.refusals = [f"pool '{POOL.name}' has asynchronous jobs running"] * 100
    with pytest.raises(NotCleared, match="made or copied all the time"):
        hypervisor.find("qemu:///system", RECORDED, NAMES)
