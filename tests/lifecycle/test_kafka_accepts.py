"""Real brokers are asked what the model says of overrides: what it accepts starts and takes a record, and what it refuses
for a reason at which Kafka ends doesn't.

`KAFKA_CLUSTER_SOAK=300` draws 300 configurations instead of 20, from another seed at each run; `KAFKA_CLUSTER_SEED` draws
those of an earlier run again.
"""

import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from random import Random

import pytest

from model.kafka_keys import SUPPORTED_VERSIONS, Mode
from tests.support.kafka_overrides import Draw, Drawn
from tests.support.lone_broker import HEAP_MIB, LoneBroker, Release, ensemble, unpacked

pytestmark = pytest.mark.lifecycle

SOAK = int(os.environ.get("KAFKA_CLUSTER_SOAK", "0"))
COUNT = SOAK or 20
SEED = int(os.environ.get("KAFKA_CLUSTER_SEED", time.time_ns() % 10**9 if SOAK else 36))
SIDE_BY_SIDE = 2

Faults = dict[int, Future[str]]


def drawn(number: int) -> Drawn:
    """The overrides by this number: right and wrong ones in turn, in both modes, for all versions."""
    mode = tuple(Mode)[number // 2 % 2]
    draw = Draw(Random(f"{SEED}-{number}"), SUPPORTED_VERSIONS[number // 4 % len(SUPPORTED_VERSIONS)], mode, HEAP_MIB)
    return draw.refused() if number % 2 else draw.accepted()


@pytest.fixture(scope="module")
def faults() -> Iterator[Faults]:
    """What brokers say of each of the overrides, two brokers at a time."""
    with ExitStack() as stack:
        releases = {version: stack.enter_context(unpacked(version)) for version in SUPPORTED_VERSIONS}
        zookeeper = stack.enter_context(ensemble(releases[SUPPORTED_VERSIONS[0]]))
        pool = stack.enter_context(ThreadPoolExecutor(SIDE_BY_SIDE))
        stack.callback(pool.shutdown, cancel_futures=True)
        yield {number: pool.submit(fault, drawn(number), releases, zookeeper) for number in range(COUNT)}


def fault(one: Drawn, releases: dict[str, Release], zookeeper: str) -> str:
    """Why a broker with these overrides does not take a record; empty when it did."""
    with LoneBroker(releases[one.case.version], one.case.mode, one.case.overrides, zookeeper) as broker:
        return broker.fault()


@pytest.mark.parametrize("number", range(COUNT))
def test_kafka_agrees(number: int, faults: Faults) -> None:
    one, found = drawn(number), faults[number].result()
    asked = f"seed {SEED}: {one}\n"
    if one.refusal:
        assert found.startswith("it ended"), (
            f"{asked}was refused, and of the broker is to be said: {found or 'it serves'}"
        )
    else:
        assert len(one.case.overrides) > 10, f"{asked}asks too little at once"
        assert not found, f"{asked}was accepted, and of the broker is to be said: {found}"
