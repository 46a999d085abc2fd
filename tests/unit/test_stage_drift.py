"""A machine's account of what stages put there agrees with what they put there."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from model import drift, stages
from operations import drift as look

from .stage_machine import Machine, answer, snapshot, write_json
from .test_stages import CLUSTER_ID
from .test_stages import plan as node_plan

PIECES = [stages.Upload("up/agent.jar", hashlib.sha512(b"agent").hexdigest())]


def placed(machine: Machine, value: Any) -> Any:
    """A plan whose paths lie on this machine."""
    if isinstance(value, dict):
        return {str(placed(machine, key)): placed(machine, each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [placed(machine, each) for each in value]
    is_path = isinstance(value, str) and value.startswith("/") and "\n" not in value
    return str(machine.path(value)) if is_path else value


@pytest.fixture
def plans(machine: Machine) -> tuple[dict[str, Any], dict[str, Any]]:
    """A machine on which the stages put files, programs and links."""
    node = node_plan()
    installed = placed(machine, stages.installed(node, "a" * 128, "up/kafka.tgz", PIECES))
    configured = placed(machine, stages.configured(node, CLUSTER_ID))
    upload = machine.path("/home/admin/up/agent.jar")
    upload.parent.mkdir()
    upload.write_bytes(b"agent")
    for name in ("kafka-topics.sh", "kafka-server-stop.sh"):
        script = Path(installed["home"], "bin", name)
        script.parent.mkdir(parents=True, exist_ok=True)
        script.touch()
    Path(installed["tools"]["folder"]).mkdir(parents=True)
    machine.path("/etc/hosts").touch()
    put(machine, installed, configured)
    return installed, configured


def put(machine: Machine, installed: dict[str, Any], configured: dict[str, Any]) -> None:
    """What an `up` does that does every stage again."""
    program = machine.load("tools", "pieces", "installed")
    for stage in ("ensure_kernel_settings", "ensure_tools", "ensure_pieces"):
        program[stage](installed)
    activation = machine.load("activation", "configured")
    activation["stage_files"](configured)
    activation["activate"](configured)


def told(machine: Machine, plans: tuple[dict[str, Any], dict[str, Any]]) -> list[str]:
    """What differs of files, programs, links and packages."""
    before, machine.said = snapshot(machine.root), []
    program = machine.load(*look.PARTS)
    program["main"](drift.question(*plans, None))
    assert snapshot(machine.root) == before, "a question changes nothing"
    (line,) = machine.said
    found = [str(each) for each in drift.of_machine(*plans, json.loads(line))]
    ours = ("/usr/local/lib/kafka-cluster/", "/usr/local/bin/", "/etc/")
    return [each for each in found if each.startswith((*(str(machine.path(place)) for place in ours), "package:"))]


def test_what_stages_put_there_differs_in_nothing(machine: Machine, plans: Any) -> None:
    assert told(machine, plans) == []


BREAKS = {
    "/etc/sysctl.d/90-kafka-cluster.conf": "found nothing, planned a file",
    "/usr/local/lib/kafka-cluster/tool": "found nothing, planned a file",
    "/usr/local/lib/kafka-cluster/agent.jar": "found nothing, planned SHA-512 ",
    "/usr/local/bin/kafka-topics.sh": "found nothing, planned a link to ",
}


@pytest.mark.parametrize("path", BREAKS)
def test_what_is_gone_is_told_and_put_back_by_the_stages(machine: Machine, plans: Any, path: str) -> None:
    machine.path(path).unlink()
    (line,) = told(machine, plans)
    assert line.startswith(f"{machine.path(path)}: {BREAKS[path]}")
    put(machine, *plans)
    assert told(machine, plans) == [], "the page says that the next `up` puts it right"


def test_another_agent_is_told_and_put_right(machine: Machine, plans: Any) -> None:
    machine.path("/usr/local/lib/kafka-cluster/agent.jar").write_bytes(b"another")
    (line,) = told(machine, plans)
    assert f"found {hashlib.sha512(b'another').hexdigest()[:12]}" in line
    put(machine, *plans)
    assert told(machine, plans) == []


def test_somebody_elses_command_is_nobodys_drift(machine: Machine, plans: Any) -> None:
    link = machine.path("/usr/local/bin/kafka-topics.sh")
    link.unlink()
    link.write_text("theirs")
    assert told(machine, plans) == [], "the stages leave it as it is"


def test_a_package_that_came_for_ours_and_went_is_told(machine: Machine, plans: Any) -> None:
    write_json(Path(plans[0]["packages"]), ["java-common", stages.JAVA])
    machine.answer(("dpkg-query",), lambda *words: answer("installed" if words[-1] == "java-common" else ""))
    assert told(machine, plans) == [f"package: found nothing, planned {stages.JAVA}"], (
        "a Java that somebody else installed has no package of ours"
    )
