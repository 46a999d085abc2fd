"""The names under which resources are released. To the engine a renamed resource is one removed and another one made:
a renamed data volume is a lost one. So a released name stays, or goes with an alias.

`KAFKA_CLUSTER_UPDATE_URNS=1 pytest tests/graph/test_urns.py` writes the lists anew.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from .conftest import Up

UPDATE = bool(os.environ.get("KAFKA_CLUSTER_UPDATE_URNS"))


def check(name: str, urns: set[str]) -> None:
    path = Path(__file__).with_name(name)
    if UPDATE:
        path.write_text("".join(f"{urn}\n" for urn in sorted(urns)), encoding="utf-8")
        pytest.skip(f"{name} was written anew")
    released = set(path.read_text(encoding="utf-8").splitlines())
    gone, new = sorted(released - urns), sorted(urns - released)
    assert not gone, "these would be removed from every stack out there; keep the names, or give aliases"
    assert not new, "new resources are no harm, but say so: write the list anew (see the head of this file)"


def test_names_on_libvirt(up: Up) -> None:
    check("urns-libvirt.txt", set(up().resources))


def test_names_on_hosts(up: Up, hosts: dict[str, Any]) -> None:
    check("urns-hosts.txt", set(up(**hosts).resources))


def test_every_name_is_asked_for_once(up: Up, hosts: dict[str, Any]) -> None:
    for engine in (up(), up(**hosts)):
        assert len(engine.registered) == len(engine.resources), "the engine refuses the second of a name"


@pytest.mark.parametrize("change", [{"mode": "zookeeper"}, {"heap": "600M"}, {"settings": {}}, {"protectData": True}])
def test_names_do_not_hang_on_settings(up: Up, change: dict[str, Any]) -> None:
    assert set(up(**change).resources) == set(up().resources), "a switch of modes must not remove anything"


def test_tokens_and_children_follow_pulumis_guidelines(up: Up, hosts: dict[str, Any]) -> None:
    for engine in (up(), up(**hosts)):
        components = [resource for resource in engine.registered if not resource.custom]
        for resource in components:
            assert resource.type.startswith("kafka-cluster:index:"), "package:index:Noun"
            assert resource.urn in engine.outputs_of, f"{resource.name}: outputs are registered, or it looks unfinished"
        parents = {resource.urn for resource in components}
        for resource in engine.custom:
            assert resource.parent in parents, (
                f"{resource.name} hangs in the air: every resource belongs to a component"
            )
