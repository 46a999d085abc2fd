"""The state of a stack: a file backend is read as it lies there, and whatever is strange about it is left to the CLI."""

import json
import re
from pathlib import Path

import pytest

from computer import telling
from operations import stack_state

STACK = "organization/kafka-cluster/dev"
RESOURCES = [{"urn": "urn:pulumi:dev::kafka-cluster::a::b"}]
ASKED = [{"urn": "of the CLI"}]


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file backend whose path has a space, and a CLI that answers something else."""
    folder = tmp_path / "my state"
    stacks = folder / ".pulumi" / "stacks" / "kafka-cluster"
    stacks.mkdir(parents=True)
    (folder / ".pulumi" / "meta.yaml").write_text("version: 1\n")
    write(folder, {"version": 3, "checkpoint": {"latest": {"resources": RESOURCES}}})
    monkeypatch.setenv("PULUMI_BACKEND_URL", folder.as_uri())
    program = tmp_path / "pulumi"
    program.write_text(f"#!/bin/sh\necho '{json.dumps({'deployment': {'resources': ASKED}})}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return folder


def write(folder: Path, document: object) -> None:
    (folder / ".pulumi/stacks/kafka-cluster/dev.json").write_text(json.dumps(document))


def test_a_file_backend_is_read_without_the_cli(backend: Path) -> None:
    assert stack_state.resources(STACK) == RESOURCES


@pytest.mark.parametrize("latest", [None, {}, {"manifest": {}}, {"resources": None}])
def test_a_stack_that_was_never_up_has_none(backend: Path, latest: object) -> None:
    write(backend, {"version": 3, "checkpoint": {"latest": latest}})
    assert stack_state.resources(STACK) == []


def test_secrets_are_the_clis_to_open(backend: Path) -> None:
    assert stack_state.resources(STACK, secrets=True) == ASKED


@pytest.mark.parametrize("text", ["", "{", '{"version": 4, "checkpoint": {}}', '{"version": 3}'])
def test_half_a_state_or_another_kind_is_left_to_the_cli(backend: Path, text: str) -> None:
    (backend / ".pulumi/stacks/kafka-cluster/dev.json").write_text(text)
    assert stack_state.resources(STACK) == ASKED, "the engine writes it while it works"


@pytest.mark.parametrize("stack", ["dev", "kafka-cluster/dev"])
def test_a_name_that_the_cli_has_to_complete_is_left_to_it(backend: Path, stack: str) -> None:
    assert stack_state.resources(stack) == ASKED


@pytest.mark.parametrize("url", ["", "https://api.pulumi.com", "s3://bucket", "file://~/state"])
def test_another_backend_is_the_clis(backend: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", url)
    assert stack_state.resources(STACK) == ASKED


def test_a_cli_that_takes_long_is_told_of_beside_the_answer(
    backend: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(telling, "FIRST_SECONDS", 0.02)
    program = tmp_path / "pulumi"
    program.write_text(program.read_text().replace("echo", "sleep 1\necho"))
    assert stack_state.resources(STACK, secrets=True) == ASKED
    said = capfd.readouterr()
    assert re.search(
        rf"waiting for Pulumi to tell what it knows of stack {re.escape(STACK)} \(\d+ s of at most", said.err
    )
    assert said.out == ""


def test_another_layout_is_the_clis(backend: Path) -> None:
    (backend / ".pulumi/meta.yaml").write_text("version: 2\n")
    assert stack_state.resources(STACK) == ASKED
