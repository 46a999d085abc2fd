"""Brokers are made to hear at once of what a KRaft controller wrote, and nothing hangs on whether they do."""

import asyncio
from typing import Any

import pytest
from kafka.errors import KafkaConnectionError

from model.kafka_keys import Mode
from operations.kafka_connection import KafkaConnection
from operations.ways import DIRECT

from .samples import cluster


class Brokers(KafkaConnection):
    """Brokers that were asked for something."""

    def __init__(self, mode: Mode, *, away: bool = False) -> None:
        super().__init__(cluster(mode=mode), DIRECT)
        self.away = away
        self.requests: list[Any] = []

    def _send(self, request: Any, broker: int | None = None) -> dict[str, Any]:
        if self.away:
            raise KafkaConnectionError("gone")
        self.requests.append(request)
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


@pytest.mark.parametrize("mode", list(Mode))
def test_what_can_be_hurried_comes_without_that_too(mode: Mode) -> None:
    assert hurried(Brokers(mode, away=True)) == [], "the connection may have been lost to a broker that goes"
