"""Kafka's clients in Python, as a test needs them.

Knows how they are made and ended. Refuses to know what is asked of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaAdminClient

from model.topology import Cluster

ANSWER_MS = 20_000


@contextmanager
def admin_client(cluster: Cluster, patience: int) -> Iterator[KafkaAdminClient]:
    """An admin client that is asked at once: one that is kept goes on believing in the brokers it first met."""
    servers = cluster.bootstrap_servers.split(",")
    client = KafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=ANSWER_MS * patience)
    try:
        yield client
    finally:
        client.close()
