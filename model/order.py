"""What has to happen to which node so that every node runs what is planned, and in which order.

The rule: starting a node that is down needs no permission; taking down one that is up always does. One that is stopping
goes down whatever is done, and is started once it has.
All nodes that are down start side by side, and with them those that only fail over and over with another configuration
than planned. Of the others that run something else than planned or are blind, an unhealthy one is first (it has least to
lose), the active controller last (each hand-over of it costs the cluster a pause).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from model.handover import NodeFacts

# Why a node is started that does not run, and so one that never did.
WAS_DOWN = "it was down"
_BLIND = "its disk took nothing when it started, so that it would not see it fail"

_KAFKA, _ZOOKEEPER = "kafka.service", "zookeeper.service"
_STAYS_UP = ("active", "activating", "reloading")
_STOPPING = "deactivating"
_BETWEEN_TWO_TRIES = "auto-restart"
# A process that systemd started again and that is older than this did not fail at its start.
JUST_STARTED_SECONDS = 60

# For those that a controller let go before it ended itself.
_LAST_WORDS_SECONDS = 3


@dataclass(frozen=True, slots=True)
class NodeState:
    """What a node said of itself. `running` is the fingerprint its process was started with, "" when it is down or on its
    way there; `config` is the properties file that its mode file names. `crash_looping`: systemd has to start it again
    and again; `just_started`: its process was started a moment ago; `zookeeper_down`: its broker runs without the
    ZooKeeper that is planned beside it; `stopping`: it is up still, and was told to stop; `blind`: its broker does not
    see its disk fail any more (`health.Sample`)."""

    name: str
    id: int
    up: bool
    running: str
    planned: str
    config: str
    crash_looping: bool = False
    just_started: bool = False
    zookeeper_down: bool = False
    stopping: bool = False
    blind: bool = False


def state(facts: NodeFacts, report: Mapping[str, Any], services: Collection[str], patience: int) -> NodeState:
    """A node's state from its own report (`files/stages/account.py`), by its own clock."""
    kafka, ensemble = report["units"][_KAFKA], report["units"][_ZOOKEEPER]
    stays, stopping = kafka["ActiveState"] in _STAYS_UP, kafka["ActiveState"] == _STOPPING
    age = report["now"] - float(kafka["ActiveEnterTimestamp"].lstrip("@") or 0)
    just_started = stays and age < JUST_STARTED_SECONDS * patience
    return NodeState(
        facts.name,
        facts.id,
        stays or stopping,
        report["running"] if stays else "",
        facts.fingerprint,
        report["config"],
        crash_looping=stays
        and (kafka["SubState"] == _BETWEEN_TWO_TRIES or (just_started and int(kafka["NRestarts"]) > 0)),
        just_started=just_started,
        zookeeper_down=stays and _ZOOKEEPER in services and ensemble["ActiveState"] not in _STAYS_UP,
        stopping=stopping,
        blind=report["blind"],
    )


@dataclass(frozen=True, slots=True)
class Work:
    """Names of nodes: to be stopped together because the mode is another one, to be started side by side, to be
    restarted side by side with them because they only fail, to be given their ZooKeeper back, and to be restarted one
    at a time."""

    stop: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    revive: tuple[str, ...] = ()
    join: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()


def work(states: Iterable[NodeState], planned_config: str, unwell: Collection[int]) -> Work:
    """What is to be done. `planned_config` is the mode's properties file on every node; `unwell` are the ids of those
    that were not seen to do their part."""
    states = tuple(states)
    # A node that runs in the other mode can't be part of this cluster: there is nothing to roll.
    other_mode = tuple(s.name for s in states if s.up and planned_config not in s.config)
    start = tuple(s.name for s in states if not s.up or s.stopping or s.name in other_mode)
    staying = [s for s in states if s.name not in start]
    outdated = [s for s in staying if s.running != s.planned or s.blind]
    # Each would wait for the others to be well, and none ever is with what it runs.
    revive = tuple(s.name for s in outdated if s.crash_looping and s.id in unwell)
    join = tuple(s.name for s in staying if s.zookeeper_down and s.name not in revive)
    return Work(other_mode, start, revive, join, tuple(s.name for s in outdated if s.name not in revive))


def touched(todo: Work) -> tuple[str, ...]:
    """The names of the nodes that what is staged there is activated on."""
    return (*todo.start, *todo.revive, *todo.restart)


def undecided(states: Iterable[NodeState], planned_config: str, unwell: Collection[int]) -> tuple[str, ...]:
    """The names of those of whom nobody knows yet whether they come to serve or only fail: started a moment ago in the
    planned mode with another configuration than planned."""
    outdated = (s for s in states if s.up and s.running != s.planned and planned_config in s.config)
    return tuple(s.name for s in outdated if s.just_started and not s.crash_looping and s.id in unwell)


def cheapest(nodes: Mapping[str, int], unwell: Collection[int], controller: int) -> str:
    """The name of the one of these nodes, given with their ids, that is taken down next."""
    return min(nodes, key=lambda name: (nodes[name] not in unwell, nodes[name] == controller, nodes[name]))


def stuck(voters: Iterable[str], left: Iterable[str]) -> bool:
    """Whether those of a KRaft cluster that are still there can't end by themselves any more. A broker that is told to
    stop waits until the active controller lets it go, for five minutes: with the majority of the voters gone there is
    none."""
    voters = set(voters)
    return bool(voters) and 2 * len(voters & set(left)) <= len(voters)


def given_up(voters: Iterable[str], left: Collection[str], seconds: float, patience: float) -> bool:
    """Whether brokers that were told to stop are killed, when none of them has ended for so many seconds."""
    return bool(left) and stuck(voters, left) and seconds > _LAST_WORDS_SECONDS * patience


def reason(before: NodeState) -> str:
    """Why a node that was so is started, in a person's words."""
    was, planned = before.running, before.planned
    if not was:
        return WAS_DOWN
    if was == planned:
        return _BLIND if before.blind else "a restart was requested"
    return "its files were changed by hand" if was.split()[0] == planned else "its configuration changed"
