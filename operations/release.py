"""Takes one node out of a running cluster cleanly, so that its machine can be replaced.

The rule of every restart holds: the cluster must be able to spare the node. Refuses to touch the machine itself.
"""

from collections.abc import Collection

from model import health, units
from model.handover import Access, Handover
from operations import accounts
from operations.cluster_lock import LOCK_SECONDS, cluster_lock
from operations.evidence import votes
from operations.gates import Gates
from operations.machine import StageFailed, Unreachable, connect
from operations.refusal import Refusal
from operations.wait import TimedOut, with_progress
from operations.ways import Ways

# Not every machine has a ZooKeeper.
_STOP = "sudo -n sh -c 'systemctl stop kafka.service && { systemctl stop zookeeper.service 2>/dev/null; sync; }'"
_STOP_SECONDS = units.STOP_SECONDS + units.ZOOKEEPER_STOP_SECONDS
_TRIES = 3


class NotReleased(Refusal):
    """No node could be taken out; the text says why."""


async def release(handover: Handover, candidates: Collection[str]) -> str:
    """Stops the one of these nodes that costs least: an unhealthy one first, the active controller last. Its name."""
    async with Ways(handover.jump_hosts, handover.patience) as ways:
        try:
            async with cluster_lock(handover.cluster_id, LOCK_SECONDS * handover.patience):
                return await _release(handover, candidates, ways)
        except (TimedOut, StageFailed) as error:
            state = await votes(handover.cluster, ways, handover.patience)
            raise NotReleased(f"no machine was touched: {error}\n{state}") from error


async def _stopped(access: Access, patience: int) -> None:
    """Returns when the node's services have stopped cleanly. A connection that is cut meanwhile says nothing of the stop,
    which goes on: it is asked for again, and systemd answers when it is done. Unreachable when the machine does not answer."""
    for _ in range(_TRIES):
        async with connect(access, patience) as machine:
            try:
                await machine.run(_STOP)
            except Unreachable as error:
                cut = error
            else:
                return
    raise NotReleased(f"no machine was touched: {access.name} answers, but not until it has stopped: {cut}. Try again")


async def _release(handover: Handover, candidates: Collection[str], ways: Ways) -> str:
    gates = Gates(handover, ways)
    try:
        gates.blind = await accounts.blind(handover)
        facts = {node.name: node for node in handover.nodes if node.name in candidates}
        name = await gates.spared({name: node.id for name, node in facts.items()})
        await with_progress(f"{name} to stop", _stopped(facts[name].access, handover.patience), limit=_STOP_SECONDS)
    except Unreachable as error:
        if facts[name].id not in health.unwell(handover.cluster, await gates.view.sample()):
            raise NotReleased(
                f"no machine was touched: {name} serves and can't be stopped cleanly: {error}. Mend its ssh and go on"
            ) from error
        print(f"{error}: its machine is replaced as it is", flush=True)
    finally:
        gates.view.close()
    return name
