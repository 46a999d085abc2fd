"""What brokers answer, read as it is judged: a lag that is reckoned wrongly opens a gate."""

from model import kafka_answers
from model.health import NEVER_HEARD, Member, Quorum


def test_a_voter_is_behind_and_silent_as_the_leader_tells() -> None:
    leader = {"replica_id": 1, "log_end_offset": 100, "last_fetch_timestamp": 9000, "last_caught_up_timestamp": 9000}
    late = {"replica_id": 2, "log_end_offset": 70, "last_fetch_timestamp": 8000, "last_caught_up_timestamp": 5000}
    never = {"replica_id": 3, "log_end_offset": 0, "last_fetch_timestamp": -1, "last_caught_up_timestamp": -1}
    told = {
        "leader_id": 1,
        "leader_epoch": 4,
        "high_watermark": 90,
        "current_voters": [leader, late],
        "observers": [never],
    }
    voters = {1: Member(0, 0, 0), 2: Member(20, 1000, 4000)}
    assert kafka_answers.quorum(told) == Quorum(1, voters, {3: Member(90, NEVER_HEARD, NEVER_HEARD)}, 4)


def test_a_topic_that_was_deleted_meanwhile_has_no_partitions() -> None:
    part = {"partition_index": 0, "leader_id": 1, "replica_nodes": [1], "isr_nodes": [1], "offline_replicas": []}
    topics = [{"name": name, "partitions": [part]} for name in ("there", "gone")]
    assert [str(found) for found in kafka_answers.partitions(topics, {"there": 1})] == ["there-0"]
