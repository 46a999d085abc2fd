"""Samples of a running cluster, taken from the operator's side without a JVM.

Knows kafka-python's admin client and ZooKeeper's four-letter words. Refuses to judge what it sees.
"""

import asyncio
import socket
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from model.health import Ensemble, Partition, Quorum, Sample
from model.kafka_keys import Mode
from model.listeners import ZOOKEEPER_CLIENT_PORT
from model.topology import Cluster

_ANSWER_MS = 10_000


class KafkaView:
    """Keeps one admin connection over many samples; a broken one is made anew."""

    def __init__(self, cluster: Cluster, patience: int = 1) -> None:
        self._cluster = cluster
        self._answer_ms = _ANSWER_MS * patience
        self._admin: KafkaAdminClient | None = None

    async def sample(self) -> Sample:
        """What the cluster looks like now. A cluster that doesn't answer is a sample with that as its fault."""
        try:
            kafka = await asyncio.to_thread(self._ask_kafka)
        except (KafkaError, OSError, ValueError) as error:
            self.close()
            kafka = Sample(
                frozenset(), -1, (), faults=(f"no broker answers: {error or type(error).__name__}",)
            )
        if self._cluster.mode is Mode.KRAFT:
            return kafka
        ensemble = await ask_ensemble(self._cluster)
        return Sample(kafka.brokers, kafka.controller, kafka.partitions, None, ensemble, kafka.faults)

    def close(self) -> None:
        """Ends the connection."""
        if self._admin is not None:
            self._admin.close()
            self._admin = None

    @property
    def admin(self) -> KafkaAdminClient:
        """The admin client, connected."""
        if self._admin is None:
            self._admin = KafkaAdminClient(
                bootstrap_servers=self._cluster.bootstrap_servers.split(","),
                request_timeout_ms=self._answer_ms,
                client_id="kafka-cluster",
            )
        return self._admin

    def _ask_kafka(self) -> Sample:
        cluster = self.admin.describe_cluster()
        quorum = self._ask_quorum() if self._cluster.mode is Mode.KRAFT else None
        brokers = frozenset(broker["broker_id"] for broker in cluster["brokers"])
        controller = quorum.leader if quorum else cluster["controller_id"]
        return Sample(brokers, controller, self._ask_partitions(), quorum)

    def _ask_quorum(self) -> Quorum:
        answer = self.admin.describe_metadata_quorum()
        (topic,) = answer["topics"]
        (partition,) = topic["partitions"]
        ends = {
            kind: {state["replica_id"]: state["log_end_offset"] for state in partition[kind]}
            for kind in ("current_voters", "observers")
        }
        # A leader's own view: whoever reached its committed records is not behind.
        committed = partition["high_watermark"]
        lags = {
            kind: {node: max(0, committed - end) for node, end in seen.items()} for kind, seen in ends.items()
        }
        return Quorum(partition["leader_id"], lags["current_voters"], lags["observers"])

    def _ask_partitions(self) -> tuple[Partition, ...]:
        topics = self.admin.describe_topics()
        min_isr = self._min_isr([topic["name"] for topic in topics])
        return tuple(
            Partition(
                topic["name"],
                part["partition_index"],
                part["leader_id"],
                tuple(part["replica_nodes"]),
                tuple(part["isr_nodes"]),
                min_isr.get(topic["name"], 1),
            )
            for topic in topics
            for part in topic["partitions"]
        )

    def _min_isr(self, topics: list[str]) -> dict[str, int]:
        if not topics:
            return {}
        key = "min.insync.replicas"
        wanted = [ConfigResource(ConfigResourceType.TOPIC, name, [key]) for name in topics]
        answer: Any = self.admin.describe_configs(wanted)
        return {
            name: int(values[key]["value"])
            for name, values in answer[ConfigResourceType.TOPIC.name.lower()].items()
        }


async def ask_ensemble(cluster: Cluster) -> Ensemble:
    """Each ZooKeeper member's state, asked side by side."""
    states = await asyncio.gather(
        *(asyncio.to_thread(_zookeeper_state, node.address) for node in cluster.voters)
    )
    return Ensemble({node.id: state for node, state in zip(cluster.voters, states, strict=True)})


def _zookeeper_state(address: str) -> str:
    try:
        answer = four_letters(address, "srvr")
    except OSError as error:
        return f"no answer ({error})"
    for line in answer.splitlines():
        if line.startswith("Mode: "):
            return line.removeprefix("Mode: ").strip()
    return answer.strip().splitlines()[0] if answer.strip() else "an empty answer"


def four_letters(address: str, word: str) -> str:
    """What ZooKeeper answers to one of its four-letter words."""
    with socket.create_connection((address, ZOOKEEPER_CLIENT_PORT), timeout=10) as connection:
        connection.sendall(word.encode())
        connection.shutdown(socket.SHUT_WR)
        chunks = iter(lambda: connection.recv(65536), b"")
        return b"".join(chunks).decode(errors="replace")
