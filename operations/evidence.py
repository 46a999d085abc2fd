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
    view = KafkaView(cluster, ways, patience, answer_ms=_ANSWER_MS)
    try:
        return health.votes(cluster, await view.sample())
    finally:
        view.close()
