"""What is said beside an error of the running cluster: the state of those who vote.

Knows that whoever reads an error has waited long enough. Refuses to judge what it is told (`model/health.py`).
"""

from model import health
from model.topology import Cluster
from operations.kafka_view import KafkaView
from operations.ways import Ways

_ANSWER_MS = 3000


async def votes(cluster: Cluster, ways: Ways, patience: int) -> str:
    """The state of the quorum, or of the ensemble."""
    return health.votes(cluster, await _sample(cluster, ways, patience))


async def votes_and_logs(cluster: Cluster, ways: Ways, patience: int) -> str:
    """The same, and where the logs of silent brokers are, for who has no login to read them himself."""
    sample = await _sample(cluster, ways, patience)
    return "\n".join([health.votes(cluster, sample), *health.where_to_look(cluster, sample)])


async def _sample(cluster: Cluster, ways: Ways, patience: int) -> health.Sample:
    view = KafkaView(cluster, ways, patience, answer_ms=_ANSWER_MS)
    try:
        return await view.sample()
    finally:
        view.close()
