"""Asks the running cluster, for a preview, whom a change will interrupt: read-only, and not for long.

Refuses to judge (`model/roll.py`).
"""

import asyncio
from collections.abc import Mapping, Sequence

from model import roll, times
from model.health import Sample
from model.logins import JumpSettings
from model.topology import Cluster
from operations.kafka_view import KafkaView
from operations.ways import Ways, logins


async def interruptions(
    cluster: Cluster, names: Sequence[str], jump_hosts: Mapping[str, JumpSettings], raised: tuple[int, int] | None
) -> list[str]:
    """What clients will notice; that it can't be known, where the cluster does not answer. `names` are the nodes that are
    restarted, `raised` the default of min.insync.replicas before and after."""
    jumps = bool(jump_hosts)
    limit = times.foresight_seconds(jumps=jumps)
    async with Ways(logins(jump_hosts)) as ways:
        view = KafkaView(cluster, ways, answer_ms=times.question_ms(jumps=jumps))
        try:
            sample = await asyncio.wait_for(view.of_brokers(), limit)
        except TimeoutError:
            sample = Sample(frozenset(), -1, (), faults=(f"no broker answers within {limit:.0f} s",))
        finally:
            view.close()
    found = roll.interruptions(cluster, names, sample) if names else []
    return found + (roll.stopped(raised[1], raised[0], sample) if raised else [])
