"""What a preview says of a roll before it happens, as far as the running cluster can be asked.

Refuses to know what interrupts whom (`model/roll.py`) and how a cluster is asked (`operations/foresight.py`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Output

from model import roll
from model.logins import JumpSettings
from model.topology import Cluster


def foretell(
    cluster: Cluster,
    before: Mapping[str, str],
    planned: Mapping[str, Output[str]],
    jump_hosts: Mapping[str, JumpSettings],
) -> None:
    """Warns of the topics that a planned roll interrupts. `before` and `planned` are fingerprints by the node's name,
    `jump_hosts` are those of the nodes that have one, by the node's address."""

    async def tell(fingerprints: Sequence[str]) -> Any:
        names = roll.restarted(before, dict(zip(planned, fingerprints, strict=True)))
        if not names:
            return
        from operations import foresight  # to load Kafka's client takes longer than all the rest of a preview's program

        for sentence in await foresight.interruptions(cluster, names, jump_hosts):
            pulumi.log.warn(sentence)

    if pulumi.runtime.is_dry_run() and len(cluster.brokers) > 1:
        Output.all(*planned.values()).apply(tell)
