"""The topics that a cluster is to have, as they are handed to `operations/` and kept in the state.

Knows what one plan remembers of the one before it. Refuses to know what is to be done (`model/topics.py`).
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model import state
from model.handover import Clustered, JumpHosts
from model.topic_rules import TopicSettings

# The resource whose input the plan is.
TOPICS_RESOURCE = "kafka-topics"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Listed(_Frozen):
    """A topic that is to be there. `taken_back` are settings that were listed once: they are the cluster's default
    again."""

    partitions: int
    replication_factor: int
    settings: dict[str, str] = Field(default_factory=dict)
    taken_back: tuple[str, ...] = ()


class TopicPlan(Clustered):
    """What `operations/` is handed: the cluster, the topics that are to be there and those that are not. It holds no secret,
    so that a preview can show it. `storage` is what was last done to the disks: on an emptied one nothing is there."""

    cluster_id: str
    storage: tuple[str, ...] = ()
    jump_hosts: JumpHosts = Field(default_factory=dict)
    listed: dict[str, Listed] = Field(default_factory=dict)
    absent: tuple[str, ...] = ()

    @property
    def named(self) -> set[str]:
        """The topics that it speaks of."""
        return {*self.listed, *self.absent}


def earlier(resources: Iterable[Mapping[str, Any]]) -> TopicPlan | None:
    """The plan that was last carried out, from a state's resources; None when there was none, or another version of this
    package wrote it: the cluster is asked in any case."""
    for resource in resources:
        if state.name(resource) == TOPICS_RESOURCE and "stdin" in state.inputs(resource):
            try:
                return TopicPlan.model_validate(json.loads(state.inputs(resource)["stdin"]))
            except (ValidationError, TypeError, ValueError):
                return None
    return None


def listed(topics: Iterable[TopicSettings], brokers: int, before: TopicPlan | None) -> dict[str, Listed]:
    """The topics that are to be there. What was ever taken off a topic's settings stays known as long as it is listed: the
    other mode's cluster may have it still."""
    return {
        topic.name: Listed(
            partitions=topic.partitions or 1,
            replication_factor=topic.factor(brokers),
            settings={key: value.strip(" ") for key, value in sorted(topic.settings.items())},
            taken_back=_taken_back(topic, before),
        )
        for topic in sorted(topics, key=lambda topic: topic.name)
        if topic.is_wanted
    }


def _taken_back(topic: TopicSettings, before: TopicPlan | None) -> tuple[str, ...]:
    known = before.listed.get(topic.name) if before else None
    return tuple(sorted({*known.settings, *known.taken_back} - topic.settings.keys())) if known else ()


def absent(topics: Iterable[TopicSettings]) -> tuple[str, ...]:
    """The topics that are to be deleted where they are."""
    return tuple(sorted(topic.name for topic in topics if not topic.is_wanted))
