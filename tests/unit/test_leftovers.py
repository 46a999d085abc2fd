"""What is cleared after a killed run, and what never is."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.leftovers import Thing, known, leftovers
from model.machine_names import MachineNames

NAMES, OTHER = MachineNames("kafka-cluster", "dev"), MachineNames("kafka-cluster", "prod")
DOMAIN = Thing("domain", NAMES.of("n1"))
ROOT = Thing("volume", NAMES.of("n1-root.qcow2"))
FIRST_BOOT = Thing("volume", NAMES.of("n1-first-boot.iso"))
DATA = Thing("volume", NAMES.data_volume(1))
NETWORK = Thing("network", NAMES.prefix)
POOL = Thing("pool", NAMES.prefix)
ALL = (DOMAIN, ROOT, FIRST_BOOT, DATA, NETWORK, POOL)


def test_everything_that_no_state_knows_goes_but_the_data() -> None:
    assert set(leftovers(ALL, set(), NAMES)) == {DOMAIN, ROOT, FIRST_BOOT, NETWORK, POOL}


@given(st.sets(st.sampled_from(ALL)), st.sets(st.sampled_from(ALL)))
def test_a_data_volume_is_never_a_leftover(present: set[Thing], state: set[Thing]) -> None:
    assert DATA not in leftovers(present, state, NAMES), "it may hold records"


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
