"""The machines are one cluster: whole, agreed on who leads, and keeping what is written to it on every broker.

The proof is the guide's own, with Kafka's console tools from this computer, then once more with a Python client and once
inside a machine. It uses a topic of its own and not the guide's `test`, so that it can run on a cluster that is in use.
"""

import re
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType

from model import health, kafka_dynamic, properties
from model.health import Sample
from model.kafka_dynamic import same
from model.kafka_keys import Mode
from model.listeners import CLIENTS
from model.topology import Cluster, Node
from operations.live_settings import SettingsView
from operations.ways import DIRECT
from tests.live.calm import Calm
from tests.live.clients import admin_client
from tests.live.machine import Machine
from tests.live.planned import Plan
from tests.support.console import ConsoleTools

PARTITIONS = 3
READ_SECONDS = 20.0
RECORDS = [f"record {number}" for number in range(1, 10)]


def endpoint(node: Node) -> str:
    """Where a client finds a broker."""
    return CLIENTS.endpoint(node.address)


def others(cluster: Cluster) -> tuple[Node, ...]:
    """The brokers that are read from: all but the one that is written to, where there are others."""
    return cluster.brokers[1:] or cluster.brokers


@pytest.fixture(scope="session")
def kraft(cluster: Cluster) -> Cluster:
    """A cluster that keeps its own metadata."""
    if cluster.mode is not Mode.KRAFT:
        pytest.skip("there is no KRaft quorum in ZooKeeper mode")
    return cluster


@pytest.fixture(scope="session")
def on_zookeeper(cluster: Cluster) -> Cluster:
    """A cluster whose metadata ZooKeeper keeps."""
    if cluster.mode is not Mode.ZOOKEEPER:
        pytest.skip("there is no ZooKeeper ensemble in KRaft mode")
    return cluster


def test_cluster_is_whole(cluster: Cluster, sample: Callable[[], Sample], calm: Calm) -> None:
    missing: list[str] = []

    def whole() -> bool:
        missing[:] = health.missing(cluster, sample())
        return not missing

    calm.wait_for("the cluster to be healthy", whole, lambda: f"Still missing: {'; '.join(missing)}")


def test_brokers_are_the_planned_ones(cluster: Cluster, sample: Callable[[], Sample]) -> None:
    planned = {node.id for node in cluster.brokers}
    registered = sample().brokers
    assert registered == planned, f"brokers {sorted(registered)} are registered, planned are {sorted(planned)}"


def test_quorum_status(kraft: Cluster, tools: ConsoleTools, plan: Plan, calm: Calm) -> None:
    said = ""

    def no_lag() -> bool:
        nonlocal said
        said = tools.run(
            "kafka-metadata-quorum.sh", "--bootstrap-server", kraft.bootstrap_servers, "describe", "--status"
        )
        return status(said)["MaxFollowerLag"] == "0"

    calm.wait_for("MaxFollowerLag 0", no_lag, lambda: said)
    found = status(said)
    voters = {node.id for node in kraft.voters}
    assert found["ClusterId"] == plan.handover.cluster_id, f"another cluster answers at these addresses:\n{said}"
    assert int(found["LeaderId"]) in voters, f"no voter leads, so nothing about topics could change:\n{said}"
    assert numbers(found["CurrentVoters"]) == voters, f"the voters are not the planned {sorted(voters)}:\n{said}"
    assert numbers(found["CurrentObservers"]) == {node.id for node in kraft.nodes} - voters, (
        f"the observers are not the brokers that don't vote:\n{said}"
    )


def status(text: str) -> dict[str, str]:
    """The tool's lines by their names."""
    return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}


def numbers(text: str) -> set[int]:
    """What stands in the tool's brackets."""
    return {int(number) for number in re.findall(r"\d+", text)}


def test_quorum_replication(kraft: Cluster, tools: ConsoleTools, calm: Calm) -> None:
    said = ""

    def replicated() -> bool:
        nonlocal said
        said = tools.run(
            "kafka-metadata-quorum.sh", "--bootstrap-server", kraft.bootstrap_servers, "describe", "--replication"
        )
        rows = table(said)
        roles = sorted(row["Status"] for row in rows)
        return roles == planned_roles and all(row["Lag"] == "0" for row in rows)

    voters, observers = len(kraft.voters), len(kraft.nodes) - len(kraft.voters)
    planned_roles = ["Follower"] * (voters - 1) + ["Leader"] + ["Observer"] * observers
    calm.wait_for("one leader, followers and no lag", replicated, lambda: said)


def table(text: str) -> list[dict[str, str]]:
    """The tool's table by its headings."""
    heading, *rows = (line.split() for line in text.splitlines() if line.strip())
    return [dict(zip(heading, row, strict=True)) for row in rows]


def test_ensemble_has_one_leader(on_zookeeper: Cluster, sample: Callable[[], Sample]) -> None:
    ensemble = sample().ensemble
    assert ensemble is not None
    states = sorted(ensemble.members.values())
    size = len(on_zookeeper.voters)
    planned = ["standalone"] if size == 1 else ["follower"] * (size - 1) + ["leader"]
    assert states == planned, f"the ensemble is {ensemble.members}: brokers lose their metadata without one leader"


def test_brokers_are_registered_in_zookeeper(on_zookeeper: Cluster, tools: ConsoleTools) -> None:
    said = tools.run("zookeeper-shell.sh", on_zookeeper.zookeeper_connect, "ls", "/brokers/ids")
    last = next(line for line in reversed(said.splitlines()) if line.startswith("["))
    planned = {node.id for node in on_zookeeper.brokers}
    assert numbers(last) == planned, f"ZooKeeper's /brokers/ids are {last}, planned are {sorted(planned)}"


def test_broker_runs_with_the_planned_properties(machine: Machine, admin: KafkaAdminClient, plan: Plan) -> None:
    """What the running broker says of itself, whatever its file says."""
    if not machine.node.is_broker:
        pytest.skip("a controller without a broker can't be asked")
    version = machine.plan.cluster.version
    static, _ = kafka_dynamic.split(version, plan.settings.settings, plan.settings.unchecked)
    planned = properties.server(machine.plan.cluster, machine.node, static)
    asked = ConfigResource(ConfigResourceType.BROKER, str(machine.node.id))
    answer = admin.describe_configs([asked], config_filter="all")["broker"][str(machine.node.id)]
    live = {key: answer.get(key, {}).get("value") or "" for key in planned}
    wrong = {key: (live[key], value) for key, value in planned.items() if not same(version, key, live[key], value)}
    assert not wrong, f"{machine}: the broker runs with (live, planned) {wrong}: somebody changed it outside Pulumi"


def test_brokers_work_with_the_planned_live_settings(cluster: Cluster, plan: Plan) -> None:
    """The settings that need no restart, those included that nobody speaks of."""
    told = kafka_dynamic.defaults(cluster.version, plan.settings.settings, plan.settings.unchecked)
    targets = kafka_dynamic.targets(cluster.version, told)
    view = SettingsView(cluster, DIRECT, plan.patience)
    try:
        brokers = view.settings(targets)
    finally:
        view.close()
    assert set(brokers) == {node.id for node in cluster.brokers}, "each broker has to be asked itself"
    wrong = {
        (node, key): (seen.value, target)
        for node, found in brokers.items()
        for key, seen in found.items()
        if not same(cluster.version, key, seen.value, target := targets[key])
    }
    assert not wrong, f"brokers work with (live, planned) {wrong}: somebody changed it outside Pulumi"


@pytest.fixture(scope="session")
def topic(cluster: Cluster, tools: ConsoleTools, plan: Plan) -> Iterator[str]:
    """A topic with a replica on three brokers, or on all where there are fewer. It is removed again."""
    name = f"live-check-{secrets.token_hex(4)}"
    replicas = min(3, len(cluster.brokers))
    tools.run(
        *("kafka-topics.sh", "--bootstrap-server", cluster.bootstrap_servers, "--create", "--topic", name),
        *("--partitions", str(PARTITIONS), "--replication-factor", str(replicas)),
    )
    yield name
    with admin_client(cluster, plan.patience) as admin:
        admin.delete_topics([name])


def test_topic_is_in_sync_on_every_replica(cluster: Cluster, tools: ConsoleTools, topic: str, calm: Calm) -> None:
    """Whoever is asked may hear of a topic a moment after it was made."""
    replicas = min(3, len(cluster.brokers))
    said = ""

    def in_sync() -> bool:
        nonlocal said
        said = tools.run(
            *("kafka-topics.sh", "--bootstrap-server", cluster.bootstrap_servers, "--describe"),
            *("--if-exists", "--topic", topic),
        )
        rows = [status(line.replace("\t", "\n")) for line in said.splitlines() if "Partition:" in line]
        return len(rows) == PARTITIONS and all(
            len(numbers(row["Replicas"])) == replicas and numbers(row["Isr"]) == numbers(row["Replicas"])
            for row in rows
        )

    what = f"{PARTITIONS} partitions in sync on {replicas} brokers each, so that none is lost with its machine"
    calm.wait_for(what, in_sync, lambda: said)


def test_records_reach_every_broker(cluster: Cluster, tools: ConsoleTools, topic: str, plan: Plan) -> None:
    """Produced through the first broker, consumed from the beginning on each other one."""
    written_to = cluster.brokers[0]
    tools.run(
        *("kafka-console-producer.sh", "--bootstrap-server", endpoint(written_to), "--topic", topic),
        typed="".join(f"{record}\n" for record in RECORDS),
    )
    with ThreadPoolExecutor() as pool:
        answers = list(
            pool.map(lambda node: tools.run(*consume(endpoint(node), topic, plan.patience)), others(cluster))
        )
    for node, answer in zip(others(cluster), answers, strict=True):
        assert sorted(answer.splitlines()) == RECORDS, (
            f"{node.name} gave {answer.splitlines()} of what was written to {written_to.name}: records get lost on the way"
        )


def consume(server: str, topic: str, patience: int) -> list[str]:
    """The console consumer's command for all of our records. It leaves no offsets behind."""
    return [
        *("kafka-console-consumer.sh", "--bootstrap-server", server, "--topic", topic, "--from-beginning"),
        *("--max-messages", str(len(RECORDS)), "--timeout-ms", str(int(READ_SECONDS * 1000 * patience))),
        *("--consumer-property", "enable.auto.commit=false"),
    ]


def test_python_client_reads_what_it_wrote(cluster: Cluster, admin: KafkaAdminClient, plan: Plan) -> None:
    """With a topic that the client makes, so that it depends on no other tool."""
    name = f"live-check-{secrets.token_hex(4)}"
    milliseconds = int(READ_SECONDS * 1000 * plan.patience)
    replicas = min(3, len(cluster.brokers))
    admin.create_topics({name: {"num_partitions": PARTITIONS, "replication_factor": replicas}})
    try:
        with KafkaProducer(bootstrap_servers=endpoint(cluster.brokers[0]), acks="all") as producer:
            for record in RECORDS:
                producer.send(name, record.encode()).get(milliseconds / 1000)
        for node in others(cluster):
            got = read_all(endpoint(node), name, milliseconds)
            assert sorted(got) == RECORDS, f"{node.name} gave {got}: records get lost on the way"
    finally:
        admin.delete_topics([name])


def read_all(server: str, topic: str, milliseconds: int) -> list[str]:
    """As many records as were written, or fewer when no more come."""
    consumer = KafkaConsumer(
        topic, bootstrap_servers=server, group_id=None, auto_offset_reset="earliest", consumer_timeout_ms=milliseconds
    )
    try:
        return [record.value.decode() for _, record in zip(RECORDS, consumer, strict=False)]
    finally:
        consumer.close()


def test_tools_work_on_a_machine_itself(cluster: Cluster, machines: dict[str, Machine], topic: str, plan: Plan) -> None:
    """What an operator finds who has logged in: the tools by their names, and what was written a moment ago."""
    node = cluster.brokers[-1]
    tool, *arguments = consume(endpoint(node), topic, plan.patience)
    said = machines[node.name].says(" ".join([tool, *["%s"] * len(arguments)]), *arguments)
    assert sorted(said.splitlines()) == RECORDS, f"on {node.name}, Kafka's own consumer gave {said.splitlines()}"
