"""The stack's page and the picture of the cluster: true to the plan, and to be pasted from."""

import ast
import re
import shlex
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from model import page, picture, topology
from model.settings import Settings, read
from toolchain import doc_pictures

from .samples import dev, nodes, settings

SVG = "{http://www.w3.org/2000/svg}"
ROLES = [["controller"]] * 3 + [["broker"]] * 2


def hosts(**changes: Any) -> Settings:
    login = {"user": "admin", "privateKeyFile": "/key", "hostKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA=="}
    return read({"platform": "hosts", "nodes": [{**node, **login} for node in nodes(3)], **changes})


SHAPES: dict[str, Settings] = {
    "dev": dev(),
    "zookeeper": dev(mode="zookeeper"),
    "one node": settings(1),
    "one node on ZooKeeper": settings(1, mode="zookeeper"),
    "controllers apart": settings(nodes=[{**n, "roles": r} for n, r in zip(nodes(5), ROLES, strict=True)]),
}


def text(shape: str = "dev") -> str:
    return page.text(SHAPES[shape], topology.plan(SHAPES[shape]), "kafka-cluster/dev")


def blocks(language: str, shape: str = "dev") -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text(shape), re.DOTALL)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_node_and_every_port_of_it_is_named(shape: str) -> None:
    planned, said = topology.plan(SHAPES[shape]), text(shape)
    for node in planned.nodes:
        assert f"`kafka-cluster ssh {node.name}`" in said
        for port in planned.ports(node):
            assert f"| `{node.address}:{port}` |" in said


@pytest.mark.parametrize("shape", SHAPES)
def test_pulumi_finds_nothing_to_put_in(shape: str) -> None:
    assert "${" not in text(shape), "Pulumi would look for an output of that name"


@pytest.mark.parametrize("shape", SHAPES)
def test_lines_reach_the_brokers_and_nobody_else(shape: str) -> None:
    planned = topology.plan(SHAPES[shape])
    kcat, kaf = (re.findall(rf"\b{tool} -b (\S+)", "".join(blocks("sh", shape))) for tool in ("kcat", "kaf"))
    assert set(kcat) == set(kaf) == {planned.bootstrap_servers}
    assert f"bootstrap.servers={planned.bootstrap_servers}\n" in blocks("properties", shape)[0]


def test_a_topic_has_no_more_replicas_than_there_are_brokers() -> None:
    assert "--replication-factor 3" in text()
    assert "--replication-factor 1" in text("one node")
    assert "--replication-factor 2" in text("controllers apart")


def test_lines_can_be_pasted() -> None:
    for block in blocks("sh"):
        assert all(shlex.split(line) for line in block.splitlines())
    (python,) = blocks("python")
    ast.parse(python)


def test_the_way_in_is_said_where_there_is_one() -> None:
    assert "python -m lab run --" in text()
    there = hosts()
    assert "python -m lab run --" not in page.text(there, topology.plan(there), "p/s")


def test_what_was_stopped_by_hand_is_started_by_what_starts_everything() -> None:
    (row,) = (line for line in text().splitlines() if line.startswith("| a service was stopped by hand"))
    assert 'pulumi config set reapply "$(date +%FT%T)"' in row


@pytest.mark.parametrize(
    ("settings", "protected"), [(dev(protectData=True), True), (dev(protectData=False), False), (hosts(), False)]
)
def test_the_way_to_the_end_says_what_is_in_the_way_of_it(settings: Settings, protected: bool) -> None:
    said = page.text(settings, topology.plan(settings), "kafka-cluster/dev")
    end = next(line for line in said.splitlines() if "you are done with it" in line)
    assert ("protectData false" in end) is protected, "`pulumi destroy` alone is refused where data is protected"


def test_zookeeper_mode_speaks_of_its_own_places() -> None:
    said = text("zookeeper")
    assert "in ZooKeeper mode" in said
    assert "config/zookeeper.properties" in said
    assert "kraft" not in said.lower().replace("kafka-cluster", "")


# -- the picture -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_a_picture_holds_every_node_with_its_ports_and_its_disk(shape: str) -> None:
    planned = topology.plan(SHAPES[shape])
    drawn = ElementTree.fromstring(picture.svg(planned, "network"))
    words = ["".join(element.itertext()) for element in drawn.iter(f"{SVG}text")]
    assert len([path for path in drawn.iter(f"{SVG}path") if path.get("class") == "disk"]) == len(planned.nodes)
    mermaid = picture.mermaid(planned, "network")
    for node in planned.nodes:
        assert node.name in words
        assert f'n{node.id}["{node.name}<br/>{node.address}<br/>' in mermaid
        for part in picture.parts(planned, node):
            assert part.port in planned.ports(node), "a picture must not show what nothing listens on"
            assert f"{part.role} {part.port}" in mermaid


@pytest.mark.parametrize("mode", ["kraft", "zookeeper"])
def test_what_watches_is_in_the_picture_and_among_the_ports(mode: str) -> None:
    watched = dev(mode=mode, metrics={"enabled": True, "monitor": {"address": "172.25.254.140", "webPort": 9191}})
    planned = topology.plan(watched)
    said = page.text(watched, planned, "kafka-cluster/dev")
    assert "| kafka-monitor | `172.25.254.140:9191` |" in said
    drawn = picture.mermaid(planned, "network")
    assert 'monitor["kafka-monitor<br/>172.25.254.140<br/>Prometheus 9191"]' in drawn
    ports = ", ".join(map(str, planned.metrics_ports()))
    for node in planned.nodes:
        assert f"monitor -->|{ports}| n{node.id}\n" in drawn
    assert drawn.count(f"<br/>metrics {ports}") == len(planned.nodes)
    assert "monitor" not in picture.mermaid(topology.plan(SHAPES["dev"]), ""), "there is none unless asked for"


def test_voters_speak_to_each_other_on_their_ports() -> None:
    assert "n1 <-->|9093| n2" in picture.mermaid(topology.plan(SHAPES["dev"]), "")
    assert "n2 <-->|2888, 3888| n3" in picture.mermaid(topology.plan(SHAPES["zookeeper"]), "")
    apart = picture.mermaid(topology.plan(SHAPES["controllers apart"]), "")
    assert "| n4" not in apart, "brokers don't vote"


@pytest.mark.parametrize("path", doc_pictures.pictures(), ids=lambda path: path.name)
def test_pictures_in_the_documentation_are_current(path: Any) -> None:
    assert path.read_text(encoding="utf-8") == doc_pictures.pictures()[path], (
        "draw them anew: python -m toolchain.doc_pictures"
    )
