"""Gives the running cluster the settings that need no restart, and takes back those that nobody plans any more.

Asks and alters the brokers. Refuses to decide which value a default has to have (`model/kafka_dynamic.py`).
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaConnectionError, KafkaError, UnknownBrokerIdError

from model.handover import LiveSettings
from model.kafka_dynamic import Seen, alteration, answers, coarser, removal, same, targets, unjudged
from model.topology import Node
from operations.cluster_lock import LOCK_SECONDS, cluster_lock
from operations.evidence import votes_and_logs
from operations.kafka_connection import KafkaConnection
from operations.refusal import Refusal
from operations.wait import TimedOut, until
from operations.ways import Ways, logins

# A broker answers, and takes an alteration, within this.
_TAKEN_SECONDS = 60
# Which is some milliseconds as a rule.
_TAKEN_EVERY = 0.05
_REMEDY = "The others were taken. Correct those values, or do what their lines say, and run `pulumi up` again."


class NotTaken(Refusal):
    """The cluster did not take a setting; the text says which, why, and what to do."""


class SettingsView(KafkaConnection):
    """What brokers work with."""

    def settings(self, keys: Iterable[str], brokers: Iterable[Node] | None = None) -> dict[int, dict[str, Seen]]:
        """What each of these brokers, or of all, says of these keys. Raises KafkaError when one can't be asked."""
        wanted = tuple(keys)
        names = sorted({name for key in wanted for name in (key, *coarser(key))})
        asked = [
            ConfigResource(ConfigResourceType.BROKER, str(node.id), names) for node in brokers or self._cluster.brokers
        ]
        answer: Any = self.admin.describe_configs(asked, include_synonyms=True, config_filter="all")
        return {
            int(broker): answers(wanted, {name: told["synonyms"] for name, told in values.items()})
            for broker, values in answer[ConfigResourceType.BROKER.name.lower()].items()
        }


class DefaultsUpdater:
    """Updates the defaults of one cluster."""

    def __init__(self, wanted: LiveSettings, ways: Ways) -> None:
        self._wanted = wanted
        self._ways = ways
        self._view = SettingsView(wanted.cluster, ways, wanted.patience)
        self._targets = targets(wanted.version, wanted.defaults)
        self._unjudged = unjudged(wanted.defaults)

    async def update(self) -> None:
        """Every key, one after the other: a refusal leaves the others told."""
        refusals = []
        try:
            brokers = await self._ask()
            for key in (*self._targets, *self._unjudged):
                try:
                    await self._update(key, [broker[key] for broker in brokers.values() if key in broker])
                except (KafkaError, TimedOut) as error:
                    refusals.append(f"{key}: {error}")
            refusals += self._hidden(await self._ask())
        except (KafkaError, TimedOut) as error:
            raise NotTaken(
                f"stage 'settings': not every broker answers: {error}\n{await self._evidence()}\n"
                "Bring them back and run `pulumi up` again."
            ) from error
        finally:
            self._view.close()
        if refusals:
            raise NotTaken(
                "\n".join(
                    ["stage 'settings': the running cluster did not take", *refusals, await self._evidence(), _REMEDY]
                )
            )

    async def _evidence(self) -> str:
        return await votes_and_logs(self._wanted.cluster, self._ways, self._wanted.patience)

    async def _update(self, key: str, seen: list[Seen]) -> None:
        if key in self._targets:
            target = self._targets[key]
            values = alteration(self._wanted.version, key, target, seen)
        else:
            target = seen[0].started_with if seen else ""
            values = removal(key, seen)
        if values and any(one.value != target for one in seen):
            print(f"{key}: {seen[0].value} => {target} on all brokers, without a restart", flush=True)
        for value in values:
            await self._alter(key, value)
            await self._taken(key, value)

    async def _alter(self, key: str, value: str | None) -> None:
        """Asks again when the connection was lost, as it may be to a network thread that was just ended."""

        async def ask() -> str | None:
            try:
                await asyncio.to_thread(self._view.alter, key, value)
            except KafkaConnectionError as error:
                self._view.close()
                return str(error)
            return None

        await until(f"a broker to be told {key}", ask, limit=_TAKEN_SECONDS * self._wanted.patience)

    async def _taken(self, key: str, value: str | None) -> None:
        """Every broker takes an alteration a moment after it was accepted, and a number of threads only from the
        number before it."""

        async def ask() -> str | None:
            try:
                brokers = await self._ask()
            except KafkaConnectionError as error:
                self._view.close()
                return str(error)
            late = [node for node, seen in brokers.items() if not self._is(key, seen[key], value)]
            return f"broker {', '.join(map(str, late))} works with another value" if late else None

        await self._view.hurry()
        planned = self._targets.get(key, "what the files say") if value is None else value
        await until(f"{key} to be {planned}", ask, limit=_TAKEN_SECONDS * self._wanted.patience, every=_TAKEN_EVERY)

    def _is(self, key: str, seen: Seen, value: str | None) -> bool:
        """Whether the cluster's default is that value to a broker, or, with None, is there no more."""
        if value is None or seen.default is None:
            return seen.default is value
        return same(self._wanted.version, key, seen.default, value)

    async def _ask(self) -> Mapping[int, Mapping[str, Seen]]:
        what, count = "the brokers to say what they work with", len(self._wanted.cluster.brokers)
        found: Mapping[int, Mapping[str, Seen]] = {}

        async def ask() -> str | None:
            nonlocal found
            try:
                keys = (*self._targets, *self._unjudged)
                found = await self._view.asked(what, self._view.settings, keys, questions=count)
            except UnknownBrokerIdError as error:
                # Whom the client met first has not heard yet of one that was registered a moment ago.
                self._view.close()
                return f"broker {error}"
            return None

        await until(what, ask, limit=_TAKEN_SECONDS * self._wanted.patience)
        return found

    def _hidden(self, brokers: Mapping[int, Mapping[str, Seen]]) -> list[str]:
        """Planned settings that a broker's own live value, given to it beside the plan, hides."""
        return [
            f"{key}: broker {node} was given {seen[key].own} by itself; take it back: kafka-configs.sh"
            f" --bootstrap-server {self._wanted.cluster.bootstrap_servers} --entity-type brokers --entity-name {node}"
            f" --alter --delete-config {key}"
            for node, seen in brokers.items()
            for key in self._wanted.defaults
            if key in seen
            and key in self._targets
            and not same(self._wanted.version, key, seen[key].value, self._targets[key])
        ]


async def tell(wanted: LiveSettings) -> None:
    """Brings the cluster's defaults to what is planned; NotTaken says what it refused."""
    try:
        async with (
            cluster_lock(wanted.cluster_id, LOCK_SECONDS * wanted.patience),
            Ways(logins(wanted.jump_hosts), wanted.patience) as ways,
        ):
            await DefaultsUpdater(wanted, ways).update()
    except TimedOut as error:
        raise NotTaken(f"stage 'settings': {error}. No setting was told. Run `pulumi up` again.") from error
