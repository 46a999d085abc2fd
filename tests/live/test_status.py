"""What `make status` says of this cluster: that it is healthy, and of every planned node how it is."""

import asyncio

from model import jvm
from model.status import Status, Verdict
from model.topology import Cluster
from operations.status import look
from tests.live.calm import Calm
from tests.live.planned import Plan


def test_status_says_healthy(cluster: Cluster, plan: Plan, calm: Calm) -> None:
    seen: list[Status] = []

    def healthy() -> bool:
        seen.append(asyncio.run(look(plan.stack, plan.handover)))
        return seen[-1].verdict is Verdict.HEALTHY

    def faults() -> str:
        """One look on a busy computer may miss an answer that is there."""
        healthy()
        return "; ".join(dict.fromkeys(fault for each in seen[-2:] for fault in each.missing))

    calm.wait_for("a healthy status", healthy, faults)
    found = seen[-1]
    assert (found.numbers.brokers_online, found.numbers.active_controllers) == (len(cluster.brokers), 1)
    assert [node.name for node in found.nodes] == list(plan.nodes), (
        "a node that is left out looks like one that is well"
    )
    for node in found.nodes:
        assert node.reason, f"{node.name}: nobody knows why it was started"
        assert node.heap_mib == jvm.parse_heap(plan.settings.heap), f"{node.name}: has a heap of {node.heap_mib} MiB"
        assert node.total_bytes, f"{node.name}: nobody knows how full its data volume is"
