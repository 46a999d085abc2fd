"""Nothing on the machines, and nothing that brokers work with, differs from what the last `up` left."""

import asyncio

from operations.drift import Look
from operations.ways import DIRECT
from tests.live.planned import Plan


def test_nothing_differs_from_the_plan(plan: Plan) -> None:
    found, unknown = asyncio.run(Look(plan.resources, plan.handover, DIRECT).everywhere())
    told = [f"{name}: {difference}" for name, differences in found.items() for difference in differences]
    assert not told, f"somebody changed the cluster outside Pulumi: {told}; can't tell: {unknown}"
    assert not unknown, f"what can't be looked at is not known to be well: {unknown}"
