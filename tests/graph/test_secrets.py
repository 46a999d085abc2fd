"""No key material where anybody may look: not in a command, not in a log, not in an output that is not secret."""

import json
from typing import Any

import pytest

from model.handover import LiveSettings
from model.topic_plan import TopicPlan

from .conftest import HOST_KEY, Up
from .recording import Engine, Secret, shown, texts

MARK = "PRIVATE KEY"
SPOKEN = ("create", "update", "delete")


@pytest.fixture(params=["libvirt", "hosts", "hosts behind a jump host"])
def engine(request: pytest.FixtureRequest, up: Up, hosts: dict[str, Any]) -> Engine:
    if request.param == "libvirt":
        return up()
    if request.param == "hosts":
        return up(**hosts)
    login = {key: hosts["nodes"][0][key] for key in ("user", "privateKeyFile", "hostKey")}
    jump = {**login, "address": "10.0.0.1", "user": "jumper"}
    return up(**{**hosts, "nodes": [{**node, "jumpHost": jump} for node in hosts["nodes"]]})


def test_the_search_for_keys_finds_them() -> None:
    assert texts({"a": ["PRIVATE KEY"]}) == [("a", False), ("PRIVATE KEY", False)]
    assert texts({"a": Secret({"b": "PRIVATE KEY"})})[-1] == ("PRIVATE KEY", True)


def test_keys_travel_in_secret_inputs_only(engine: Engine) -> None:
    carried = 0
    for resource in engine.registered:
        for text, secret in texts(resource.inputs):
            if MARK in text:
                carried += 1
                assert secret, f"{resource.name}: a key in plain text, in the state and in every preview"
    assert carried, "a test that sees no key at all guards nothing"


def test_no_command_says_a_key(engine: Engine) -> None:
    for resource in engine.custom:
        for word in SPOKEN:
            text = shown(resource.inputs).get(word) or ""
            assert MARK not in text, f"{resource.name}: an error prints the whole command"
            assert not isinstance(resource.inputs.get(word), Secret), f"{resource.name}: nothing to see in a preview"


def test_no_environment_is_sent(engine: Engine) -> None:
    for resource in engine.custom:
        if resource.type.startswith("command:"):
            assert not resource.inputs.get("environment"), "sshd drops it, and a process list shows it"


def test_a_secret_answer_is_not_printed(engine: Engine) -> None:
    local = engine.of("command:local:Command")
    keys = [resource for resource in local if " keys " in resource.inputs["create"]]
    assert keys or not engine.of("libvirt:index/domain:Domain"), "machines are made, and keys for them"
    for resource in local:
        if "stdout" in resource.secret_outputs:
            assert resource.inputs["logging"] == "none", f"{resource.name}: a secret output is printed all the same"
        if " keys " in resource.inputs["create"]:
            assert "stdout" in resource.secret_outputs, f"{resource.name}: keys would lie in the state in plain text"


def test_keys_are_made_once(engine: Engine) -> None:
    for resource in engine.of("command:local:Command"):
        if " keys " in resource.inputs["create"] or resource.name == "cluster-id":
            assert {"create", "stdin"} <= resource.ignore_changes, (
                f"{resource.name}: a reworded command would lock us out, or make another cluster"
            )


def test_components_tell_no_key(engine: Engine) -> None:
    for urn, outputs in engine.outputs_of.items():
        for text, secret in texts(outputs):
            assert secret or MARK not in text, urn


def test_no_output_is_secret_or_a_key(engine: Engine) -> None:
    secret = {name for name, value in engine.outputs.items() if any(hidden for _, hidden in texts({"": value})[1:])}
    assert not secret, "the SDK writes outputs to its debug log in plain, secret or not"
    assert MARK not in repr(shown(engine.outputs))


def connections(engine: Engine) -> dict[str, dict[str, Any]]:
    """How each remote resource connects; none of it may be read in a state."""
    found = {}
    for resource in engine.custom:
        if resource.type.startswith("command:remote:"):
            connection = resource.inputs["connection"]
            assert isinstance(connection, Secret) or isinstance(connection["privateKey"], Secret), resource.name
            found[resource.name] = shown(connection)
    assert len(found) >= 12
    return found


def test_every_connection_checks_the_host_key(engine: Engine) -> None:
    for name, connection in connections(engine).items():
        assert connection["hostKey"].startswith("ssh-"), f"{name}: without one, none is checked"
        assert MARK in connection["privateKey"]
        assert 1 <= connection["dialErrorLimit"] <= 10, "0 means for ever"


def test_the_way_through_another_machine_is_checked_too(up: Up, hosts: dict[str, Any]) -> None:
    jump = {"address": "10.0.0.1", "user": "jumper", "port": 2222, "hostKey": HOST_KEY.replace("KMO", "JMP"),
            "privateKeyFile": hosts["nodes"][0]["privateKeyFile"]}  # fmt: skip
    behind = up(**{**hosts, "nodes": [{**node, "jumpHost": jump} for node in hosts["nodes"]]})
    for name, connection in connections(behind).items():
        proxy = connection["proxy"]
        assert (proxy["host"], proxy["port"], proxy["user"]) == ("10.0.0.1", 2222, "jumper"), name
        assert proxy["hostKey"] == jump["hostKey"], "the machine in the middle sees everything"
        assert MARK in proxy["privateKey"]
    assert all("proxy" not in connection for connection in connections(up(**hosts)).values())


def test_what_asks_brokers_knows_their_jump_hosts_and_no_key(up: Up, hosts: dict[str, Any]) -> None:
    first = hosts["nodes"][0]
    jump = {"address": "10.0.0.1", "user": "jumper", "privateKeyFile": first["privateKeyFile"], "hostKey": HOST_KEY}
    topics = [{"name": "orders", "partitions": 3}]
    behind = up(**{**hosts, "nodes": [{**first, "jumpHost": jump}, *hosts["nodes"][1:]], "topics": topics})
    direct = up(**hosts, topics=topics)
    for name, document in (("kafka-settings", LiveSettings), ("kafka-topics", TopicPlan)):
        said = behind.one(name).inputs["stdin"]
        known = document.model_validate_json(said).jump_hosts
        assert list(known) == [first["address"]], f"{name}: the others are reached directly"
        assert known[first["address"]].private_key_file == jump["privateKeyFile"]
        assert MARK not in said, f"{name}: it is shown in a preview"
        assert "jump_hosts" not in direct.one(name).inputs["stdin"], "an `up` after an update would have work to do"


def test_remote_commands_do_not_ask_for_what_sshd_refuses(engine: Engine) -> None:
    for resource in engine.of("command:remote:Command"):
        assert resource.inputs["addPreviousOutputInEnv"] is False, "a warning at every update"


def test_each_machine_answers_with_a_host_key_of_its_own(up: Up) -> None:
    engine = up()
    planted = [
        json.loads(shown(r.inputs)["stdin"])["access"]["host_key"] for r in engine.custom if r.name.endswith("-ready")
    ]
    assert len(set(planted)) == len(planted) == 3
    for disk in engine.of("libvirt:index/cloudInitDisk:CloudInitDisk"):
        name = disk.name.removesuffix("-first-boot")
        assert isinstance(disk.inputs["userData"], Secret)
        assert f"key of {name}-first-key" in shown(disk.inputs)["userData"]
        assert f"key of {name}-host-key" not in shown(disk.inputs)["userData"], (
            "the provider writes this text to its debug log: the key that lasts must not be in it"
        )
        assert "key of operator-key" not in shown(disk.inputs)["userData"], "a machine never holds the operator's key"
        for plain in ("networkConfig", "metaData"):
            assert not isinstance(disk.inputs[plain], Secret)
