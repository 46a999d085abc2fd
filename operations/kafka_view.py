"""Samples of a running cluster, taken from the operator's side without a JVM.

Knows what to ask. Refuses to judge what it sees.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from kafka.admin import ConfigResourceType
from kafka.errors import KafkaError, UnknownTopicOrPartitionError
from kafka.protocol.admin import DescribeConfigsRequest, DescribeQuorumRequest
from kafka.protocol.metadata import MetadataRequest

from model import kafka_answers
from model.health import Quorum, Sample
from model.kafka_keys import Mode
from model.listeners import CLIENTS
from operations.ensemble import ask_ensemble
from operations.kafka_connection import KafkaConnection, raise_error
from operations.wait import with_progress

_METADATA = "__cluster_metadata"
_NOBODY = -1
# What one look asks after another: whether ports are open, then topics, those of the controller or the quorum, min ISR,
# the open ports once more, and the ensemble.
_LOOK = 6


class _NoController(Exception):
    """Brokers answer, and nothing is known of the one that knows."""


class KafkaView(KafkaConnection):
    """A cluster that is looked at."""

    async def sample(self) -> Sample:
        """What the cluster looks like now. A cluster that doesn't answer is a sample with that as its fault."""
        return await with_progress("the cluster to say how it is", self._sample(), limit=self._most(_LOOK))

    async def _sample(self) -> Sample:
        kafka = await self.of_brokers()
        if self._cluster.mode is Mode.KRAFT:
            return kafka
        return replace(kafka, ensemble=await ask_ensemble(self._cluster, self._ways))

    async def of_brokers(self) -> Sample:
        """The same as far as brokers know it: without the ensemble."""
        not_listening = await self._not_listening()
        if len(not_listening) == len(self._asked):
            # That a port is closed needs no more words; that a jump host does not let through does.
            why = f": {'; '.join(not_listening.values())}" if self._ways.proxy else ""
            return Sample(
                frozenset(), -1, (), faults=(f"no broker listens{why}",), not_listening=frozenset(not_listening)
            )
        try:
            sample = await asyncio.to_thread(self._ask_kafka, not_listening)
        except _NoController as error:
            fault = str(error)
        except (KafkaError, OSError, ValueError) as error:
            fault = f"no broker answers: {error or type(error).__name__}"
        else:
            # One may have gone while the others were asked, who go on naming it for as long as its session lasts.
            gone = await self._not_listening(but_for=not_listening)
            return replace(sample, not_listening=frozenset({*not_listening, *gone}))
        self.close()
        return Sample(frozenset(), -1, (), faults=(fault,), not_listening=frozenset(not_listening))

    async def _not_listening(self, but_for: Collection[int] = ()) -> dict[int, str]:
        """The brokers whose port is closed, and why: the client would try closed ones for a long while, and what the
        others say of a broker does not tell."""
        limit = self._answer_ms / 1000
        asked = [node for node in self._asked if node.id not in but_for]
        why = await asyncio.gather(
            *(self._ways.probe(node.address, CLIENTS.port, limit, self._question) for node in asked)
        )
        return {node.id: words for node, words in zip(asked, why, strict=True) if words}

    def _ask_kafka(self, not_listening: Mapping[int, str]) -> Sample:
        metadata = self._topics()
        if self._cluster.mode is Mode.ZOOKEEPER and not self._through:
            metadata = self._told_by_controller(metadata, not_listening)
        brokers = frozenset(broker["node_id"] for broker in metadata["brokers"])
        topics = metadata["topics"]
        partitions = kafka_answers.partitions(topics, self._min_isr([topic["name"] for topic in topics]))
        if self._cluster.mode is Mode.ZOOKEEPER:
            return Sample(brokers, metadata["controller_id"], partitions)
        try:
            quorum = self._ask_quorum()
        except KafkaError as error:  # there is no leader to ask: a broker goes on knowing its topics without one
            return Sample(brokers, _NOBODY, partitions, quorum_fault=str(error) or type(error).__name__)
        return Sample(brokers, quorum.leader, partitions, quorum)

    def _topics(self, broker: int | None = None) -> dict[str, Any]:
        return self._send(MetadataRequest(topics=None, allow_auto_topic_creation=False), broker)

    def _told_by_controller(self, metadata: dict[str, Any], not_listening: Mapping[int, str]) -> dict[str, Any]:
        """In ZooKeeper mode brokers know what the controller tells them. One that it can't reach answers all the same,
        and goes on with what it was told last. Of a controller that is away, or hangs, the others' word has to do: it is
        the first that a roll restarts."""
        controller: int = metadata["controller_id"]
        if controller == _NOBODY:
            raise _NoController("no broker is the controller")
        if controller in not_listening:
            return metadata
        try:
            metadata = self._topics(controller)
        except (KafkaError, OSError, ValueError) as error:
            raise _NoController(f"controller {controller} does not answer: {error or type(error).__name__}") from error
        if metadata["controller_id"] != controller:
            raise _NoController(f"broker {controller} is not the controller any more")
        return metadata

    def _ask_quorum(self) -> Quorum:
        topic = DescribeQuorumRequest.TopicData
        asked = topic(topic_name=_METADATA, partitions=[topic.PartitionData(partition_index=0)])
        answer = self._send(DescribeQuorumRequest(topics=[asked]))
        raise_error(answer["error_code"])
        partition = answer["topics"][0]["partitions"][0]
        raise_error(partition["error_code"])
        if partition["high_watermark"] < 0:  # of a leader that was just elected: every lag would be none
            raise KafkaError("the quorum's high watermark is not known yet")
        return kafka_answers.quorum(partition)

    def _min_isr(self, topics: list[str]) -> dict[str, int]:
        """That of each topic, but for those that were deleted a moment ago."""
        if not topics:
            return {}
        wanted = [(ConfigResourceType.TOPIC, name, ["min.insync.replicas"]) for name in topics]
        answer = self._send(DescribeConfigsRequest(resources=wanted))
        there = [each for each in answer["results"] if each["error_code"] != UnknownTopicOrPartitionError.errno]
        for each in there:
            raise_error(each["error_code"], f"{each['resource_name']}'s min ISR is not known")
        return {each["resource_name"]: int(each["configs"][0]["value"]) for each in there}
