"""What a look at the cluster makes of brokers' answers, given here as the protocol spells them."""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
from kafka.errors import NotControllerError, RequestTimedOutError
from kafka.protocol.admin import DescribeConfigsRequest, DescribeQuorumRequest
from kafka.protocol.metadata import MetadataRequest

from model import health
from model.health import Ensemble, Sample
from model.kafka_keys import Mode, Role
from operations.gates import Gates
from operations.kafka_view import KafkaView
from operations.ways import DIRECT, Ways

from .samples import cluster
from .test_status import handover

UNKNOWN_TOPIC, NOT_ALLOWED = 3, 29
ZOOKEEPER = cluster(3, Mode.ZOOKEEPER)
ENSEMBLE = Ensemble({1: "leader", 2: "follower", 3: "follower"})


class Told(KafkaView):
    """Brokers that answer what a test gives them: an error code for a topic, if not its min ISR, or an error for all."""

    def __init__(self, topics: dict[str, int], error: Exception | None = None) -> None:
        super().__init__(ZOOKEEPER, DIRECT)
        self.topics, self.error = topics, error
        self.not_listening: dict[int, str] = {}

    async def _not_listening(self, but_for: Collection[int] = ()) -> dict[int, str]:
        return {node: why for node, why in self.not_listening.items() if node not in but_for}

    async def sample(self) -> Sample:
        return replace(await self.of_brokers(), ensemble=ENSEMBLE)

    def _send(self, request: Any, broker: int | None = None) -> dict[str, Any]:
        if isinstance(request, MetadataRequest):
            brokers = [{"node_id": node.id} for node in ZOOKEEPER.brokers]
            return {"brokers": brokers, "controller_id": 1, "topics": [topic(name) for name in self.topics]}
        assert isinstance(request, DescribeConfigsRequest)
        if self.error:
            raise self.error
        return {"results": [configs(name, code) for name, code in self.topics.items()]}


def topic(name: str) -> dict[str, Any]:
    part = {"partition_index": 0, "leader_id": 1, "replica_nodes": [1, 2, 3], "isr_nodes": [1, 2]}
    return {"name": name, "partitions": [{**part, "offline_replicas": []}]}


def configs(name: str, code: int) -> dict[str, Any]:
    found = [] if code else [{"name": "min.insync.replicas", "value": "2"}]
    return {"resource_name": name, "error_code": code, "configs": found}


def sample(topics: dict[str, int], error: Exception | None = None) -> Sample:
    return asyncio.run(Told(topics, error).of_brokers())


def test_every_partition_has_the_min_isr_of_its_topic() -> None:
    found = sample({"a": 0, "b": 0})
    assert [(part.topic, part.min_isr) for part in found.partitions] == [("a", 2), ("b", 2)]
    assert (found.faults, found.controller) == ((), 1)


def test_a_topic_that_was_deleted_meanwhile_is_left_out() -> None:
    found = sample({"a": 0, "gone": UNKNOWN_TOPIC})
    assert [part.topic for part in found.partitions] == ["a"]
    assert not found.faults, "it holds up nothing any more"


@pytest.mark.parametrize("error", [None, RequestTimedOutError()])
def test_who_takes_no_connection_is_known_also_where_nobody_answers(error: Exception | None) -> None:
    view = Told({"a": 0}, error)
    view.not_listening = {3: "refused"}
    found = asyncio.run(view.of_brokers())
    assert (found.not_listening, bool(found.faults)) == (frozenset({3}), bool(error))
    assert 3 in health.unwell(ZOOKEEPER, found), "it can't be told from one that serves, and is stopped as late as that"


@pytest.mark.parametrize("error", [None, RequestTimedOutError()])
def test_a_min_isr_that_no_broker_tells_is_a_reason_to_wait(error: Exception | None) -> None:
    found = sample({"a": 0, "b": NOT_ALLOWED}, error)
    (fault,) = found.faults
    assert error or "b's min ISR is not known" in fault
    assert fault in health.missing(ZOOKEEPER, found)
    gates = Gates(handover(Mode.ZOOKEEPER), DIRECT)
    gates.view = Told({"a": 0, "b": NOT_ALLOWED}, error)
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(gates.spared({"n1": 1}), 0.5))


class Leaderless(Told):
    """Brokers in KRaft mode that know their topics, and find nobody who leads the quorum."""

    def __init__(self) -> None:
        super().__init__({"a": 0})
        self._cluster = cluster(3, Mode.KRAFT)

    def _send(self, request: Any, broker: int | None = None) -> dict[str, Any]:
        if isinstance(request, DescribeQuorumRequest):
            raise RequestTimedOutError("nobody leads")
        return super()._send(request, broker)


def test_why_nothing_is_known_of_the_quorum_is_told_wherever_that_is() -> None:
    view = Leaderless()
    found = asyncio.run(view.of_brokers())
    assert [part.topic for part in found.partitions] == ["a"], "a broker goes on knowing its topics without a leader"
    missing, _ = health.missing(view._cluster, found)
    assert missing.startswith("no answer about the quorum: ")
    assert missing.endswith("nobody leads")
    told = health.votes(view._cluster, found)
    assert told.startswith("quorum: not known: ")
    assert told.endswith("nobody leads")


class JustElected(Leaderless):
    """A quorum whose leader has heard how far the others are, and not yet what most of them have."""

    def _send(self, request: Any, broker: int | None = None) -> dict[str, Any]:
        if not isinstance(request, DescribeQuorumRequest):
            return super()._send(request, broker)
        heard = {"log_end_offset": 5, "last_fetch_timestamp": 9000, "last_caught_up_timestamp": 9000}
        voters = [{**heard, "replica_id": number} for number in (1, 2, 3)]
        told = {"error_code": 0, "leader_id": 1, "leader_epoch": 4, "high_watermark": -1}
        partition = {**told, "current_voters": voters, "observers": []}
        return {"error_code": 0, "topics": [{"partitions": [partition]}]}


def test_a_leader_that_does_not_know_what_most_have_tells_nothing_of_lag() -> None:
    view = JustElected()
    (missing, *_) = health.missing(view._cluster, asyncio.run(view.of_brokers()))
    assert missing.endswith("high watermark is not known yet"), "one that is far behind would count as caught up"


class Stale(Told):
    """A broker that the controller can't reach, and that tells what it heard last: `controller` as the controller, and
    a full ISR."""

    def __init__(self, controller: int, error: Exception | None = None) -> None:
        super().__init__({"a": 0})
        self.controller, self.silence = controller, error
        self.named: list[int | None] = []

    def _send(self, request: Any, broker: int | None = None) -> dict[str, Any]:
        answer = super()._send(request, broker)
        if isinstance(request, MetadataRequest):
            self.named.append(broker)
            if broker is None:
                (part,) = answer["topics"][0]["partitions"]
                part["isr_nodes"] = [1, 2, 3]
                answer["controller_id"] = self.controller
            elif self.silence:
                raise self.silence
        return answer


def test_the_controller_is_believed_and_nobody_else() -> None:
    view = Stale(1)
    (part,) = asyncio.run(view.of_brokers()).partitions
    assert part.isr == (1, 2), "a broker that was left out would be taken for one that can be spared"
    assert view.named == [None, 1]


@pytest.mark.parametrize(
    ("view", "fault"),
    [
        (Stale(-1), "no broker is the controller"),
        (Stale(3), "broker 3 is not the controller any more"),
        (Stale(1, RequestTimedOutError()), "controller 1 does not answer: [Error 7] RequestTimedOutError"),
    ],
)
def test_without_the_controllers_word_nothing_is_known(view: Stale, fault: str) -> None:
    view.not_listening = {2: "refused"}
    found = asyncio.run(view.of_brokers())
    assert (found.faults, found.not_listening) == ((fault,), frozenset({2}))


def test_of_a_controller_that_hangs_the_others_word_has_to_do() -> None:
    view = Stale(2)
    view.not_listening = {2: "no answer"}
    found = asyncio.run(view.of_brokers())
    assert not found.faults, "it could never be restarted, which alone helps"
    assert found.not_listening == {2}
    assert view.named == [None]


def test_of_one_broker_its_own_word_is_wanted() -> None:
    view = Stale(3)
    view._through = ZOOKEEPER.brokers[0]
    assert not asyncio.run(view.of_brokers()).faults, "status compares what each of them believes"
    assert view.named == [None]


def test_a_broker_that_goes_while_the_others_are_asked_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    probed: list[str] = []
    first, second, third = (node.address for node in ZOOKEEPER.brokers)

    async def probe(_: Ways, address: str, *__: Any) -> str:
        probed.append(address)
        gone = address == first or (address == third and probed.count(third) > 1)
        return "refused" if gone else ""

    class Probed(Told):
        _not_listening = KafkaView._not_listening

        def _send(self, request: Any, broker: int | None = None) -> dict[str, Any]:
            answer = super()._send(request, broker)
            return {**answer, "controller_id": 2} if "controller_id" in answer else answer

    monkeypatch.setattr(Ways, "probe", probe)
    found = asyncio.run(Probed({"a": 0}).of_brokers())
    assert found.brokers == {1, 2, 3}, "the others go on naming it for as long as its session lasts"
    assert found.not_listening == {1, 3}, "the gate would open for the next one beside it"
    assert probed == [first, second, third, second, third], "a closed port may take long to be found so"


class Whole(Told):
    """A cluster in which nothing is missing."""

    async def sample(self) -> Sample:
        return Sample(frozenset({1, 2, 3}), 1, (), ensemble=ENSEMBLE)


@pytest.mark.parametrize("roles", [(Role.CONTROLLER,), (Role.BROKER, Role.CONTROLLER)])
def test_a_controller_that_is_no_broker_is_back_when_it_listens(
    roles: tuple[Role, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    probed: list[int] = []

    async def probe(_: Ways, __: str, port: int, ___: float, ____: bytes = b"") -> str:
        probed.append(port)
        return "refused" if len(probed) < 3 else ""

    monkeypatch.setattr(Ways, "probe", probe)
    gates = Gates(handover(Mode.ZOOKEEPER), DIRECT)
    gates.view = Whole({})
    asyncio.run(gates.whole(samples=2, started=replace(ZOOKEEPER.nodes[0], roles=roles)))
    expected = [] if Role.BROKER in roles else [9093] * 4
    assert probed == expected, "the quorum counts the process before it for some seconds, and the next would be stopped"


def test_a_controller_that_the_client_does_not_find_is_an_error_of_kafkas() -> None:
    def refused() -> None:
        raise RuntimeError("Failed to find active controller id!")

    with pytest.raises(NotControllerError, match="Failed to find"):  # which stages tell with their evidence
        asyncio.run(Told({}).asked("the brokers to alter the topics", refused))
