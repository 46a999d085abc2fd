"""Rendered properties, read back by Java's rules and held against the guide."""

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from model import kafka_keys, properties, topology
from model.errors import ConfigurationError
from model.kafka_keys import Mode
from model.settings import read

from .java_properties import load
from .samples import cluster, dev, nodes

ADDRESSES = {1: "172.25.254.131", 2: "172.25.254.132", 3: "172.25.254.133"}
HOME = "/usr/local/kafka_2.13-3.6.0"


def guide_kraft(number: int) -> str:
    """The guide's config/kraft/server.properties on node `number`, word for word."""
    address = ADDRESSES[number]
    return f"""\
process.roles=broker,controller
node.id={number}
controller.quorum.voters=1@172.25.254.131:9093,2@172.25.254.132:9093,3@172.25.254.133:9093
listeners=PLAINTEXT://{address}:9092,CONTROLLER://{address}:9093
advertised.listeners=PLAINTEXT://{address}:9092
log.dirs={HOME}/logs/kraft-combined-logs
num.partitions=3
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=3
"""


def guide_zookeeper_broker(number: int) -> str:
    """The guide's config/server.properties on node `number`; log.dirs is the documented departure."""
    address = ADDRESSES[number]
    return f"""\
broker.id={number}
listeners=PLAINTEXT://{address}:9092
advertised.listeners=PLAINTEXT://{address}:9092
log.dirs={HOME}/logs/zookeeper-mode-logs
num.partitions=3
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=3
zookeeper.connect=172.25.254.131:2181,172.25.254.132:2181,172.25.254.133:2181
"""


GUIDE_ENSEMBLE = f"""\
dataDir={HOME}/zookeeper
tickTime=2000
initLimit=10
syncLimit=5
server.1=172.25.254.131:2888:3888
server.2=172.25.254.132:2888:3888
server.3=172.25.254.133:2888:3888
"""

KAFKA_NEEDS_IN_KRAFT = {
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
}


def rendered(number: int, mode: Mode) -> str:
    settings = dev(mode=mode)
    planned = topology.plan(settings)
    (node,) = (node for node in planned.nodes if node.id == number)
    return properties.render(properties.server(planned, node, settings.settings), "heading")


@pytest.mark.parametrize("number", ADDRESSES)
def test_dev_in_kraft_is_the_guides_file_and_what_kafka_needs(number: int) -> None:
    assert load(rendered(number, Mode.KRAFT)) == {**load(guide_kraft(number)), **KAFKA_NEEDS_IN_KRAFT}


@pytest.mark.parametrize("number", ADDRESSES)
def test_a_person_finds_the_guides_lines_as_they_are(number: int) -> None:
    lines = rendered(number, Mode.KRAFT).splitlines()
    assert not set(guide_kraft(number).splitlines()) - set(lines), "colons need no escape in a value"


@pytest.mark.parametrize("number", ADDRESSES)
def test_dev_in_zookeeper_mode_is_the_guides_file_with_a_folder_of_its_own(number: int) -> None:
    more = {"zookeeper.connection.timeout.ms": "18000"}
    assert load(rendered(number, Mode.ZOOKEEPER)) == {**load(guide_zookeeper_broker(number)), **more}


@pytest.mark.parametrize("number", ADDRESSES)
def test_devs_ensemble_is_the_guides(number: int) -> None:
    planned = topology.plan(dev(mode="zookeeper"))
    found = load(properties.render(properties.zookeeper(planned, planned.nodes[number - 1]), "heading"))
    guide = load(GUIDE_ENSEMBLE)
    assert {key: found[key] for key in guide} == guide
    assert {key: value for key, value in found.items() if key not in guide} == {
        "clientPort": "2181",
        "clientPortAddress": ADDRESSES[number],
        "maxClientCnxns": "0",
        "admin.enableServer": "false",
        "4lw.commands.whitelist": "srvr",
        "autopurge.snapRetainCount": "3",
        "autopurge.purgeInterval": "24",
    }, "on the planned address only, with no admin server beside the plan, and without snapshots that pile up"


def test_a_pure_controller_advertises_nothing_and_a_pure_broker_listens_to_clients_only() -> None:
    named = [{**node, "roles": roles} for node, roles in zip(nodes(2), (["controller"], ["broker"]), strict=True)]
    planned = topology.plan(read({"nodes": named}))
    controller, broker = (properties.server(planned, node, {}) for node in planned.nodes)
    assert controller["process.roles"] == "controller"
    assert controller["listeners"] == "CONTROLLER://172.25.254.131:9093"
    assert "advertised.listeners" not in controller, "Kafka refuses to start a controller that advertises"
    assert controller["num.partitions"] == "3", "the controller fills it in for a topic that is made without a number"
    assert broker["process.roles"] == "broker"
    assert broker["listeners"] == "PLAINTEXT://172.25.254.132:9092"
    assert controller["controller.quorum.voters"] == broker["controller.quorum.voters"] == "1@172.25.254.131:9093"


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("count", [1, 3, 5])
def test_rules_that_kafka_itself_enforces(count: int, mode: Mode) -> None:
    planned = cluster(count, mode)
    for node in planned.nodes:
        found = properties.server(planned, node, {})
        assert "0.0.0.0" not in found["advertised.listeners"]
        assert found["advertised.listeners"] in found["listeners"]
        if mode is Mode.KRAFT:
            mapped = dict(entry.split(":") for entry in found["listener.security.protocol.map"].split(","))
            named = {listener.split("://")[0] for listener in found["listeners"].split(",")}
            assert named <= set(mapped), "every named listener is mapped to a protocol"
            assert f"{node.id}@{node.address}:9093" in found["controller.quorum.voters"].split(",")


@pytest.mark.parametrize(("count", "factor", "min_isr"), [(1, 1, 1), (3, 3, 2), (5, 3, 2)])
def test_replication_follows_from_the_number_of_brokers(count: int, factor: int, min_isr: int) -> None:
    found = properties.server(cluster(count), cluster(count).nodes[0], {})
    assert found["offsets.topic.replication.factor"] == str(factor)
    assert found["transaction.state.log.replication.factor"] == str(factor)
    assert found["transaction.state.log.min.isr"] == str(min_isr), "one broker may be away for a restart"


def test_replication_of_two_brokers_can_spare_one() -> None:
    assert kafka_keys.replication_defaults(2)["transaction.state.log.min.isr"] == "1"


@pytest.mark.parametrize(("factor", "min_isr"), [("1", "1"), ("2", "1"), ("3", "2")])
def test_the_min_isr_of_transactions_fits_a_chosen_factor(factor: str, min_isr: str) -> None:
    chosen = read({"nodes": nodes(3), "settings": {"transaction.state.log.replication.factor": factor}}).settings
    found = properties.server(cluster(3), cluster(3).nodes[0], chosen)
    assert found["transaction.state.log.min.isr"] == min_isr, "above the factor, no transaction ever commits"
    assert found["transaction.state.log.replication.factor"] == factor


KEYS = st.text("aZ09._-", max_size=8).map(lambda rest: f"k{rest}")
PRINTABLE = st.characters(exclude_categories=("C", "Zl", "Zp")) | st.sampled_from("\\ :=#!😀é")
VALUES = st.text(PRINTABLE, max_size=12)


@example({"k": " leading"})
@example({"k": "trailing\\", "l": "next"})
@example({"k": "a=b:c #d !e"})
@example({"k": "😀ü"})
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_what_is_rendered_is_what_java_reads(wanted: dict[str, str]) -> None:
    assert load(properties.render(wanted, "heading")) == wanted


@given(st.dictionaries(KEYS | st.text(string.printable, max_size=8), st.text(max_size=10), max_size=3))
def test_every_override_that_is_accepted_reaches_java_unchanged(overrides: dict[str, str]) -> None:
    try:
        settings = read({"nodes": nodes(3), "settings": overrides})
    except ConfigurationError:
        return
    planned = topology.plan(settings)
    found = load(properties.render(properties.server(planned, planned.nodes[0], settings.settings), "heading"))
    assert {key: found[key] for key in overrides} == overrides
    assert found["node.id"] == "1", "an override must never become a line that says something else"


@given(st.dictionaries(KEYS, VALUES, min_size=2, max_size=4))
def test_the_order_of_overrides_changes_nothing(overrides: dict[str, str]) -> None:
    planned = cluster()
    turned = dict(reversed(overrides.items()))
    one, other = (properties.server(planned, planned.nodes[0], wanted) for wanted in (overrides, turned))
    assert properties.render(one, "heading") == properties.render(other, "heading"), "no restart for a moved line"


@given(st.dictionaries(KEYS, VALUES, max_size=3))
def test_a_properties_file_is_ascii_with_one_line_for_each_property(wanted: dict[str, str]) -> None:
    text = properties.render(wanted, "heading")
    assert text.isascii(), "Java reads Latin-1, everybody else UTF-8"
    assert len(text.splitlines()) == len(wanted) + 1
    assert text.endswith("\n")


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1),
        st.text(st.characters(exclude_categories=("Cc", "Cs"))),
    )
)
def test_what_was_rendered_is_read_back(planned: dict[str, str]) -> None:
    assert properties.read(properties.render(planned, "x")) == planned
