"""Brokers are made to hear at once of what a KRaft controller wrote, and nothing hangs on whether they do."""

import asyncio
from collections.abc import Collection
from typing import Any

from kafka.errors import KafkaConnectionError

from model.kafka_keys import Mode
from operations.kafka_connection import KafkaConnection

from .samples import cluster


class Brokers(KafkaConnection):
    """Brokers that were asked for something. Those that are down take no connection; `goes`: one that does loses it."""

    def __init__(self, mode: Mode, *, down: Collection[str] = (), goes: bool = False) -> None:
        ways: Any = self
        super().__init__(cluster(mode=mode), ways)
        self.down, self.goes = down, goes
        self.requests: list[Any] = []
        self.told: list[int | None] = []

    async def probe(self, address: str, *_: object) -> str:
        """As the way to a machine does it."""
        return "closed" if address in self.down else ""

    def _send(self, request: Any, broker: int | None = None) -> dict[str, Any]:
        if self.goes:
            raise KafkaConnectionError("gone")
        self.requests.append(request)
        self.told.append(broker)
        return {"responses": [{"error_code": 0, "error_message": None}]}


def hurried(brokers: Brokers) -> list[tuple[str, str | None]]:
    """The keys that brokers were told, and their values."""
    asyncio.run(brokers.hurry())
    return [
        (key, value) for request in brokers.requests for (_, _, told) in request.resources for key, _, value in told
    ]


def test_a_controller_is_given_something_to_write_that_changes_nothing() -> None:
    ((key, value),) = hurried(Brokers(Mode.KRAFT))
    assert value is None, "what a broker was given stays"
    assert key.startswith("kafka.cluster."), "a key of Kafka's own could be one that somebody gave a value"


def test_zookeeper_tells_by_itself() -> None:
    assert hurried(Brokers(Mode.ZOOKEEPER)) == []


def test_a_broker_that_is_down_is_not_asked() -> None:
    first, second, _ = cluster().brokers
    brokers = Brokers(Mode.KRAFT, down={first.address})
    hurried(brokers)
    assert brokers.told == [second.id], "it would be tried for ten seconds, to gain half a second"


def test_what_can_be_hurried_comes_without_that_too() -> None:
    assert hurried(Brokers(Mode.KRAFT, goes=True)) == [], "the connection may have been lost to a broker that goes"
    assert hurried(Brokers(Mode.KRAFT, down={node.address for node in cluster().brokers})) == []
