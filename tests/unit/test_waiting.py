"""Which machines wait to be replaced, and what is said of them."""

from typing import Any

import pytest

from model.waiting import waiting, warning

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
    assert waiting(state(), settings()) == {}


def test_machines_that_are_not_there_yet_wait_for_nothing() -> None:
    assert waiting([], settings(memory=4096)) == {}, "a first `up` makes them as they are configured"


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
    assert waiting(state(**change), settings()) == {"n2": said}


def test_the_kind_of_machine_counts_when_it_is_said_only() -> None:
    assert waiting(state(type="kvm"), settings()) == {}, "`auto` was resolved once and stays"
    assert waiting(state(), settings(domainType="kvm")) == {f"n{n}": "domainType qemu => kvm" for n in (1, 2, 3)}


def test_the_warning_names_machines_changes_and_the_verb() -> None:
    said = warning({"n1": "vcpu 1 => 2", "n2": "vcpu 1 => 2"}, "dev")
    assert "n1 (vcpu 1 => 2); n2 (vcpu 1 => 2)" in said
    assert said.endswith("make machines STACK=dev")
