"""A running broker is asked what the model says that a running cluster takes: these keys as the cluster's default, no others,
and numbers of threads by no more than the double."""

import time
from collections.abc import Callable, Iterator

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.protocol.admin import IncrementalAlterConfigsRequest

from model.kafka_dynamic import STEPWISE, split, steps
from model.kafka_keys import MANAGED, SUPPORTED_VERSIONS, Mode
from model.kafka_rules import Case, judge
from model.kafka_table import KafkaKey, lookup
from tests.support.lone_broker import HEAP_MIB, PATIENCE_SECONDS, LoneBroker, ensemble, unpacked

pytestmark = pytest.mark.lifecycle

VERSION = SUPPORTED_VERSIONS[0]
TABLE = lookup(VERSION)
FREE = sorted(TABLE.keys() - MANAGED.keys())
STARTED_WITH = {"log.retention.ms": "604800001"}
SET, DELETE = 0, 1
ALIVE = "DYNAMIC_DEFAULT_BROKER_CONFIG"


class Asked:
    """A running broker and what it says to alterations of the cluster's default."""

    def __init__(self, admin: KafkaAdminClient) -> None:
        self._admin = admin

    def alter(self, changes: dict[str, str], *, only_judge: bool = False) -> str:
        """Gives keys a live value; the broker's refusal, or nothing."""
        return self._alter([(key, SET, value) for key, value in changes.items()], only_judge)

    def take_back(self, keys: list[str]) -> str:
        """Removes live values."""
        return self._alter([(key, DELETE, None) for key in keys], only_judge=False)

    def _alter(self, entries: list[tuple[str, int, str | None]], only_judge: bool) -> str:
        # The client itself takes numbered brokers only; the cluster's default has no number.
        resources = [(ConfigResourceType.BROKER.value, "", entries)]
        request = IncrementalAlterConfigsRequest(resources=resources, validate_only=only_judge)
        manager = self._admin._manager
        (answer,) = manager.run(manager.send, request).responses
        return f"{answer.error_code}: {answer.error_message}" if answer.error_code else ""

    def live(self) -> dict[str, str]:
        """The values that are the cluster's default."""
        return {key: value for key, (value, source) in self.values().items() if source == ALIVE}

    def values(self) -> dict[str, tuple[str, str]]:
        """Every key's value, and where it comes from."""
        told = self._admin.describe_configs([ConfigResource(ConfigResourceType.BROKER, "1")], config_filter="all")
        return {key: (one["value"], one["config_source"]) for key, one in told["broker"]["1"].items()}


@pytest.fixture(scope="module", params=Mode)
def broker(request: pytest.FixtureRequest) -> Iterator[Asked]:
    """A broker in each mode."""
    with (
        unpacked(VERSION) as release,
        ensemble(release) as zookeeper,
        LoneBroker(release, request.param, STARTED_WITH, zookeeper) as running,
    ):
        assert running.fault() == ""
        admin = KafkaAdminClient(bootstrap_servers=running.address)
        yield Asked(admin)
        admin.close()


def eventually(answer: Callable[[], object], wanted: object) -> None:
    """A broker takes an alteration a moment after it was accepted."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while answer() != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    assert answer() == wanted


def other(key: str, known: KafkaKey) -> str:
    """A right value that is not the default, and near it where that matters."""
    if key in STEPWISE:
        return str(2 * int(known.default or 1))
    tried = [*known.choices, "true", "false", "0.3", "65536.5", "4194305", "5000", "127.0.0.1:100"]
    right = [value for value in tried if not judge(Case(VERSION, Mode.KRAFT, {key: value}, {}, HEAP_MIB))]
    return next(value for value in right if value != known.default)


LIVE = {key: other(key, known) for key, known in TABLE.items() if split(VERSION, {key: "1"})[1].keys() == {key}}
NUMBERS = sorted(key for key, known in TABLE.items() if key in LIVE and known.type == "int")


def test_every_live_key_becomes_the_clusters_default_and_goes_again(broker: Asked) -> None:
    assert len(LIVE) > 40, "Kafka 3.6 alters some forty keys on all brokers at once"
    assert broker.alter(LIVE) == ""
    eventually(broker.live, LIVE)
    assert broker.take_back(list(LIVE)) == ""
    eventually(broker.live, {})


def test_no_other_key_is_altered_on_all_brokers_at_once(broker: Asked) -> None:
    static = [key for key in FREE if split(VERSION, {key: "1"})[0] and key != "metric.reporters"]
    taken = [key for key in static if not broker.alter({key: TABLE[key].default or "1"}, only_judge=True)]
    assert taken == [], "an override of these would restart brokers without need"


def test_a_coarse_key_reaches_a_running_broker_by_its_fine_name(broker: Asked) -> None:
    _, live = split(VERSION, {"log.retention.hours": "48", "log.roll.hours": "24"})
    assert broker.alter(live) == ""
    eventually(broker.live, {"log.retention.ms": "172800000", "log.roll.ms": "86400000"})
    assert broker.take_back(list(live)) == ""
    eventually(broker.live, {})


def test_a_process_goes_back_to_what_it_was_started_with(broker: Asked) -> None:
    (key,) = STARTED_WITH
    assert broker.alter({key: "5000"}) == ""
    eventually(lambda: broker.values()[key], ("5000", ALIVE))
    assert broker.take_back([key]) == ""
    eventually(lambda: broker.values()[key], (STARTED_WITH[key], "STATIC_BROKER_CONFIG"))


def test_threads_and_nothing_else_change_stepwise(broker: Asked) -> None:
    ranged = {key: max(1, int(TABLE[key].default or 1)) for key in NUMBERS}
    refused = {key for key, now in ranged.items() if broker.alter({key: str(min(3 * now, 2**31 - 1))}, only_judge=True)}
    assert refused == STEPWISE


def test_steps_lead_to_any_number_of_threads(broker: Asked) -> None:
    key = "num.io.threads"

    def go(path: list[int]) -> None:
        for number in path:
            assert broker.alter({key: str(number)}) == ""
            eventually(lambda: broker.values()[key], (str(number), ALIVE))

    go([*steps(8, 37), *steps(37, 3)])
    assert broker.take_back([key]), "from 3 to the 8 that it was started with is more than the double"
    go(steps(3, 8))
    assert broker.take_back([key]) == ""
    eventually(broker.live, {})
