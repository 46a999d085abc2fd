"""Which machines wait to be replaced, and what is said of them."""

from typing import Any

import pytest

from model.pending_replacement import kinds, pending, too_small, warning

from .samples import settings

GIB = 1024**3


def state(**changes: Any) -> list[dict[str, Any]]:
    """What a state holds of three machines as they are configured, but for the second one's changes."""
    found: list[dict[str, Any]] = []
    for number in (1, 2, 3):
        domain = {"vcpu": 1.0, "memory": 2048.0, "type": "qemu", **(changes if number == 2 else {})}
        size = domain.pop("size", 8.0 * GIB)
        found.append({"urn": f"urn:pulumi:dev::kafka-cluster::x::n{number}-domain", "inputs": domain})
        found.append({"urn": f"urn:pulumi:dev::kafka-cluster::x::n{number}-root", "inputs": {"size": size}})
    return found


def test_machines_as_they_are_configured_wait_for_nothing() -> None:
    assert pending(state(), settings()) == {}


def test_machines_that_are_not_there_yet_wait_for_nothing() -> None:
    assert pending([], settings(memory=4096)) == {}, "a first `up` makes them as they are configured"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"memory": 1536.0}, "memory 1536 => 2048 MiB"),
        ({"vcpu": 2.0}, "vcpu 2 => 1"),
        ({"size": 4.0 * GIB}, "rootDisk 4 => 8 GiB"),
        ({"memory": 1024.0, "vcpu": 4.0}, "vcpu 4 => 1, memory 1024 => 2048 MiB"),
    ],
)
def test_one_that_is_not_waits(change: dict[str, Any], said: str) -> None:
    assert pending(state(**change), settings()) == {"n2": said}


def test_the_kind_of_machine_counts_when_it_is_said_only() -> None:
    assert pending(state(type="kvm"), settings()) == {}, "`auto` was resolved once and stays"
    assert pending(state(), settings(domainType="kvm")) == {f"n{n}": "domainType qemu => kvm" for n in (1, 2, 3)}


def test_the_warning_names_machines_changes_and_the_verb() -> None:
    said = warning({"n1": "vcpu 1 => 2", "n2": "vcpu 1 => 2"}, "dev")
    assert "n1 (vcpu 1 => 2); n2 (vcpu 1 => 2)" in said
    assert said.endswith("make machines STACK=dev")


def test_a_machine_that_stays_keeps_its_kind_and_the_others_are_as_configured() -> None:
    found = kinds(state(type="kvm"), settings(domainType="kvm"), "n3")
    assert found == {"n1": "qemu", "n2": "kvm"}, "the third is replaced, and what stays goes on as it is"
    assert kinds([], settings(domainType="kvm"), "") == {}


LARGER: dict[str, Any] = {"memory": 4096, "heap": "3G"}


@pytest.mark.parametrize("replaced", ["", "n1"])
def test_a_heap_waits_until_all_machines_can_hold_it(replaced: str) -> None:
    (problem,) = too_small(state(memory=4096.0), settings(**LARGER), replaced)
    small = "n3 2048" if replaced else "n1 2048, n3 2048"
    assert f"(MiB: {small}; needed in kraft mode: 3328)" in problem.expected
    assert problem.example == "heap: 1792M", "with that one they go on as they are"
    assert not too_small(state(), settings(memory=4096, heap="1792M"))


def test_a_mode_with_one_more_heap_waits_for_it_too() -> None:
    assert too_small(state(), settings(mode="zookeeper", memory=4096, heap="1792M"))


@pytest.mark.parametrize("resources", [state(memory=4096.0)[2:4], [], [{"urn": "urn::n1-domain"}]])
def test_a_heap_that_all_machines_can_hold_waits_for_nothing(resources: list[dict[str, Any]]) -> None:
    assert too_small(resources, settings(**LARGER)) == []
