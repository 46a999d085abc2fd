"""The machine that watches comes last, and nothing of the cluster hangs on it."""

from typing import Any

import pytest

from model import handover

from .conftest import HOST_KEY, Up
from .recording import shown
from .test_nodes import plan_of

ADDRESS = "172.25.254.140"
PLATFORMS = pytest.mark.parametrize("platform", ["libvirt", "hosts"])


def on(platform: str, hosts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The changes that bring a monitor."""
    there = platform == "hosts"
    key = hosts["nodes"][0]["privateKeyFile"]
    login = {"user": "operator", "privateKeyFile": key, "hostKey": HOST_KEY} if there else {}
    watched = {"enabled": True, "monitor": {"address": ADDRESS, **login, **more}}
    return {**(hosts if there else {}), "metrics": watched}


@PLATFORMS
def test_it_is_watched_from_beside(up: Up, hosts: dict[str, Any], platform: str) -> None:
    engine = up(**on(platform, hosts))
    stage = engine.one("kafka-monitor-watching")
    plan = plan_of(stage)
    assert plan["node"] == "kafka-monitor"
    ready = "kafka-monitor-host-claimed" if platform == "hosts" else "kafka-monitor-ready"
    assert {"kafka-monitor-prometheus", ready} <= engine.ancestors(stage)
    assert "kafka-monitor-watching" in engine.ancestors(engine.one("kafka-monitor-serves"))
    assert handover.MONITOR_TYPE in engine.one("kafka-monitor-serves").urn, "who logs in there finds it by that"
    assert engine.outputs["monitor"] == f"http://{ADDRESS}:9090/consoles/kafka.html"


@PLATFORMS
def test_nothing_of_the_cluster_hangs_on_it_and_it_is_made_last(up: Up, hosts: dict[str, Any], platform: str) -> None:
    engine = up(**on(platform, hosts))
    names = [resource.name for resource in engine.custom]
    ours = [name for name in names if name.startswith("kafka-monitor")]
    others = [resource for resource in engine.custom if resource.name not in ours]
    assert len(ours) > 4
    for resource in others:
        assert not engine.ancestors(resource) & set(ours), f"{resource.name} would wait for a machine that only watches"
    last = max(names.index(resource.name) for resource in others)
    assert last < min(names.index(name) for name in ours), "a failure of the monitor ends `up`: all else is done before"


def test_a_virtual_one_has_its_own_memory_and_no_data(up: Up, hosts: dict[str, Any]) -> None:
    engine = up(**on("libvirt", hosts, memory=700))
    domain = engine.one("kafka-monitor-domain")
    assert shown(domain.inputs["memory"]) == 700
    assert len(domain.inputs["disks"]) == 1
    assert not [name for name in engine.resources if "kafka-monitor-data" in name]
    assert shown(engine.one("kafka-server1-domain").inputs["memory"]) != 700
    macs = [shown(each.inputs["networkInterfaces"][0]["mac"]) for each in engine.of("libvirt:index/domain:Domain")]
    assert len(set(macs)) == 4


@PLATFORMS
def test_there_is_none_unless_asked_for(up: Up, hosts: dict[str, Any], platform: str) -> None:
    engine = up(**(hosts if platform == "hosts" else {}), metrics={"enabled": True})
    assert not [name for name in engine.resources if "monitor" in name]
    assert "monitor" not in engine.outputs
