"""Clusters of other shapes than the guide's, from the same model: each is brought up once and verified live."""

import os
from pathlib import Path

import pytest

from tests.support.look import verify
from tests.support.machines import ground, hosts_config

pytestmark = pytest.mark.lifecycle

COMBINED = ["broker", "controller"]
# Each node's roles, and the mode.
SHAPES = {
    "one node": ([COMBINED], "kraft"),
    "one node on ZooKeeper": ([COMBINED], "zookeeper"),
    "five nodes": ([COMBINED] * 5, "kraft"),
    "controllers on machines of their own": ([["controller"]] * 3 + [["broker"]] * 2, "kraft"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_cluster_of_another_shape_is_whole(shape: str, tmp_path: Path) -> None:
    roles, mode = SHAPES[shape]
    with ground(f"shape-{os.getpid()}", tmp_path, count=len(roles), config={"heap": "256M", "mode": mode}) as made:
        nodes = hosts_config(made.machines.inventory())["nodes"]
        made.stack.configure(nodes=[{**node, "roles": each} for node, each in zip(nodes, roles, strict=True)])
        made.stack.up()
        made.stack.up("--expect-no-changes")
        verify(made.stack)
