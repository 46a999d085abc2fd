"""The projects in examples/ do what they say, with the package as others install it."""

import os
from pathlib import Path

import pytest

from computer import places
from tests.lifecycle import records
from tests.support.machines import ground, hosts_config
from tests.support.package import installed

pytestmark = pytest.mark.lifecycle


def test_a_project_of_its_own_has_a_cluster_with_its_topics(tmp_path: Path) -> None:
    package = installed(tmp_path / "package")
    folder = tmp_path / "stack"
    folder.mkdir()
    program = places.CHECKOUT / "examples" / "orders"
    with ground(f"orders-{os.getpid()}", folder, count=1, program=program) as made:
        stack = made.stack.with_environment(PYTHONPATH=str(package))
        stack.configure(platform=None, heap=None)
        assert stack.config().keys() == {"nodes"}, "the project says everything else itself"
        stack.up()
        stack.up("--expect-no-changes")
        servers = stack.outputs()["bootstrap_servers"]
        assert servers == f"{hosts_config(made.machines.inventory())['nodes'][0]['address']}:9092"
        found = records.describe(stack.prefix, servers)
        assert found["payments"]["settings"] == {"retention.ms": str(365 * 86_400_000)}
        assert found["orders"]["partitions"] == 3
        stack.destroy()
