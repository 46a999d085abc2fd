"""Gates over a cluster of which machines tell what its brokers don't."""

import asyncio
from typing import Any

import pytest

from model.health import Ensemble, Partition, Sample
from model.kafka_keys import Mode
from operations import gates
from operations.gates import Gates
from operations.wait import TimedOut
from operations.ways import DIRECT

from .test_handover import handover

PARTS = (Partition("t", 0, 1, (1, 2, 3), (1, 2, 3), 2),)
MEMBERS = Ensemble({1: "follower", 2: "leader", 3: "follower"}, dict.fromkeys((1, 2, 3), 1))
WHOLE = Sample(frozenset({1, 2, 3}), 1, PARTS, ensemble=MEMBERS)
BLIND = "broker 2 started on a full disk, and does not see it fail any more"


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Gates:
    """Gates before a cluster that looks whole, which open at once or never."""
    for name in ("_WHOLE_SECONDS", "_SPARE_SECONDS"):
        monkeypatch.setattr(gates, name, 0)
    found = Gates(handover(Mode.ZOOKEEPER), DIRECT)
    seen(found, WHOLE)
    return found


def seen(found: Gates, sample: Sample) -> None:
    async def answer() -> Sample:
        return sample

    view: Any = found.view
    view.sample = answer


def test_a_cluster_with_a_blind_broker_is_not_whole(found: Gates) -> None:
    asyncio.run(found.whole())
    found.blind = frozenset({2})
    with pytest.raises(TimedOut, match=BLIND):
        asyncio.run(found.whole())
    asyncio.run(found.whole([2]))


def test_only_the_blind_broker_itself_is_spared(found: Gates) -> None:
    found.blind = frozenset({2})
    assert asyncio.run(found.spared({"n1": 1, "n2": 2})) == "n2", "it has least to lose"
    with pytest.raises(TimedOut, match=BLIND):
        asyncio.run(found.spared({"n1": 1}))


def test_a_blind_broker_serves(found: Gates) -> None:
    found.blind = frozenset({2})
    asyncio.run(found.serving(found.cluster.brokers))
    seen(found, Sample(frozenset({1, 3}), 1, PARTS, ensemble=MEMBERS))
    with pytest.raises(TimedOut, match="waited 0 s for n1, n2, n3 to serve; still missing: broker 2 not registered"):
        asyncio.run(found.serving(found.cluster.brokers))
    asyncio.run(found.serving([found.cluster.nodes[0]]))
