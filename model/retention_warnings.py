"""What a change makes a cluster keep less of: records that go for good within minutes, said before it happens.

Knows which settings decide what is kept. Refuses to know how a setting is changed (`model/kafka_dynamic.py`,
`model/topics.py`).
"""

from collections.abc import Iterator, Mapping
from math import inf

from model.kafka_dynamic import defaults, targets
from model.settings import Settings
from model.topic_plan import TopicPlan

# Settings of a topic, and what stands for each in the cluster where the topic has none.
_LIMITS = {"retention.ms": "log.retention.ms", "retention.bytes": "log.retention.bytes"}
_POLICY, _CLUSTERS_POLICY = "cleanup.policy", "log.cleanup.policy"


def warnings(old: Mapping[str, str], before: TopicPlan | None, settings: Settings) -> list[str]:
    """A sentence for each setting with which less is kept. `old` are the defaults that the running cluster was last told,
    nothing where there is none, and `before` is what the last `up` made of topics."""
    if not old:
        return []
    new = planned(settings)
    return [*_of_the_cluster(old, new), *_of_topics(old, new, before, settings)]


def planned(settings: Settings) -> dict[str, str]:
    """The defaults that a running cluster is to have; those that were not judged are left out."""
    version = settings.kafka_version
    return targets(version, defaults(version, settings.settings, settings.unchecked))


def _of_the_cluster(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for key, whose in _LIMITS.items():
        if whose in new and whose in old and _is_less(new[whose], old[whose]):
            yield (
                f"{whose} becomes {new[whose]} instead of {old[whose]}: what is beyond it is deleted for good within minutes,"
                f" on all topics without a {key} of their own"
            )
    policy, was = new.get(_CLUSTERS_POLICY, ""), old.get(_CLUSTERS_POLICY, "")
    if _is_stricter(policy, was):
        yield (
            f"{_CLUSTERS_POLICY} becomes {policy} instead of {was}: records that topics without a"
            f" {_POLICY} of their own kept until now are deleted for good, by their key or by their age"
        )


def _of_topics(
    old: Mapping[str, str], new: Mapping[str, str], before: TopicPlan | None, settings: Settings
) -> Iterator[str]:
    known = before.listed if before and before.mode is settings.mode else {}
    for topic in settings.topics:
        if not topic.is_wanted or topic.name not in known:
            continue
        had, has = known[topic.name].settings, topic.settings
        for key, whose in {**_LIMITS, _POLICY: _CLUSTERS_POLICY}.items():
            if key not in had and key not in has:
                continue  # it goes with the cluster, of which that is said
            was, becomes = (own.get(key, all.get(whose, "")).strip(" ") for own, all in ((had, old), (has, new)))
            if key in _LIMITS and was and becomes and _is_less(becomes, was):
                yield (
                    f"topic {topic.name}: {key} becomes {becomes} instead of {was}: what is beyond it is deleted for good"
                    " within minutes"
                )
            if key == _POLICY and _is_stricter(becomes, was):
                yield (
                    f"topic {topic.name}: {key} becomes {becomes} instead of {was}: records that it kept until now are"
                    " deleted for good, by their key or by their age"
                )


def _is_less(value: str, other: str) -> bool:
    return _limit(value) < _limit(other)


def _limit(value: str) -> float:
    """Kafka's -1 is no limit."""
    return float(value) if float(value) >= 0 else inf


def _is_stricter(policy: str, other: str) -> bool:
    """Whether something is done to records that was not done to them before."""
    after, before = ({word.strip(" ") for word in value.split(",")} for value in (policy, other))
    return bool(policy and other and after - before)
