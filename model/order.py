"""What has to happen to which node so that every node runs what is planned, and in which order.

The rule: starting a node that is down needs no permission; taking down one that is up always does.
All nodes that are down start side by side. Of those that run something else than planned, an unhealthy one
is first (it has least to lose), the active controller last (each hand-over of it costs the cluster a pause).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NodeState:
    """What a node said of itself. `running` is the fingerprint its process was started with, "" when it is
    down; `config` is the properties file that its mode file names."""

    name: str
    id: int
    up: bool
    running: str
    planned: str
    config: str


@dataclass(frozen=True, slots=True)
class Work:
    """Names of nodes: to be stopped together because the mode is another one, to be started side by side,
    to be restarted one at a time in this order."""

    stop: tuple[str, ...]
    start: tuple[str, ...]
    restart: tuple[str, ...]


def work(states: Iterable[NodeState], planned_config: str, unhealthy: Iterable[int], controller: int) -> Work:
    """What is to be done. `planned_config` is the mode's properties file on every node."""
    states = tuple(states)
    # A node that runs in the other mode can't be part of this cluster: there is nothing to roll.
    other_mode = tuple(s.name for s in states if s.up and planned_config not in s.config)
    start = tuple(s.name for s in states if not s.up or s.name in other_mode)
    outdated = [s for s in states if s.up and s.name not in other_mode and s.running != s.planned]
    restart = cheapest_first({s.name: s.id for s in outdated}, unhealthy, controller)
    return Work(other_mode, start, restart)


def cheapest_first(nodes: Mapping[str, int], unhealthy: Iterable[int], controller: int) -> tuple[str, ...]:
    """The names of nodes, given with their ids, in the order in which they are taken down."""
    ill = set(unhealthy)
    return tuple(sorted(nodes, key=lambda name: (nodes[name] == controller, nodes[name] not in ill, nodes[name])))


def stuck(voters: Iterable[str], left: Iterable[str]) -> bool:
    """Whether those of a KRaft cluster that are still there can't end by themselves any more. A broker that is told to
    stop waits until the active controller lets it go, for five minutes: with the majority of the voters gone there is
    none."""
    voters = set(voters)
    return bool(voters) and 2 * len(voters & set(left)) <= len(voters)


def reason(before: Mapping[str, str], name: str, planned: str) -> str:
    """Why a node is started, in a person's words."""
    was = before.get(name, "")
    if not was:
        return "it was down"
    return "its configuration changed" if was != planned else "it was asked for"
