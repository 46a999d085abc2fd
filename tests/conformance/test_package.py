"""The package as a plugin: what `pulumi package get-schema` prints of it, and the engine that asks it for its component.

Nothing is made: a preview shows what would be.
"""

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from pydantic.alias_generators import to_camel

from archives import archive
from computer import places
from model.package_schema import COMPONENT
from model.settings import NodeSettings, Settings
from model.topic_rules import TopicSettings
from tests.conformance.stack import Stack, UpFailed, create

FOLDER = places.CHECKOUT / "provider"
# What a language host answers that is older than the question.
CANNOT_GENERATE = "unknown method GeneratePackage"
# What a program in a language that has a generated SDK says in that SDK's words.
PROGRAM = """\
import pulumi


class Cluster(pulumi.ComponentResource):
    def __init__(self, name, inputs):
        super().__init__("kafka-cluster:index:Cluster", name, {**inputs, "bootstrapServers": None}, remote=True)


cluster = Cluster("events", %r)
pulumi.export("servers", cluster.bootstrapServers)
"""


@pytest.fixture
def stack(tmp_path: Path, programs_bin: Path) -> Stack:
    """A project of somebody else's."""
    return create(tmp_path, programs_bin)


@pytest.fixture
def project(stack: Stack) -> Stack:
    """A project that names the plugin by its folder."""
    file = stack.folder / "Pulumi.yaml"
    plugins = {"providers": [{"name": "kafka-cluster", "path": str(FOLDER)}]}
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "plugins": plugins}))
    return stack


def test_the_schema_has_every_key_of_the_configuration(stack: Stack) -> None:
    command = ["pulumi", "package", "get-schema", str(FOLDER / "pulumi-resource-kafka-cluster")]
    done = subprocess.run(command, env=stack.environment, cwd=stack.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    schema = json.loads(done.stdout)
    cluster = schema["resources"][COMPONENT]
    assert set(cluster["inputProperties"]) == {to_camel(name) for name in Settings.model_fields}
    for shape in (NodeSettings, TopicSettings):
        served = schema["types"][f"kafka-cluster:index:{shape.__name__.removesuffix('Settings')}"]
        assert set(served["properties"]) == {to_camel(name) for name in shape.model_fields}
    silent = [name for name, key in cluster["inputProperties"].items() if not key.get("description")]
    assert not silent, "what a person sees of a key in an editor"
    assert set(cluster["properties"]) == {"bootstrapServers", "clusterId"}


def test_an_sdk_is_made_of_the_schema(stack: Stack) -> None:
    stack.write("")
    try:
        stack.run("package", "add", str(FOLDER / "pulumi-resource-kafka-cluster"))
    except UpFailed as failed:
        if CANNOT_GENERATE not in str(failed):
            raise
        pytest.skip(f"the language host here makes no SDKs: {failed}")
    (made,) = (stack.folder / "sdks").rglob("cluster.py")
    assert "def bootstrap_servers(self)" in made.read_text()


def test_a_configuration_that_cannot_be_is_told_whole(project: Stack) -> None:
    project.write(PROGRAM % ({"nodes": [], "topics": [{"name": "orders", "partitions": 0}], "heap": "much"},))
    with pytest.raises(UpFailed) as told:
        project.run("preview")
    assert "the configuration has 2 problems; nothing was changed" in str(told.value)
    assert "nodes: got []; expected at least one node" in str(told.value)


def test_the_component_holds_the_whole_cluster(project: Stack) -> None:
    if archive.cached("3.6.0") is None:
        pytest.skip("Kafka 3.6.0 is not in the cache: python3 archives/archive.py")
    key = project.folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    host_key = key.with_suffix(".pub").read_text().strip()
    login = {"privateKeyFile": str(key), "hostKey": host_key}
    node = {"name": "n1", "id": 1, "address": "172.25.254.131", **login}
    topics = [{"name": "orders", "partitions": 3, "settings": {"retention.ms": 86_400_000}}]
    project.write(PROGRAM % ({"platform": "hosts", "nodes": [node], "topics": topics},))
    planned, _ = json.JSONDecoder().raw_decode(project.run("preview", "--json"))
    urns = [step["urn"] for step in planned["steps"] if "::pulumi:pulumi:Stack::" not in step["urn"]]
    assert any(urn.endswith("::kafka-running") for urn in urns)
    assert any(urn.endswith("::kafka-topics") for urn in urns)
    outside = [urn for urn in urns if f"::{COMPONENT}" not in urn and "::pulumi:providers:" not in urn]
    assert not outside, "everything hangs from the component"
