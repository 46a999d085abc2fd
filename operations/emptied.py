"""Asks the rest of the cluster, before a node goes on with an empty disk, whether it holds all that was on it.

Asks and reads only. Refuses to judge (`model/emptied.py`).
"""

import asyncio
import time

from model import emptied, health
from model.emptied import Emptied, Other
from model.topology import Cluster, Node
from model.wording import some
from operations.kafka_view import KafkaView
from operations.machine import StageFailed, Unreachable, connect
from operations.refusal import Refusal
from operations.wait import TimedOut, until
from operations.ways import Ways, logins

# A broker stays registered for as long after its end.
_SECONDS = 30
# A voter that ended a moment ago still counts as well: only a longer look shows it.
_CALM_SECONDS = health.SILENT_MS / 1000 + 1


class NotSafe(Refusal):
    """The node may not go on with an empty disk now; the text says why and what to do."""


async def check(wanted: Emptied) -> None:
    """Returns when the disk is not empty, or may be."""
    name, cluster = wanted.access.name, wanted.cluster
    (node,) = (one for one in cluster.nodes if one.name == name)
    try:
        async with connect(wanted.access, wanted.patience) as machine:
            gone = await machine.ask(("identity", "emptied"), wanted.look)
        begins = gone and not emptied.is_alone(cluster, node) and not await _is_held(wanted)
    except (Unreachable, StageFailed) as error:
        raise NotSafe(f"stage 'emptied': {error}") from error
    if not gone:
        print(f"{name}: its data is there")
    elif emptied.is_alone(cluster, node):
        print(f"{name}: its data is gone, and no other node had any of it: all records are lost")
    elif begins:
        print(f"{name}: no other node has data in {cluster.mode} mode, so there is none that an empty disk could harm")
    else:
        async with Ways(logins(wanted.jump_hosts), wanted.patience) as ways:
            await _ask_others(KafkaView(cluster, ways, wanted.patience), cluster, node, wanted.patience)


async def _is_held(wanted: Emptied) -> bool:
    """Whether any other node has data in the mode. One that can't be asked is only passed over where another one has."""
    answers = await asyncio.gather(*(_look(other, wanted.patience) for other in wanted.others))
    errors = [answer for answer in answers if not isinstance(answer, bool)]
    held = True in answers
    if errors and not held:
        raise errors[0]
    return held


async def _look(other: Other, patience: int) -> bool | Unreachable | StageFailed:
    try:
        async with connect(other.access, patience) as machine:
            return bool(await machine.ask(("held",), other.look))
    except (Unreachable, StageFailed) as error:
        return error


async def _ask_others(view: KafkaView, cluster: Cluster, node: Node, patience: int) -> None:
    lost: list[str] = []
    calm_since = 0.0

    async def ask() -> str | None:
        nonlocal calm_since
        sample = await view.sample()
        lost[:] = emptied.lost(sample, node)
        now = time.monotonic()
        if dangers := emptied.dangers(cluster, sample, node):
            calm_since = 0.0
            return "; ".join(dangers)
        calm_since = calm_since or now
        calm = now - calm_since
        return None if calm >= _CALM_SECONDS else f"well for {calm:.0f} of {_CALM_SECONDS:.0f} s"

    try:
        await until(f"the other nodes to hold what {node.name} had", ask, limit=_SECONDS * patience)
    except TimedOut as error:
        raise NotSafe(
            f"{node.name}: stage 'emptied': its data is gone: {error}. Nothing was changed. Bring the others back first"
            f" and run `pulumi up` again; or take {node.name} out of acceptEmptyDisk: pulumi config rm acceptEmptyDisk"
        ) from error
    finally:
        view.close()
    if lost:
        print(f"{node.name}: records that no other node has are lost with its disk: {some(lost)}")
    print(f"{node.name}: its data is gone, and the other nodes hold the rest")
