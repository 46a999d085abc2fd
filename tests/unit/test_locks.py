"""Whose locks and plugins are taken for a dead run's."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolchain import locks

DEAD = 2**22 + 1  # more than any process can have


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a file backend, at a path that an address spells differently."""
    folder = tmp_path / "my state"
    folder.mkdir()
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"{folder.as_uri()}?metadata=skip")
    return folder


def lock(backend: Path, *, project: str = "kafka-cluster", pid: int = DEAD, host: str = "") -> Path:
    """A lock of a stack `dev`."""
    file = backend / f".pulumi/locks/organization/{project}/dev/{project}-{pid}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    owner = {"pid": pid, "hostname": host or socket.gethostname(), "timestamp": "2026-01-01T00:00:00Z"}
    file.write_text(json.dumps(owner))
    return file


def pulumi_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_lives", lambda pid: pid == os.getpid())


def test_a_dead_ones_lock_is_told_and_cleared(backend: Path) -> None:
    file = lock(backend)
    assert str(DEAD) in locks.dead("kafka-cluster", "dev")
    locks.clear_dead("dev")
    assert not file.exists()
    assert not locks.dead("kafka-cluster", "dev")


@pytest.mark.parametrize("owner", [{"pid": os.getpid()}, {"host": "elsewhere"}], ids=["alive", "elsewhere"])
def test_any_other_is_left_to_pulumi(backend: Path, monkeypatch: pytest.MonkeyPatch, owner: dict[str, object]) -> None:
    pulumi_lives(monkeypatch)
    file = lock(backend, **owner)  # type: ignore[arg-type]
    assert not locks.dead("kafka-cluster", "dev")
    with pytest.raises(locks.Locked):
        locks.clear_dead("dev")
    assert file.exists()


def test_another_projects_stack_is_another_one(backend: Path) -> None:
    lock(backend, project="orders")
    assert not locks.dead("kafka-cluster", "dev")


def test_one_that_can_not_be_read_is_left_to_pulumi(backend: Path) -> None:
    lock(backend).write_text("{")
    assert not locks.dead("kafka-cluster", "dev")


@pytest.mark.parametrize("url", ["", "https://api.example"])
def test_another_backend_has_none_of_these(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", url)
    assert not locks.dead("kafka-cluster", "dev")


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plugin of a PULUMI_HOME of its own, which works for a minute at whatever it is asked for."""
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    program = tmp_path / "plugins/resource-a/pulumi-resource-a"
    program.parent.mkdir(parents=True)
    shutil.copy(shutil.which("sleep") or "", program)
    return program


@pytest.fixture
def owned(plugin: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The plugin as a test or a program of a user's starts one."""
    with subprocess.Popen([plugin, "60"]) as running:
        yield running
        running.kill()


ENGINE = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:], stdout=-3, stderr=-3).pid)"


def test_a_plugin_whose_engine_is_dead_is_ended(plugin: Path) -> None:
    engine = subprocess.run(
        [sys.executable, "-c", ENGINE, plugin, "60"], capture_output=True, text=True, check=True, start_new_session=True
    )
    assert locks._is_plugin(int(engine.stdout)), "it is to outlive its engine"
    locks.end_orphaned_plugins()
    assert not locks._is_plugin(int(engine.stdout)), "it goes on with what nobody will ever know of"


def test_a_plugin_that_somebody_else_started_goes_on(owned: "subprocess.Popen[bytes]") -> None:
    assert (owned.pid, os.getpid()) in locks._plugins()
    locks.end_orphaned_plugins()
    assert owned.poll() is None, "its parent lives, whatever it is called"


def test_a_dead_engine_that_nobody_buried_yet_is_dead(plugin: Path) -> None:
    with subprocess.Popen([plugin, "60"]) as engine:
        assert locks._lives(engine.pid), "of any name that Pulumi's programs have"
        engine.kill()
        os.waitid(os.P_PID, engine.pid, os.WEXITED | os.WNOWAIT)
        assert not locks._lives(engine.pid), (
            "its lock and its plugins would be in the way as long as its parent is busy"
        )
