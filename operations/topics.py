"""Brings a cluster's topics to what is listed: deletes, makes, adds partitions, alters settings, in this order.

Everything is judged first, by the model and by Kafka itself (each request can be asked for without being carried out); only then
is anything changed. It can be cut off anywhere and run again: what is as listed is left alone.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

from kafka.admin import AlterConfigOp, ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, for_code
from kafka.protocol.metadata import MetadataRequest

from model.topic_plan import TopicPlan
from model.topics import Seen, Work, account, decide
from model.wording import some
from operations.cluster_lock import cluster_lock
from operations.evidence import votes_and_logs
from operations.kafka_connection import KafkaConnection
from operations.refusal import Refusal
from operations.wait import TimedOut, until
from operations.ways import Ways, logins

_LOCK_SECONDS = 120
_SETTLED_SECONDS = 60
# What is asked to see topics: which there are, and their settings.
SEEN = 2
_ITS_OWN = "DYNAMIC_TOPIC_CONFIG"


class NotAsListed(Refusal):
    """The topics could not be made what is listed; the text says which and why."""


class TopicsView(KafkaConnection):
    """A cluster's topics, asked for and altered."""

    def seen(self, names: set[str]) -> dict[str, Seen]:
        """Those of the named topics that are there."""
        # All topics are asked for: to ask for one by its name might make it.
        metadata = self._send(MetadataRequest(topics=None, allow_auto_topic_creation=False))
        found = {topic["name"]: topic["partitions"] for topic in metadata["topics"] if topic["name"] in names}
        own = self._own_settings(found)
        return {
            name: Seen(
                tuple(len(part["replica_nodes"]) for part in parts),
                own.get(name, {}),
                sum(part["leader_id"] < 0 for part in parts),
            )
            for name, parts in found.items()
        }

    def _own_settings(self, names: Any) -> dict[str, dict[str, str]]:
        if not names:
            return {}
        asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        answer: Any = self.admin.describe_configs(asked, config_filter="all")
        return {
            name: {key: entry["value"] for key, entry in entries.items() if entry["config_source"] == _ITS_OWN}
            for name, entries in answer["topic"].items()
        }

    def faults(self, plan: TopicPlan, work: Work) -> list[str]:
        """What Kafka would say of it; nothing is changed."""
        return list(self._sent(plan, work, rehearsed=True))

    def carry_out(self, plan: TopicPlan, work: Work) -> list[str]:
        """Does it, and answers what Kafka refused nevertheless."""
        return list(self._sent(plan, work, rehearsed=False))

    def delete(self, work: Work) -> list[str]:
        """Begins to delete topics, and answers what Kafka refused."""
        answer: Any = self.admin.delete_topics(list(work.delete), raise_errors=False)
        return list(_refused(answer["topics"]))

    def _sent(self, plan: TopicPlan, work: Work, *, rehearsed: bool) -> Iterator[str]:
        for name in work.create:  # each by itself: the controller makes so many partitions at once and no more
            answer: Any = self.admin.create_topics(
                {name: _new(plan, name)}, validate_only=rehearsed, raise_errors=False
            )
            yield from _refused(answer["topics"])
        for name, count in work.grow.items():
            grown = self.admin.create_partitions({name: count}, validate_only=rehearsed, raise_errors=False)
            yield from _refused(grown.to_dict()["results"])
        altered = [
            ConfigResource(ConfigResourceType.TOPIC, name, _operations(keys)) for name, keys in work.alter.items()
        ]
        if altered:
            answer = self.admin.alter_configs(
                altered, validate_only=rehearsed, raise_on_unknown=False, incremental=True
            )
            yield from (f"{name}: {said}" for name, said in answer["topic"].items() if said != "OK")


def _new(plan: TopicPlan, name: str) -> dict[str, Any]:
    topic = plan.listed[name]
    return {
        "num_partitions": topic.partitions,
        "replication_factor": topic.replication_factor,
        "configs": dict(topic.settings),
    }


def _operations(changes: Any) -> dict[str, Any]:
    return {
        key: (AlterConfigOp.DELETE, None) if value is None else (AlterConfigOp.SET, value)
        for key, value in changes.items()
    }


def _refused(answers: list[dict[str, Any]]) -> Iterator[str]:
    for answer in answers:
        if answer["error_code"]:
            yield f"{answer['name']}: {answer.get('error_message') or for_code(answer['error_code']).__name__}"


async def settle(plan: TopicPlan) -> None:
    """Brings the topics there; NotAsListed carries what went wrong."""
    async with Ways(logins(plan.jump_hosts), plan.patience) as ways:
        view = TopicsView(plan.cluster, ways, plan.patience)
        try:
            async with cluster_lock(f"topics-{plan.cluster_id}", _LOCK_SECONDS * plan.patience):
                await _settle(plan, view)
        except (KafkaError, OSError, TimedOut, NotAsListed) as error:
            raise NotAsListed(
                f"stage 'topics': {error or type(error).__name__}\n"
                f"{await votes_and_logs(plan.cluster, ways, plan.patience)}\n"
                "Mend that and run `pulumi up` again: it goes on where it stopped."
            ) from error
        finally:
            view.close()


async def _settle(plan: TopicPlan, view: TopicsView) -> None:
    work = decide(plan, await view.asked("the brokers to list the topics", view.seen, plan.named, questions=SEEN))
    steps = len(work.create) + len(work.grow) + 1
    faults = await view.asked("the brokers to judge the topics", view.faults, plan, work, questions=steps)
    refused = [*work.refused, *(f"  - {fault}" for fault in faults)]
    if refused:
        raise NotAsListed("\n".join(["these can't be what is listed; nothing was changed:", *refused]))
    for line in account(plan, work):
        print(line, flush=True)
    if work.delete:
        _raise_if(await view.asked("the brokers to delete topics", view.delete, work))
        await _until_done(plan, view, only_deletion=True)
    _raise_if(await view.asked("the brokers to alter the topics", view.carry_out, plan, work, questions=steps))
    if work:
        await view.hurry()
    await _until_done(plan, view)
    print(f"topics are as listed: {some(plan.listed) or 'none'}", flush=True)


def _raise_if(faults: list[str]) -> None:
    if faults:
        raise NotAsListed(f"Kafka refused {some(faults, between='; ')}")


async def _until_done(plan: TopicPlan, view: TopicsView, *, only_deletion: bool = False) -> None:
    async def ask() -> str | None:
        seen = await asyncio.to_thread(view.seen, plan.named)
        work = decide(plan, seen)
        open_ = [f"{name} is still there" for name in work.delete]
        if not only_deletion:
            open_ += [f"{name} is not as listed yet" for name in (*work.create, *work.grow, *work.alter)]
            open_ += [
                f"{name} has partitions without a leader"
                for name in plan.listed
                if name in seen and seen[name].leaderless
            ]
        return some(open_, between="; ") or None

    await until("the topics to be as listed", ask, limit=_SETTLED_SECONDS * plan.patience)
