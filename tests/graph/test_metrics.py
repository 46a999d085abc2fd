"""Metrics bring two files to each machine before anything is put in place there, and nothing where they are off."""

from typing import Any

import pytest

from .conftest import Up
from .test_nodes import NAMES, plan_of

UPLOADS = ("jmx-prometheus-javaagent", "prometheus-node-exporter")
PLATFORMS = pytest.mark.parametrize("platform", ["libvirt", "hosts"])


@PLATFORMS
def test_files_are_brought_and_checked(up: Up, hosts: dict[str, Any], platform: str) -> None:
    engine = up(metrics={"enabled": True}, **(hosts if platform == "hosts" else {}))
    for name in NAMES:
        installed = engine.one(f"{name}-installed")
        assert {f"{name}-{upload}" for upload in UPLOADS} <= engine.ancestors(installed)
        pieces = plan_of(installed)["pieces"]
        assert [piece["path"].rpartition("/")[2] for piece in pieces] == [
            "jmx_prometheus_javaagent-1.0.1.jar",
            "prometheus-node-exporter",
        ]
        assert all(len(piece["sha512"]) == 128 for piece in pieces), "what arrives is checked before it is used"


def test_nothing_is_there_where_they_are_off(up: Up) -> None:
    engine = up(metrics={"enabled": False})
    assert set(engine.resources) == set(up().resources)
    assert not [name for name in engine.resources if any(upload in name for upload in UPLOADS)]
    assert plan_of(engine.one("kafka-server1-installed"))["pieces"] == []
    assert "prometheus" not in engine.outputs
    assert "172.25.254.131:7071" in up(metrics={"enabled": True}).outputs["prometheus"]


def test_a_preview_shows_them_on_the_nodes(up: Up) -> None:
    node = next(r for r in up(metrics={"enabled": True}).of("kafka-cluster:index:KafkaNode"))
    assert node.inputs["metrics"]["kafkaPort"] == 7071
    assert "metrics" not in next(r for r in up().of("kafka-cluster:index:KafkaNode")).inputs
