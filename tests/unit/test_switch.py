"""A switch of modes is foretold from what the running cluster was last told."""

import json
from typing import Any

import pytest

from model import switch
from model.handover import LIVE
from model.kafka_keys import Mode

from .samples import cluster

KRAFT, ZOOKEEPER = Mode.KRAFT, Mode.ZOOKEEPER


def state(mode: Mode) -> list[dict[str, Any]]:
    """What stays in a state of the last `up` that ended, and of one after it that began in the other mode."""
    other = ZOOKEEPER if mode is KRAFT else KRAFT
    place = "urn:pulumi:dev::p::kafka-cluster:index:KafkaCluster"
    told = {"urn": f"{place}$command:local:Command::{LIVE}", "inputs": {"stdin": json.dumps({"mode": mode})}}
    return [{"urn": f"{place}::kafka", "inputs": {"mode": other}}, told, {"type": "pulumi:pulumi:Stack"}]


@pytest.mark.parametrize("mode", Mode)
def test_the_mode_is_the_one_that_the_last_up_ended_in(mode: Mode) -> None:
    assert switch.left_in(state(mode)) is mode


def test_before_the_first_up_ended_there_is_none() -> None:
    begun = [one for one in state(KRAFT) if not one.get("urn", "").endswith(LIVE)]
    assert switch.left_in([]) is switch.left_in(begun) is None
    assert switch.warnings(None, KRAFT, cluster(3)) == []


@pytest.mark.parametrize(
    ("before", "after", "stopped", "started"),
    [
        (KRAFT, ZOOKEEPER, "kafka.service", "zookeeper.service, then kafka.service"),
        (ZOOKEEPER, KRAFT, "kafka.service, then zookeeper.service", "kafka.service"),
    ],
)
@pytest.mark.parametrize("goes_on", [False, True])
def test_a_switch_says_what_it_stops_and_starts(
    before: Mode, after: Mode, stopped: str, started: str, goes_on: bool
) -> None:
    begun = after if goes_on else before
    (told,) = switch.warnings(before, begun, cluster(3, after))
    assert f"stops {stopped} on n1, n2, n3, all nodes together" in told
    assert f"then starts {started} there in {after} mode" in told
    assert "all brokers are down meanwhile" in told
    assert f"The data of {before} mode stays" in told


@pytest.mark.parametrize("mode", Mode)
def test_without_a_switch_there_is_nothing_to_say(mode: Mode) -> None:
    assert switch.warnings(mode, mode, cluster(3, mode)) == []


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("ended", [True, False])
def test_a_switch_that_was_cut_off_and_is_taken_back_is_told(mode: Mode, ended: bool) -> None:
    (told,) = switch.warnings(mode if ended else None, mode.other, cluster(3, mode))
    assert f"may have started n1, n2, n3 in {mode.other} mode" in told
    assert f"all nodes together, and started in {mode} mode" in told


def report(mode: Mode | None, *topics: str) -> dict[str, Any]:
    """What a node says of itself that was last started in a mode, or never."""
    config = f'KAFKA_CONFIG="{cluster(3).paths.properties(mode)}"' if mode else ""
    return {"config": config, "other_topics": ["__consumer_offsets", *topics]}


@pytest.mark.parametrize("mode", Mode)
def test_topics_that_stay_behind_are_named(mode: Mode) -> None:
    told = switch.left_behind(cluster(3, mode), [report(mode), report(mode.other, "b"), report(mode.other, "__b", "a")])
    assert told == f"topics that stay behind in {mode.other} mode's data: __b, a, b", "a name of one's own"
    assert switch.left_behind(cluster(3, mode), [report(mode.other)] * 3).endswith(": none")


@pytest.mark.parametrize("mode", Mode)
def test_without_a_switch_nothing_stays_behind(mode: Mode) -> None:
    for reports in ([report(mode, "earlier")] * 3, [report(None)] * 3):
        assert switch.left_behind(cluster(3, mode), reports) == "", "they stayed behind long ago, or there are none"
