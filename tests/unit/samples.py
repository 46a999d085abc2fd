"""Clusters to test with. May hold configurations; may not hold what a test expects of them."""

from pathlib import Path
from typing import Any

import yaml

from model import topology
from model.cloud_init import FirstBoot
from model.files import Runtime
from model.kafka_keys import Mode
from model.settings import Settings, read
from model.topology import Cluster

ROOT = Path(__file__).resolve().parents[2]
_PROJECT = "kafka-cluster:"


def dev_config() -> dict[str, Any]:
    """The dev stack's configuration as it stands in Pulumi.dev.yaml, without the project's name."""
    stack = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))
    return {key.removeprefix(_PROJECT): value for key, value in stack["config"].items()}


def dev(**changes: Any) -> Settings:
    """The dev stack's settings, with changes spelled as in the configuration."""
    return read({**dev_config(), **changes})


def nodes(count: int) -> list[dict[str, Any]]:
    """Entries of `nodes`, numbered from 1."""
    return [{"name": f"n{i}", "id": i, "address": f"172.25.254.{130 + i}"} for i in range(1, count + 1)]


def settings(count: int = 3, **changes: Any) -> Settings:
    """Plain settings of as many nodes as asked for."""
    return read({"nodes": nodes(count), **changes})


def cluster(count: int = 3, mode: Mode = Mode.KRAFT) -> Cluster:
    """A plain cluster of combined nodes."""
    return topology.plan(settings(count, mode=mode))


def runtime(**changes: Any) -> Runtime:
    """What node files depend on beside the cluster."""
    plain: dict[str, Any] = {
        "heap": "512M",
        "overrides": {},
        "emulated": False,
        "data_is_mounted": True,
        "stack": "p/s",
    }
    return Runtime(**{**plain, **changes})


_PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\nAAAA==\n-----END OPENSSH PRIVATE KEY-----\n"
FIRST_BOOT = FirstBoot(
    name="kafka-server1",
    address="172.25.254.131",
    mac="52:54:00:aa:bb:01",
    cidr="172.25.254.0/24",
    gateway="172.25.254.1",
    dns=("172.25.254.1", "9.9.9.9"),
    authorized_key="ssh-ed25519 AAAAoperator operator-key",
    host_private_key=_PRIVATE,
    host_public_key="ssh-ed25519 AAAAhost kafka-server1-host-key",
)
