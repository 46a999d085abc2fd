"""The verbs for a person: what they end with, and which machines `kafka-cluster ssh` knows and for how long it tries."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from computer import places
from model import handover
from model.handover import Access, Login
from model.status import Verdict
from operations import shell, stack_state

from . import test_handover


@pytest.mark.parametrize("stack", [(), ("--stack", "organization/kafka-cluster/dev")])
def test_without_pulumi_nobody_can_tell(tmp_path: Path, stack: tuple[str, ...]) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "operations", "status", *stack]
    environment = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(command, cwd=places.CHECKOUT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (Verdict.UNKNOWN, "")
    assert done.stderr == "there is no `pulumi` on PATH; in a checkout, `. ./activate` puts it there\n"


def ssh_options(config: Path, alias: str) -> dict[str, str]:
    """As OpenSSH itself reads them."""
    read = subprocess.run(["ssh", "-G", "-F", str(config), alias], capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in read.stdout.splitlines() if " " in line)


@pytest.mark.parametrize(("patience", "most"), [(1, "10"), (5, "50")])
def test_a_machine_that_is_gone_is_not_waited_for_without_a_limit(tmp_path: Path, patience: int, most: str) -> None:
    jump = Login(address="10.0.0.1", user="jump", host_key="ssh-ed25519 BBBB", private_key="other")
    config = shell.write_config(tmp_path, test_handover.access("n1", "10.1.0.1", jump_host=jump), patience)
    for alias in ("n1", "n1-jump"):
        assert ssh_options(config, alias)["connecttimeout"] == most
    assert ssh_options(config, "n1")["proxyjump"] == "n1-jump"
    assert "10.0.0.1 ssh-ed25519 BBBB\n" in (tmp_path / "known_hosts").read_text()


def resource(name: str, kind: str, told: object) -> dict[str, object]:
    """As an exported state has a secret input."""
    urn = f"urn:pulumi:dev::p::{kind}$command:local:Command::{name}"
    return {"urn": urn, "type": "", "inputs": {"stdin": {"plaintext": json.dumps(json.dumps(told))}}}


def test_one_can_log_in_to_what_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    planned = test_handover.handover()
    access = test_handover.access("kafka-monitor", "10.1.0.9")
    state = [
        resource(handover.RUNNING_RESOURCE, "kafka-cluster:index:KafkaCluster", planned.model_dump()),
        resource("kafka-monitor-serves", handover.MONITOR_TYPE, {"access": access.model_dump(), "ready": "…"}),
    ]
    reached: list[Access] = []

    def write_config(_: Path, chosen: Access, __: int) -> Path:
        reached.append(chosen)
        return Path("/dev/null")

    monkeypatch.setattr(stack_state, "resources", lambda *_, **__: state)
    monkeypatch.setattr(shell, "write_config", write_config)
    monkeypatch.setattr(subprocess, "run", lambda *_: subprocess.CompletedProcess((), 7))
    assert shell.open_shell("dev", "kafka-monitor", []) == 7
    assert reached == [access]
    with pytest.raises(shell.NoSuchNode, match="expected one of n1, n2, n3, kafka-monitor"):
        shell.open_shell("dev", "nobody", [])
    assert handover.watcher(state[:1]) is None, "there is none unless it was asked for"
