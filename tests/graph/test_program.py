"""The program as a whole: what comes in through the door, what goes out, and what is said on the way."""

import json
import runpy
from typing import Any
from unittest.mock import patch

import pulumi
import pytest

from components import door
from operations.preflight import Unusable

from .conftest import ROOT, Up, as_pulumi_hands_over, dev_config, nodes
from .recording import CLUSTER_ID, Engine, plugins, shown


def refused(up: Up, **changes: Any) -> str:
    """What a run says that is refused at the door, where nothing may have been asked of the engine."""
    engine = Engine(plugins())
    with pytest.raises(pulumi.RunError) as caught:
        up(engine=engine, **changes)
    assert not engine.registered, "judged once, all of it, before the first resource"
    return str(caught.value)


# -- out -------------------------------------------------------------------------------------------------------


def test_the_outputs_of_the_dev_stack(up: Up) -> None:
    outputs = up().outputs
    assert set(outputs) == {"bootstrap_servers", "mode", "cluster_id", "nodes", "readme", "ssh"}
    assert outputs["bootstrap_servers"] == "172.25.254.131:9092,172.25.254.132:9092,172.25.254.133:9092"
    assert outputs["mode"] == "kraft"
    assert outputs["cluster_id"] == CLUSTER_ID
    assert outputs["nodes"][0] == {
        "name": "kafka-server1",
        "id": 1,
        "address": "172.25.254.131",
        "roles": ["broker", "controller"],
    }
    assert outputs["ssh"]["kafka-server1"].endswith(" ssh kafka-server1"), "a line to paste"
    assert len(outputs["nodes"]) == len(outputs["ssh"]) == 3


def test_the_servers_are_an_answer_only_once_the_cluster_runs(up: Up) -> None:
    usual = plugins()

    def failing(resource: Any) -> dict[str, Any]:
        if resource.name == "kafka-running":
            raise RuntimeError("the cluster did not come up")
        return usual(resource)

    engine = Engine(failing)
    with pytest.raises(Exception, match="did not come up"):
        up(engine=engine)
    told = [urn for urn, outputs in engine.outputs_of.items() if "bootstrap_servers" in outputs]
    assert told == [], "whoever waits for the servers would be let go"
    assert any("bootstrap_servers" in outputs for outputs in up().outputs_of.values()), "or this test is blind"


def test_a_configured_cluster_id_is_used_and_none_is_made(up: Up) -> None:
    engine = up(clusterId="AAAAAAAAAAAAAAAAAAAAAQ")
    assert engine.outputs["cluster_id"] == "AAAAAAAAAAAAAAAAAAAAAQ"
    assert not [resource for resource in engine.registered if resource.name == "cluster-id"]
    assert json.loads(shown(engine.one("kafka-running").inputs)["stdin"])["cluster_id"] == "AAAAAAAAAAAAAAAAAAAAAQ"


@pytest.mark.parametrize("platform", ["libvirt", "hosts"])
def test_a_cluster_id_that_is_made_is_made_once(up: Up, hosts: dict[str, Any], platform: str) -> None:
    made = up(**(hosts if platform == "hosts" else {})).one("cluster-id")
    assert made.inputs["create"] == "exec python -m operations cluster-id"
    assert {"create", "stdin"} <= made.ignore_changes


def test_what_departs_from_good_practice_is_said(up: Up) -> None:
    said = " ".join(up().warnings())
    assert "transactional producers stop" in said
    assert "protectData is false" in said
    assert "emulated" in said
    quiet = up(engine=Engine(plugins("kvm")), settings={}, protectData=True)
    assert quiet.warnings() == []


# -- in --------------------------------------------------------------------------------------------------------


def test_a_bad_configuration_is_told_whole(up: Up) -> None:
    told = refused(up, heap="9G", kafkaVersion="1.0", nodes=nodes(2), settings={})
    assert told.startswith("the configuration has 3 problems; nothing was changed:")
    assert [line.split(":")[0].strip("- ") for line in told.splitlines()[1:]] == ["nodes", "kafkaVersion", "heap"]


def test_a_misspelt_key_is_not_passed_over(up: Up) -> None:
    assert "memmory: got" in refused(up, memmory=4096)


@pytest.mark.parametrize("value", ["[{name: x", "kafka-server1", "{"])
def test_a_list_that_is_none_is_refused_in_words(up: Up, value: str) -> None:
    assert "nodes" in refused(up, nodes=value)


def test_no_nodes_is_the_first_thing_a_newcomer_sees(up: Up) -> None:
    told = refused(up, nodes=[])
    assert "nodes: got []; expected at least one node; for example nodes: [{name: kafka-server1" in told


def test_values_are_read_as_the_cli_hands_them_over(up: Up) -> None:
    written = {"memory": 4096, "protectData": True, "networkDns": ["172.25.254.1"]}
    engine = up(**written)
    assert engine.one("kafka-server1-domain").inputs["memory"] == 4096
    assert engine.one("kafka-server1-data").protect is True
    assert "172.25.254.1" in engine.one("kafka-server1-first-boot").inputs["networkConfig"]


def test_what_this_computer_lacks_is_told_before_anything_is_asked_for() -> None:
    engine = Engine(plugins())

    def lacking(*_: object) -> None:
        raise Unusable("this computer is not ready; nothing was changed:\n  - image: got …")

    known = patch.object(door, "existing", list)
    with known, patch.object(door, "look_around", lacking), pytest.raises(pulumi.RunError, match="not ready"):
        engine.run(lambda: runpy.run_path(str(ROOT / "__main__.py")), as_pulumi_hands_over(dev_config()))
    assert not engine.registered


def test_a_secret_is_refused_as_nothing_here_keeps_one(up: Up, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi.runtime.config, "is_config_secret", lambda key: key == "kafka-cluster:settings")
    told = refused(up, settings={"ssl.keystore.password": "hunter2"})
    assert "settings: got 'a secret'; expected plain values" in told
    assert "hunter2" not in told


def test_an_image_whose_upload_failed_is_uploaded_anew(up: Up) -> None:
    made = up().one("site-image")
    earlier = [{"urn": made.urn, "type": made.type, "inputs": shown(made.inputs), "initErrors": ["no space left"]}]
    anew = up(engine=Engine(plugins(), earlier=earlier)).one("site-image")
    assert anew.inputs["name"] != made.inputs["name"], "Pulumi would make machines of the part that came"
