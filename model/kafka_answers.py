"""What brokers answer, read as the states that are judged.

Pure: knows the fields of the protocol's answers. Refuses to know how they are asked for, and what is well
(`model/health.py`).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from model.health import NEVER_HEARD, Member, Partition, Quorum


def quorum(told: Mapping[str, Any]) -> Quorum:
    """The quorum, by the metadata's partition in an answer to DescribeQuorum, whose high watermark is known. Lags are in
    records, silences in milliseconds behind the voter that was heard last."""
    newest = max(state["last_fetch_timestamp"] for state in told["current_voters"])

    def member(state: Mapping[str, int]) -> Member:
        lag = told["high_watermark"] - state["log_end_offset"]
        silent, behind = (
            max(0, newest - state[moment]) if state[moment] >= 0 else NEVER_HEARD
            for moment in ("last_fetch_timestamp", "last_caught_up_timestamp")
        )
        return Member(max(0, lag), silent, behind)

    voters = {state["replica_id"]: member(state) for state in told["current_voters"]}
    observers = {state["replica_id"]: member(state) for state in told["observers"]}
    return Quorum(told["leader_id"], voters, observers, told["leader_epoch"])


def partitions(topics: Iterable[Mapping[str, Any]], min_isr: Mapping[str, int]) -> tuple[Partition, ...]:
    """The partitions in an answer to Metadata, but for those of topics whose min ISR is not among these: they were deleted
    a moment ago."""
    return tuple(
        Partition(
            topic["name"],
            part["partition_index"],
            part["leader_id"],
            tuple(part["replica_nodes"]),
            tuple(part["isr_nodes"]),
            min_isr[topic["name"]],
            tuple(part["offline_replicas"]),
        )
        for topic in topics
        if topic["name"] in min_isr
        for part in topic["partitions"]
    )
