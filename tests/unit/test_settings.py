"""The door's judgement: what is accepted, and how everything that is not is told."""

import string
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic.alias_generators import to_camel

from model import heaps
from model.errors import ConfigurationError, Problem
from model.kafka_keys import MANAGED, SUPPORTED_VERSIONS, Mode, Role
from model.settings import NodeSettings, Platform, Settings, read
from model.shapes import Shape
from model.topic_rules import TopicSettings

from .samples import ROOT, dev, nodes

PROJECT: dict[str, Any] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))
KEYS: dict[str, dict[str, Any]] = PROJECT["config"]
HOST = {
    "user": "admin",
    "privateKeyFile": "~/.ssh/id_ed25519",
    "hostKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIONMKOktnpG0kjhOWD",
}

Nodes = list[dict[str, Any]]
Change = Callable[[Nodes], object]


def problems_of(raw: dict[str, Any]) -> tuple[Problem, ...]:
    """What is wrong with a configuration; it must be refused."""
    with pytest.raises(ConfigurationError) as caught:
        read(raw)
    return caught.value.problems


def problems(**changes: Any) -> tuple[Problem, ...]:
    return problems_of({"nodes": nodes(3), **changes})


def with_nodes(change: Change, **changes: Any) -> tuple[Problem, ...]:
    """What is wrong after a change of the three nodes."""
    three = nodes(3)
    change(three)
    return problems(nodes=three, **changes)


# -- what is right ---------------------------------------------------------------------------------------------


def test_dev_stack_reads_to_the_seeds_three_nodes() -> None:
    settings = dev()
    assert [(node.name, node.id, node.address) for node in settings.nodes] == [
        ("kafka-server1", 1, "172.25.254.131"),
        ("kafka-server2", 2, "172.25.254.132"),
        ("kafka-server3", 3, "172.25.254.133"),
    ]
    assert settings.mode is Mode.KRAFT
    assert settings.kafka_version == "3.6.0"
    assert all(set(node.roles) == {Role.BROKER, Role.CONTROLLER} for node in settings.nodes)
    assert settings.settings == {
        "num.partitions": "3",
        "offsets.topic.replication.factor": "3",
        "transaction.state.log.replication.factor": "3",
        "transaction.state.log.min.isr": "3",
    }, "the dev stack reproduces the guide's values, neither more nor fewer"


@pytest.mark.parametrize("count", [1, 3, 5, 7])
def test_an_odd_number_of_nodes_is_a_cluster(count: int) -> None:
    assert len(read({"nodes": nodes(count)}).voters) == count


def test_roles_may_be_apart_as_long_as_voters_are_odd() -> None:
    four = nodes(4)
    four[3]["roles"] = ["broker"]
    settings = read({"nodes": four})
    assert (len(settings.voters), len(settings.brokers)) == (3, 4)


def test_in_zookeeper_mode_every_node_serves_and_votes() -> None:
    three = nodes(3)
    three[2]["roles"] = ["broker"]
    settings = read({"nodes": three, "mode": "zookeeper"})
    assert len(settings.voters) == len(settings.brokers) == 3, "roles speak of KRaft only"


@pytest.mark.parametrize(
    ("written", "text"), [(3, "3"), (True, "true"), (False, "false"), (0.5, "0.5"), (5.0, "5"), ("x", "x"), ("", "")]
)
def test_overrides_are_text_however_yaml_reads_them(written: object, text: str) -> None:
    value = read({"nodes": nodes(1), "settings": {"some.key": written}, "unchecked": ["some.key"]}).settings["some.key"]
    assert value == text, "Kafka reads `true`, and does not know Python's `True`"


def test_values_may_come_as_the_text_that_pulumi_hands_over() -> None:
    settings = read({"nodes": nodes(1), "memory": "4096", "vcpu": "2", "protectData": "false"})
    assert (settings.memory, settings.vcpu, settings.protect_data) == (4096, 2, False)


def test_hosts_may_lie_in_any_network() -> None:
    three = [{**node, **HOST, "address": f"10.{node['id']}.0.1"} for node in nodes(3)]
    assert len(read({"nodes": three, "platform": "hosts"}).nodes) == 3


def test_the_gateway_goes_with_the_network() -> None:
    placed = [{"name": f"n{number}", "id": number, "address": f"10.9.0.{number + 1}"} for number in (1, 2, 3)]
    there = read({"networkCidr": "10.9.0.0/24", "nodes": placed})
    assert there.gateway == "10.9.0.1", "one more key to change is one more to forget"
    (told,) = problems(nodes=[{**placed[0], "address": "10.9.0.1"}, *placed[1:]], networkCidr="10.9.0.0/24")
    assert "not the gateway's" in told.expected


def test_settings_cannot_be_changed_once_judged() -> None:
    with pytest.raises(ValueError, match="frozen"):
        dev().mode = Mode.ZOOKEEPER


# -- Pulumi.yaml and the model say the same --------------------------------------------------------------------


def test_every_key_stands_in_pulumi_yaml_and_in_the_model() -> None:
    assert set(KEYS) == {to_camel(name) for name in Settings.model_fields}


@pytest.mark.parametrize("key", KEYS)
def test_every_key_says_type_default_and_meaning(key: str) -> None:
    assert {"type", "default", "description"} <= set(KEYS[key]), "without a default the key is mandatory"
    assert KEYS[key]["description"].endswith("."), "a sentence for the person who reads `pulumi config`"
    if KEYS[key]["type"] == "array":
        assert "items" in KEYS[key], "Pulumi refuses an array without items"


def test_defaults_in_pulumi_yaml_are_the_models() -> None:
    spelled = {key: schema["default"] for key, schema in KEYS.items() if key != "nodes"}
    from_project = read({**spelled, "nodes": nodes(3)})
    assert from_project == read({"nodes": nodes(3)}), "two places would disagree about the same default"
    assert KEYS["nodes"]["default"] == []


@pytest.mark.parametrize("key", KEYS)
def test_types_in_pulumi_yaml_fit_their_defaults(key: str) -> None:
    kinds = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}
    assert type(KEYS[key]["default"]) is kinds[KEYS[key]["type"]]


@pytest.mark.parametrize(("key", "shape"), [("nodes", NodeSettings), ("topics", TopicSettings)])
def test_every_key_of_an_entry_is_told_in_pulumi_yaml(key: str, shape: type[Shape]) -> None:
    told = KEYS[key]["description"]
    missing = [to_camel(name) for name in shape.model_fields if to_camel(name) not in told]
    assert not missing, "objects have no schema in Pulumi.yaml, so the sentence is where a user finds them"


# -- what is wrong: the key, what it got, what is expected, an example -----------------------------------------

BAD_VALUES: list[tuple[dict[str, Any], str, object, str]] = [
    ({"mode": "raft"}, "mode", "raft", "'kraft' or 'zookeeper'"),
    ({"mode": ""}, "mode", "", "'kraft' or 'zookeeper'"),
    ({"platform": "aws"}, "platform", "aws", "'libvirt' or 'hosts'"),
    ({"kafkaVersion": "3.7.0"}, "kafkaVersion", "3.7.0", "3.6.0"),
    ({"kafkaVersion": "3.6"}, "kafkaVersion", "3.6", "3.6.0"),
    ({"nodes": []}, "nodes", [], "at least one node"),
    ({"nodes": nodes(2)}, "nodes", "2 controllers", "odd number"),
    ({"nodes": nodes(4)}, "nodes", "4 controllers", "odd number"),
    ({"nodes": nodes(2), "mode": "zookeeper"}, "nodes", "2 members of the ensemble", "odd number"),
    ({"networkMode": "routed"}, "networkMode", "routed", "'isolated'"),
    ({"networkMode": "bridge"}, "networkBridge", "", "existing bridge"),
    ({"networkMode": "bridge", "networkBridge": "br 0;"}, "networkBridge", "br 0;", "existing bridge"),
    ({"networkCidr": "172.25.254.0"}, "networkCidr", "172.25.254.0", "CIDR"),
    ({"networkCidr": "172.25.254.1/24"}, "networkCidr", "172.25.254.1/24", "CIDR"),
    ({"networkCidr": "fd00::/64"}, "networkCidr", "fd00::/64", "IPv4"),
    ({"networkCidr": "here"}, "networkCidr", "here", "CIDR"),
    ({"networkGateway": "10.0.0.1"}, "networkGateway", "10.0.0.1", "172.25.254.0/24"),
    ({"networkGateway": "gate"}, "networkGateway", "gate", "172.25.254.0/24"),
    ({"networkGateway": "172.25.254.254"}, "networkGateway", "172.25.254.254", "172.25.254.1, the first address"),
    ({"networkGateway": "172.25.254.254", "networkMode": "nat"}, "networkGateway", "172.25.254.254", "networkMode nat"),
    ({"networkDns": ["dns.example"]}, "networkDns[]", "dns.example", "IPv4"),
    ({"vcpu": 0}, "vcpu", 0, "1"),
    ({"vcpu": "two"}, "vcpu", "two", "integer"),
    ({"memory": 1}, "memory", 1, "768"),
    ({"memory": -1}, "memory", -1, "768"),
    ({"memory": "2G"}, "memory", "2G", "integer"),
    ({"rootDisk": 0}, "rootDisk", 0, "3"),
    ({"dataDisk": 0}, "dataDisk", 0, "1"),
    ({"domainType": "xen"}, "domainType", "xen", "'auto'"),
    ({"heap": "2G"}, "heap", "2G", "memory"),
    ({"heap": "2048M"}, "heap", "2048M", "memory"),
    ({"heap": "3G"}, "heap", "3G", "memory"),
    ({"heap": "2G", "memory": 2400, "mode": "zookeeper"}, "heap", "2G", "leaves 512 MiB"),
    ({"heap": "512M", "memory": 768, "mode": "zookeeper"}, "heap", "512M", "ZooKeeper"),
    ({"heap": "1"}, "heap", "1", "Java"),
    ({"heap": "0M"}, "heap", "0M", "Java"),
    ({"heap": "1G -Xss1k"}, "heap", "1G -Xss1k", "Java"),
    ({"heap": "$(reboot)"}, "heap", "$(reboot)", "Java"),
    ({"heap": "1G\n"}, "heap", "1G\n", "Java"),
    ({"clusterId": "my-cluster"}, "clusterId", "my-cluster", "22 characters"),
    ({"clusterId": "A" * 22}, "clusterId", "A" * 22, "22 characters"),
    ({"clusterId": "A_D5kj5zTbi2EDTeXHDH3g=="}, "clusterId", "A_D5kj5zTbi2EDTeXHDH3g==", "22 characters"),
    ({"archiveSha512": "abc"}, "archiveSha512", "abc", "128 hexadecimal"),
    ({"archiveSha512": "A" * 128}, "archiveSha512", "A" * 128, "lower case"),
    ({"poolPath": "/data/pool/"}, "poolPath", "/data/pool/", "without a slash at its end"),
    ({"poolPath": "/data//pool"}, "poolPath", "/data//pool", "whole path"),
    ({"poolPath": "//data"}, "poolPath", "//data", "whole path"),
    ({"poolPath": "data"}, "poolPath", "data", "whole path"),
    ({"poolPath": "/"}, "poolPath", "/", "whole path"),
    ({"poolPath": '/da"ta'}, "poolPath", '/da"ta', "quotes"),
    ({"protectData": "maybe"}, "protectData", "maybe", "boolean"),
    ({"acceptEmptyDisk": "n9"}, "acceptEmptyDisk", "n9", "n1, n2, n3"),
    ({"settings": {"num partitions": "3"}}, "settings.num partitions", "3", "property key"),
    ({"settings": {"": "3"}}, "settings.", "3", "property key"),
    ({"settings": {"a.key": "1\n2"}}, "settings.a.key", "1\n2", "one line"),
    ({"settings": {"a.key": ["1"]}}, "settings.a.key", ["1"], "string"),
    (
        {"settings": {"offsets.topic.replication.factor": 4}},
        "settings.offsets.topic.replication.factor",
        "4",
        "number of brokers",
    ),
    (
        {"settings": {"default.replication.factor": 0}},
        "settings.default.replication.factor",
        "0",
        "number of brokers",
    ),
    (
        {"settings": {"transaction.state.log.min.isr": 4}},
        "settings.transaction.state.log.min.isr",
        "4",
        "transaction.state.log.replication.factor",
    ),
    (
        {"settings": {"transaction.state.log.replication.factor": 1, "transaction.state.log.min.isr": 2}},
        "settings.transaction.state.log.min.isr",
        "2",
        "a number from 1 to 1",
    ),
    ({"settings": {"min.insync.replicas": 2}}, "settings.min.insync.replicas", "2", "default.replication.factor"),
    (
        {
            "settings": {
                "min.insync.replicas": 2,
                "default.replication.factor": 3,
                "offsets.topic.replication.factor": 1,
            }
        },
        "settings.min.insync.replicas",
        "2",
        "offsets.topic.replication.factor",
    ),
    ({"memmory": 2048}, "memmory", 2048, "memory"),
]


@pytest.mark.parametrize(
    ("changes", "key", "got", "expected"), BAD_VALUES, ids=[f"{row[1]}={row[2]!r:.30}" for row in BAD_VALUES]
)
def test_a_bad_value_is_told(changes: dict[str, Any], key: str, got: object, expected: str) -> None:
    found = problems(**changes)
    assert [problem.key for problem in found] == [key], "one mistake is one problem, and no other key is blamed"
    assert found[0].got == got
    assert expected in found[0].expected
    told = str(found[0])
    assert told.startswith(f"{key}: got {got!r}; expected "), "a reader looks for the key first"
    assert f"; for example {found[0].example}" in told
    assert found[0].example, "an example is the shortest way to a right value"


def followed(changes: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The key that was refused and the configuration with its example followed; None where that is shortened or of a part."""
    (problem,) = problems(**changes)
    example = yaml.safe_load(problem.example)
    if problem.key == "memmory" or "…" in problem.example or not set(example) <= set(KEYS):
        return None
    return problem.key, {"nodes": nodes(3), **changes, **example}


def test_following_the_example_solves_the_problem() -> None:
    tried = 0
    for changes, *_ in BAD_VALUES:
        found = followed(changes)
        if found:
            tried += 1
            try:
                read(found[1])
            except ConfigurationError as error:
                assert found[0] not in {problem.key for problem in error.problems}, f"{changes}: the example misleads"
    assert tried > len(BAD_VALUES) * 0.7, "most examples are whole lines of the configuration"


BAD_NODES: list[tuple[str, Change, str, object, str]] = [
    ("same name", lambda n: n[1].update(name="n1"), "nodes[].name", "n1", "for every node"),
    ("same id", lambda n: n[1].update(id=1), "nodes[].id", 1, "for every node"),
    (
        "same address",
        lambda n: n[1].update(address="172.25.254.131"),
        "nodes[].address",
        "172.25.254.131",
        "for every node",
    ),
    ("other network", lambda n: n[1].update(address="10.0.0.2"), "nodes[].address", "10.0.0.2", "inside networkCidr"),
    ("network itself", lambda n: n[1].update(address="172.25.254.0"), "nodes[].address", "172.25.254.0", "own"),
    ("broadcast", lambda n: n[1].update(address="172.25.254.255"), "nodes[].address", "172.25.254.255", "broadcast"),
    ("gateway", lambda n: n[1].update(address="172.25.254.1"), "nodes[].address", "172.25.254.1", "gateway"),
    ("no address", lambda n: n[1].update(address="kafka2"), "nodes[].address", "kafka2", "IPv4"),
    ("leading zero", lambda n: n[1].update(address="172.25.254.0132"), "nodes[].address", "172.25.254.0132", "IPv4"),
    ("id 0", lambda n: n[1].update(id=0), "nodes[].id", 0, "1 to 255"),
    ("id 256", lambda n: n[1].update(id=256), "nodes[].id", 256, "1 to 255"),
    ("id text", lambda n: n[1].update(id="two"), "nodes[1].id", "two", "integer"),
    ("capitals", lambda n: n[1].update(name="Kafka2"), "nodes[].name", "Kafka2", "lower-case"),
    ("shell", lambda n: n[1].update(name="n2; reboot"), "nodes[].name", "n2; reboot", "host name"),
    ("option", lambda n: n[1].update(name="-n2"), "nodes[].name", "-n2", "host name"),
    ("dots", lambda n: n[1].update(name="n2.example"), "nodes[].name", "n2.example", "host name"),
    ("too long", lambda n: n[1].update(name="n" * 64), "nodes[].name", "n" * 64, "63"),
    ("newline", lambda n: n[1].update(name="n2\n"), "nodes[].name", "n2\n", "host name"),
    ("empty name", lambda n: n[1].update(name=""), "nodes[].name", "", "host name"),
    ("unknown role", lambda n: n[1].update(roles=["boss"]), "nodes[1].roles[0]", "boss", "'broker'"),
    ("nothing said", lambda n: n[1].pop("name"), "nodes[1].name", None, "a value"),
    ("unknown key", lambda n: n[1].update(ip="1.2.3.4"), "nodes[1].ip", "1.2.3.4", ""),
    ("bad port", lambda n: n[1].update(port=0), "nodes[1].port", 0, "1"),
]


@pytest.mark.parametrize(
    ("change", "key", "got", "expected"), [row[1:] for row in BAD_NODES], ids=[row[0] for row in BAD_NODES]
)
def test_a_bad_node_is_told(change: Change, key: str, got: object, expected: str) -> None:
    found = with_nodes(change)
    assert [(problem.key, problem.got) for problem in found] == [(key, got)]
    assert expected in found[0].expected
    assert found[0].example


def test_an_unknown_key_of_a_node_is_answered_with_the_keys_of_a_node() -> None:
    (problem,) = with_nodes(lambda n: n[1].update(ip="1.2.3.4"))
    assert "address" in problem.expected, "a list of the other keys, those of the whole configuration, sends one astray"
    assert "networkCidr" not in problem.expected


def test_roles_need_a_broker_and_no_role_twice() -> None:
    twice = with_nodes(lambda n: n[0].update(roles=["broker", "broker", "controller"]))
    assert "nodes[n1].roles" in {problem.key for problem in twice}
    none = problems(nodes=[{**node, "roles": ["controller"]} for node in nodes(3)])
    assert [problem.key for problem in none] == ["nodes[].roles"], "nothing else follows from there being no broker"
    assert none[0].got == "no broker"


@pytest.mark.parametrize("key", sorted(MANAGED))
def test_an_override_of_a_managed_key_names_the_key_that_says_it(key: str) -> None:
    (problem,) = problems(settings={key: "x"})
    assert problem.key == f"settings.{key}"
    assert MANAGED[key] in problem.expected


@pytest.mark.parametrize(
    "key",
    ["listeners", "advertised.listeners", "node.id", "broker.id", "log.dirs", "log.dir", "process.roles",
     "controller.quorum.voters", "zookeeper.connect", "metadata.log.dir"],
)  # fmt: skip
def test_what_the_plan_stands_on_is_managed(key: str) -> None:
    assert key in MANAGED, "an override of it would let the machine differ from what everything else believes"


@pytest.mark.parametrize("version", SUPPORTED_VERSIONS)
def test_supported_versions_are_accepted(version: str) -> None:
    assert read({"nodes": nodes(1), "kafkaVersion": version}).kafka_version == version


def test_all_problems_are_told_at_once() -> None:
    three = nodes(3)
    three[1].update(name="n1", address="10.0.0.1")
    found = {
        problem.key
        for problem in problems(
            nodes=three, kafkaVersion="9.9.9", heap="8G", clusterId="short", settings={"listeners": "x", "a b": "c"}
        )
    }
    assert found == {
        "nodes[].name",
        "nodes[].address",
        "kafkaVersion",
        "heap",
        "clusterId",
        "settings.listeners",
        "settings.a b",
    }, "a person should not have to run once per mistake"


def test_the_whole_message_counts_and_says_that_nothing_was_changed() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read({"nodes": [], "heap": "much"})
    lines = str(caught.value).splitlines()
    assert lines[0] == "the configuration has 2 problems; nothing was changed:"
    assert all(line.startswith("  - ") for line in lines[1:])
    assert len(lines) == 3


# -- hosts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("user", "Root User", "user name"),
        ("user", "-oProxyCommand=x", "user name"),
        ("privateKeyFile", "", "private key"),
        ("hostKey", "", "public host key"),
        ("hostKey", "SHA256:abc", "public host key"),
    ],
)
def test_hosts_need_a_way_to_them(field: str, value: str, expected: str) -> None:
    three = [{**node, **HOST} for node in nodes(3)]
    three[1][field] = value
    found = problems(nodes=three, platform="hosts")
    assert [(problem.key, problem.got) for problem in found] == [(f"nodes[n2].{field}", value)]
    assert expected in found[0].expected


@pytest.mark.parametrize(("mode", "least"), [(Mode.KRAFT, 1280), (Mode.ZOOKEEPER, 1536)])
def test_memory_made_here_is_as_much_as_is_asked_of_a_host(mode: Mode, least: int) -> None:
    assert read({"nodes": nodes(3), "mode": mode, "memory": least}).memory == heaps.memory_mib(mode, "1G")
    assert [problem.key for problem in problems(mode=mode, memory=least - 1)] == ["heap"]


def test_hosts_memory_is_not_ours_to_judge() -> None:
    three = [{**node, **HOST} for node in nodes(3)]
    assert read({"nodes": three, "platform": "hosts", "heap": "64G"}).platform is Platform.HOSTS


# -- properties ------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10**6) | st.text(max_size=8) | st.sampled_from(["²", "1G", "/", "0"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner, max_size=2),
    max_leaves=3,
)
NUMBERED = (
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
    "transaction.state.log.min.isr",
    "min.insync.replicas",
    "default.replication.factor",
)


@given(st.dictionaries(st.sampled_from([*KEYS, "nonsense"]), JSON, max_size=3), st.sampled_from([1, 3]))
def test_anything_is_read_or_refused_in_our_own_words(changes: dict[str, Any], count: int) -> None:
    try:
        read({"nodes": nodes(count), **changes})
    except ConfigurationError as error:
        assert error.problems, "a traceback of anything else would tell a user nothing"


@given(st.sampled_from(NUMBERED), st.text(max_size=3) | st.sampled_from(["²", "٣", "1.0", "1_0"]))
def test_counts_of_replicas_are_plain_numbers(key: str, value: str) -> None:
    try:
        accepted = read({"nodes": nodes(3), "settings": {key: value}}).settings[key]
    except ConfigurationError:
        return
    assert set(accepted) <= set(string.digits), "Kafka reads ASCII digits only"


@given(st.integers(0, 32), st.ip_addresses(v=4))
def test_any_network_is_read_or_refused_in_our_own_words(prefix: int, address: object) -> None:
    try:
        read({"nodes": nodes(1), "networkCidr": f"{address}/{prefix}"})
    except ConfigurationError as error:
        assert "networkCidr" in str(error)


@given(st.text(max_size=12))
def test_an_accepted_name_needs_no_quotes_anywhere(name: str) -> None:
    try:
        node = read({"nodes": [{"name": name, "id": 1, "address": "172.25.254.131"}]}).nodes[0]
    except ConfigurationError:
        return
    assert set(node.name) <= set(string.ascii_lowercase + string.digits + "-")
    assert not node.name.startswith("-"), "an option, to whatever command it is handed to"


@given(st.permutations(nodes(3)))
def test_the_order_of_nodes_means_nothing_to_the_judgement(order: Nodes) -> None:
    assert {node.name for node in read({"nodes": order}).nodes} == {"n1", "n2", "n3"}
