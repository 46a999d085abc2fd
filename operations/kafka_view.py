"""Samples of a running cluster, taken from the operator's side without a JVM.

Knows kafka-python's admin client and ZooKeeper's four-letter words. Refuses to judge what it sees.
"""

import asyncio
import socket
from dataclasses import replace
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, for_code
from kafka.protocol.admin import DescribeQuorumRequest
from kafka.protocol.metadata import MetadataRequest

from model.health import NEVER_HEARD, Ensemble, Member, Partition, Quorum, Sample
from model.kafka_keys import Mode
from model.listeners import CLIENTS, ZOOKEEPER_CLIENT_PORT
from model.topology import Cluster

_ANSWER_MS = 10_000
# The client's own default grows to half a minute, which a broker that is just starting does not take.
_KNOCK_AGAIN_MS = 200
_METADATA = "__cluster_metadata"


class KafkaView:
    """Keeps one admin connection over many samples; a broken one is made anew."""

    def __init__(self, cluster: Cluster, patience: int = 1) -> None:
        self._cluster = cluster
        self._answer_ms = _ANSWER_MS * patience
        self._admin: KafkaAdminClient | None = None

    async def sample(self) -> Sample:
        """What the cluster looks like now. A cluster that doesn't answer is a sample with that as its fault."""
        if not await self._any_listens():
            kafka = Sample(frozenset(), -1, (), faults=("no broker listens",))
            return kafka if self._cluster.mode is Mode.KRAFT else await self._with_ensemble(kafka)
        try:
            kafka = await asyncio.to_thread(self._ask_kafka)
        except (KafkaError, OSError, ValueError) as error:
            self.close()
            kafka = Sample(frozenset(), -1, (), faults=(f"no broker answers: {error or type(error).__name__}",))
        return kafka if self._cluster.mode is Mode.KRAFT else await self._with_ensemble(kafka)

    async def _with_ensemble(self, kafka: Sample) -> Sample:
        return replace(kafka, ensemble=await ask_ensemble(self._cluster))

    async def _any_listens(self) -> bool:
        """Whether any broker's port is open: the client would knock at closed ones for a long while."""
        limit = self._answer_ms / 1000
        return any(await asyncio.gather(*(_accepts(node.address, limit) for node in self._cluster.brokers)))

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
                bootstrap_timeout_ms=self._answer_ms,
                reconnect_backoff_max_ms=_KNOCK_AGAIN_MS,
                client_id="kafka-cluster",
            )
        return self._admin

    def _send(self, request: Any) -> dict[str, Any]:
        """The protocol's own answer. The client's describe_cluster and describe_metadata_quorum (3.0.12) trip
        over fields that brokers of 3.6 don't send."""
        manager = self.admin._manager
        answer: dict[str, Any] = manager.run(manager.send, request).to_dict()
        return answer

    def _ask_kafka(self) -> Sample:
        metadata = self._send(MetadataRequest(topics=None, allow_auto_topic_creation=False))
        quorum = self._ask_quorum() if self._cluster.mode is Mode.KRAFT else None
        brokers = frozenset(broker["node_id"] for broker in metadata["brokers"])
        controller = quorum.leader if quorum else metadata["controller_id"]
        return Sample(brokers, controller, self._partitions(metadata["topics"]), quorum)

    def _ask_quorum(self) -> Quorum:
        topic = DescribeQuorumRequest.TopicData
        asked = topic(topic_name=_METADATA, partitions=[topic.PartitionData(partition_index=0)])
        answer = self._send(DescribeQuorumRequest(topics=[asked]))
        raise_error(answer["error_code"])
        partition = answer["topics"][0]["partitions"][0]
        raise_error(partition["error_code"])
        newest = max(state["last_fetch_timestamp"] for state in partition["current_voters"])

        def member(state: dict[str, int]) -> Member:
            lag = partition["high_watermark"] - state["log_end_offset"]
            silent, behind = (
                max(0, newest - state[moment]) if state[moment] >= 0 else NEVER_HEARD
                for moment in ("last_fetch_timestamp", "last_caught_up_timestamp")
            )
            return Member(max(0, lag), silent, behind)

        voters = {state["replica_id"]: member(state) for state in partition["current_voters"]}
        observers = {state["replica_id"]: member(state) for state in partition["observers"]}
        return Quorum(partition["leader_id"], voters, observers)

    def _partitions(self, topics: list[dict[str, Any]]) -> tuple[Partition, ...]:
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
        answer: Any = self.admin.describe_configs(wanted, config_filter="all")
        return {
            name: int(values[key]["value"]) for name, values in answer[ConfigResourceType.TOPIC.name.lower()].items()
        }


async def _accepts(address: str, limit: float) -> bool:
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(address, CLIENTS.port), limit)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def raise_error(code: int) -> None:
    """Raises what an error code of the protocol stands for, if for anything."""
    if code:
        raise for_code(code)()


async def ask_ensemble(cluster: Cluster) -> Ensemble:
    """Each ZooKeeper member's state, asked side by side."""
    states = await asyncio.gather(*(asyncio.to_thread(_zookeeper_state, node.address) for node in cluster.voters))
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
