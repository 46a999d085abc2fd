"""What a preview says of a change before it happens, as far as the running cluster can be asked.

Refuses to know what is changed (`model/left.py`), what interrupts whom (`model/roll.py`) and how a
cluster is asked (`operations/foresight.py`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Output

from model import left, retention_warnings
from model.left import Before
from model.settings import Settings
from model.topology import Cluster


def foretell(
    cluster: Cluster,
    before: Before,
    planned: Mapping[str, Output[str]],
    settings: Settings,
) -> None:
    """Warns of the topics that a planned roll interrupts, or that a higher min ISR stops. `planned` is the fingerprint of
    what each node is to run, by its name."""
    raised = left.raised_min_isr(before.defaults, retention_warnings.planned(settings))

    async def tell(fingerprints: Sequence[str]) -> Any:
        wanted = dict(zip(planned, fingerprints, strict=True))
        names = left.restarted(before.left_with, wanted)
        if not names and not raised:
            return
        from operations import foresight  # to load Kafka's client takes longer than all the rest of a preview's program

        perhaps = "" if raised or left.is_sure(before.left_with, wanted) else "as the last `up` did not end, perhaps: "
        for sentence in await foresight.interruptions(cluster, names, settings.jump_hosts, raised):
            pulumi.log.warn(f"{perhaps}{sentence}")

    if pulumi.runtime.is_dry_run() and len(cluster.brokers) > 1:
        Output.all(*planned.values()).apply(tell)
