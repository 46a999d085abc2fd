"""The verbs for a person: what they end with, and which machines `kafka-cluster ssh` knows and for how long it tries."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from model.status import Verdict
from toolchain import places


@pytest.mark.parametrize("stack", [(), ("--stack", "organization/kafka-cluster/dev")])
def test_without_pulumi_nobody_can_tell(tmp_path: Path, stack: tuple[str, ...]) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "operations", "status", *stack]
    environment = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(command, cwd=places.CHECKOUT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (Verdict.UNKNOWN, "")
    assert done.stderr == "there is no `pulumi` on PATH; in a checkout, `. ./activate` puts it there\n"
