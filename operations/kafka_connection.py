"""One admin connection to a cluster's brokers, from the operator's side and without a JVM.

Knows kafka-python's admin client. Refuses to know what it is used for.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from kafka import KafkaAdminClient
from kafka.admin import ConfigResourceType
from kafka.errors import KafkaError, NotControllerError, for_code
from kafka.protocol.admin import IncrementalAlterConfigsRequest

from model.kafka_keys import Mode
from model.listeners import CLIENTS
from model.topology import Cluster, Node
from operations.wait import with_progress
from operations.ways import Ways

_ANSWER_MS = 10_000
# The client's own default grows to half a minute, which a broker that is just starting does not take.
_RECONNECT_MS = 200
# What every broker answers at once, whoever asks: ApiVersions, version 0, of a client without a name.
_WHAT_DO_YOU_SPEAK = b"\0\0\0\x0a\0\x12\0\0\0\0\0\0\xff\xff"
_SET, _DELETE = 0, 1
_LISTENS_SECONDS = 0.5
# A key of no broker's, which nobody gives a value.
_NOTHING = "kafka.cluster.nothing"

_Answer = TypeVar("_Answer")


class KafkaConnection:
    """Kept over many questions; a broken one is made anew. `through`: to that broker, and to no other one in its
    place. `wary`: a broker whose port is open has to answer, too, before it counts as one that listens: one that hangs
    goes on being registered, and in sync, for as long as its session lasts."""

    def __init__(
        self,
        cluster: Cluster,
        ways: Ways,
        patience: int = 1,
        *,
        through: Node | None = None,
        answer_ms: int = _ANSWER_MS,
        wary: bool = False,
    ) -> None:
        self._cluster = cluster
        self._ways = ways
        self._through = through
        self._asked = (through,) if through else cluster.brokers
        self._answer_ms = answer_ms * patience
        self._question = _WHAT_DO_YOU_SPEAK if wary else b""
        self._admin: KafkaAdminClient | None = None

    async def asked(self, what: str, ask: Callable[..., _Answer], *words: Any, questions: int = 1) -> _Answer:
        """What comes of asking the brokers by something that blocks, so many questions one after the other."""
        try:
            return await with_progress(what, asyncio.to_thread(ask, *words), limit=self._most(questions))
        except RuntimeError as error:  # the client's word for two brokers in a row that say they are not the controller
            raise NotControllerError(str(error)) from error

    def _most(self, questions: int) -> float:
        """How many seconds that may take: each question has its time, and so has the connection."""
        return (1 + questions) * self._answer_ms / 1000

    def close(self) -> None:
        """Ends the connection."""
        if self._admin is not None:
            self._admin.close()
            self._admin = None

    @property
    def admin(self) -> KafkaAdminClient:
        """The admin client, connected."""
        if self._admin is None:
            self._admin = KafkaAdminClient(
                bootstrap_servers=[CLIENTS.endpoint(node.address) for node in self._asked],
                request_timeout_ms=self._answer_ms,
                bootstrap_timeout_ms=self._answer_ms,
                reconnect_backoff_max_ms=_RECONNECT_MS,
                client_id="kafka-cluster",
                proxy_url=self._ways.proxy,
            )
        return self._admin

    def _send(self, request: Any, broker: int | None = None) -> dict[str, Any]:
        """The protocol's own answer, of any broker where none is named. The client's describe_cluster and
        describe_metadata_quorum (3.0.12) trip over fields that brokers of 3.6 don't send."""
        manager = self.admin._manager
        node = self._through.id if self._through else broker
        answer: dict[str, Any] = manager.run(manager.send, request, node).to_dict()
        return answer

    def alter(self, key: str, value: str | None, broker: int | None = None) -> None:
        """Gives the whole cluster a default, or one broker a value of its own; None takes it back. Raises KafkaError with
        the cluster's own words."""
        # The client itself takes numbered brokers only; the cluster's default has no number.
        name = "" if broker is None else str(broker)
        entry = (key, _SET, value) if value is not None else (key, _DELETE, None)
        resources = [(ConfigResourceType.BROKER.value, name, [entry])]
        answer = self._send(IncrementalAlterConfigsRequest(resources=resources, validate_only=False), broker)
        (told,) = answer["responses"]
        if told["error_code"]:
            raise for_code(told["error_code"])(told["error_message"])

    async def hurry(self) -> None:
        """Lets every broker hear at once of what was altered last; what it hurries comes by itself, too.

        A KRaft controller of 3.6 tells the others with the next record that the one before it is committed (KIP-1166
        mends that), and an idle one writes its next after half a second (`metadata.max.idle.interval.ms`). To take from
        a broker what nobody gave it is such a record, and changes nothing.
        """
        if self._cluster.mode is Mode.KRAFT and (broker := await self._listening()):
            with suppress(KafkaError, OSError, ValueError):
                await self.asked("the brokers to hear of it", self.alter, _NOTHING, None, broker.id)

    async def _listening(self) -> Node | None:
        """A broker that takes connections: the client would try one that is away for longer than there is to gain."""
        for broker in self._asked:
            if not await self._ways.probe(broker.address, CLIENTS.port, _LISTENS_SECONDS, self._question):
                return broker
        return None


def raise_error(code: int, *words: str) -> None:
    """Raises what an error code of the protocol stands for, if for anything."""
    if code:
        raise for_code(code)(*words)
