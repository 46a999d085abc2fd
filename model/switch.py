"""What a switch of modes stops and starts, said before it happens.

Knows in which mode a state's cluster was left. Refuses to know how it is stopped and started (`operations/running.py`).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from model import state
from model.handover import LIVE
from model.kafka_keys import KAFKAS_OWN, Mode
from model.topology import Cluster
from model.wording import some


def left_in(resources: Iterable[Mapping[str, Any]]) -> Mode | None:
    """The mode that the last `up` ended in, from a state's resources; None when none ended yet.

    It is what the running cluster was last told: everything before that carries the new mode as soon as an `up` begins.
    """
    told = state.inputs_by_name(resources).get(LIVE, {}).get("stdin")
    return Mode(json.loads(told)["mode"]) if isinstance(told, str) else None


def left_behind(cluster: Cluster, reports: Iterable[Mapping[str, Any]]) -> str:
    """Names the topics that the other mode's data keeps, by the nodes' own accounts; nothing to say where no node was
    last started in that mode."""
    other, reports = cluster.mode.other, tuple(reports)
    if not any(cluster.paths.properties(other) in report["config"] for report in reports):
        return ""
    found = {topic for report in reports for topic in report["other_topics"]} - {*KAFKAS_OWN}
    return f"topics that stay behind in {other} mode's data: {some(sorted(found)) or 'none'}"


def warnings(before: Mode | None, begun: Mode | None, cluster: Cluster) -> list[str]:
    """A sentence when the cluster is asked to run in another mode than the last `up` ended in, `before`, or than it was to
    end in, `begun`."""
    other = cluster.mode.other
    if other not in (before, begun):
        return []
    stopped = ", then ".join(reversed(replace(cluster, mode=other).java_services()))
    names = ", ".join(node.name for node in cluster.nodes)
    if before is not other:
        return [
            f"an `up` that was not finished may have started {names} in {other} mode: what runs in it is stopped ({stopped}),"
            f" all nodes together, and started in {cluster.mode} mode"
        ]
    return [
        f"the switch from {before} to {cluster.mode} stops {stopped} on {names}, all nodes together, and"
        f" then starts {', then '.join(cluster.java_services())} there in {cluster.mode} mode: all brokers are down"
        f" meanwhile. The data of {before} mode stays where it is, and its topics are not there in {cluster.mode} mode."
        f" Retention keeps counting: once {before} mode is back, records and consumer offsets past their retention are deleted"
    ]
