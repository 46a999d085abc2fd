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
    ill = set(unhealthy)
    ordered = sorted(outdated, key=lambda s: (s.id == controller, s.id not in ill, s.id))
    return Work(other_mode, start, tuple(s.name for s in ordered))


def reason(before: Mapping[str, str], name: str, planned: str) -> str:
    """Why a node is started, in a person's words."""
    was = before.get(name, "")
    if not was:
        return "it was down"
    return "its configuration changed" if was != planned else "it was asked for"
