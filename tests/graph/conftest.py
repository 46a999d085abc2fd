"""The program's surroundings, replaced: nothing of this computer is looked at."""

import json
import os
import runpy
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the package warns of a part of its own
    from pulumi_command.remote import CopyToRemote as CopyToRemote

from components import door
from model.pending_replacement import CHOSEN
from model.settings import Platform, Settings
from operations import stack_state
from operations.preflight import ArchiveFile, Resolved

from .recording import PROJECT, Engine, plugins

ROOT = Path(__file__).resolve().parents[2]
URI = "qemu:///system?socket=/run/somewhere"
IMAGE = "/somewhere/guest.qcow2"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nkey of the operator\n-----END OPENSSH PRIVATE KEY-----\n"
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIONMKOktnpG0kjhOWD"

Up = Callable[..., Engine]


def as_pulumi_hands_over(values: Mapping[str, Any]) -> dict[str, str]:
    """Config values as a program gets them: text as it is, everything else as JSON."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}


@cache
def dev_config() -> dict[str, Any]:
    """The dev stack's configuration, with Pulumi.yaml's defaults where it says nothing."""
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))
    own = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))["config"]
    defaults = {key: schema["default"] for key, schema in project["config"].items()}
    return {**defaults, **{key.removeprefix(f"{PROJECT}:"): value for key, value in own.items()}}


def nodes(count: int) -> list[dict[str, Any]]:
    """Entries of `nodes`."""
    return [{"name": f"n{i}", "id": i, "address": f"172.25.254.{130 + i}"} for i in range(1, count + 1)]


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> ArchiveFile:
    """The Kafka archive in a cache."""
    path = tmp_path_factory.mktemp("cache") / "kafka_2.13-3.6.0.tgz"
    path.write_bytes(b"")
    return ArchiveFile(path, "5" * 128)


@pytest.fixture(scope="session")
def up(archive: ArchiveFile) -> Up:
    """Runs the program for the dev stack with changes of its configuration. Runs with the engine's usual answers are
    kept, as the program gives the same for the same (test_changes.py)."""
    known: dict[str, Engine] = {}

    def look_around(settings: Settings, carried: str) -> Resolved:
        made_here = settings.platform is Platform.LIBVIRT
        chosen = os.environ.get(CHOSEN, "")
        names = ("jmx_prometheus_javaagent-1.0.1.jar", "prometheus-node-exporter") if settings.metrics.enabled else ()
        pieces = tuple(ArchiveFile(archive.path.with_name(name), "7" * 128) for name in names)
        asked = URI if settings.libvirt_uri == "auto" else settings.libvirt_uri
        uri, image = (asked, IMAGE) if made_here else ("", "")
        prometheus = ArchiveFile(archive.path.with_name("prometheus"), "8" * 128) if settings.metrics.monitor else None
        kafka = replace(archive, carried=carried)
        return Resolved(kafka, uri, image, (), replaced=chosen, pieces=pieces, prometheus=prometheus)

    def fresh(engine: Engine, changes: dict[str, Any], carried: str = "") -> Engine:
        config = as_pulumi_hands_over({**dev_config(), **changes})
        known = patch.object(stack_state, "resources", lambda _: engine.earlier)
        with patch.object(door, "look_around", lambda settings, *_: look_around(settings, carried)), known:
            return engine.run(lambda: runpy.run_path(str(ROOT / "__main__.py")), config)

    def run(*, engine: Engine | None = None, carried: str = "", **changes: Any) -> Engine:
        if engine:
            return fresh(engine, changes)
        key = json.dumps([carried, changes], sort_keys=True)
        if key not in known:
            known[key] = fresh(Engine(plugins()), changes, carried)
        return known[key]

    return run


@pytest.fixture(scope="session")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The changes that make the dev stack one on machines that exist."""
    key = tmp_path_factory.mktemp("ssh") / "id_ed25519"
    key.write_text(KEY)
    login = {"user": "operator", "privateKeyFile": str(key), "hostKey": HOST_KEY}
    return {"platform": "hosts", "nodes": [{**node, **login} for node in dev_config()["nodes"]]}
