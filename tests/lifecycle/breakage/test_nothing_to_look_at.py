"""A run that could look at nothing does not look like one that found all well."""

import os
import subprocess
import sys

import pytest

from computer import places
from tests.support.look import LIVE


def run(*options: str) -> subprocess.CompletedProcess[str]:
    """The live tests where there is no Pulumi, and so no stack."""
    command = [sys.executable, "-m", "pytest", str(LIVE), "-q", "-p", "no:cacheprovider", *options]
    nowhere = {**os.environ, "PATH": "/nonexistent"}
    return subprocess.run(command, env=nowhere, cwd=places.CHECKOUT, capture_output=True, text=True)


@pytest.mark.parametrize(("options", "ends_with"), [((), 0), (("--require-live",), 1)], ids=["by itself", "required"])
def test_a_run_without_a_stack_says_so(options: tuple[str, ...], ends_with: int) -> None:
    done = run(*options)
    last_words = "\n".join(done.stdout.splitlines()[-3:])
    assert done.returncode == ends_with, done.stdout
    assert "nothing was verified live: pulumi is not on PATH" in last_words, done.stdout
