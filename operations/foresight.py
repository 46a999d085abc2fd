"""Asks the running cluster, for a preview, what a rolling restart will interrupt: read-only, and not for long.

Knows how long a preview may wait. Refuses to judge (`model/roll.py`).
"""

import asyncio
from collections.abc import Iterable, Mapping

from model import roll
from model.health import Sample
from model.logins import JumpSettings
from model.topology import Cluster
from operations.kafka_view import KafkaView
from operations.ways import Ways, logins

_SECONDS = 3.0
_ANSWER_MS = 1000


async def interruptions(cluster: Cluster, names: Iterable[str], jump_hosts: Mapping[str, JumpSettings]) -> list[str]:
    """What clients will notice; that it can't be known, where the cluster does not answer."""
    async with Ways(logins(jump_hosts)) as ways:
        view = KafkaView(cluster, ways, answer_ms=_ANSWER_MS)
        try:
            sample = await asyncio.wait_for(view.of_brokers(), _SECONDS)
        except TimeoutError:
            sample = Sample(frozenset(), -1, (), faults=(f"no broker answers within {_SECONDS:.0f} s",))
        finally:
            view.close()
    return roll.interruptions(cluster, names, sample)
