"""The dev stack's file as it is committed: `pulumi stack init` writes a salt into the working copy."""

import subprocess

import pytest
import yaml

from .samples import ROOT


def committed(name: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), "show", f"HEAD:{name}"], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"not a git checkout: {done.stderr.strip()}")
    return done.stdout


def test_the_committed_file_has_no_salt() -> None:
    stack = yaml.safe_load(committed("Pulumi.dev.yaml"))
    assert "encryptionsalt" not in stack, "a committed salt fails with everybody else's passphrase"
    assert set(stack) == {"config"}
