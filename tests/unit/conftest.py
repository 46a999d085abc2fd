"""How hypothesis runs here: the same examples every time, no deadline (shared processors stall), no files left behind.
And a machine to run stage programs on."""

from pathlib import Path

import hypothesis
import pytest

from .stage_machine import Machine

hypothesis.settings.register_profile("unit", derandomize=True, deadline=None, database=None, max_examples=60)
hypothesis.settings.load_profile("unit")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine with the folders that every machine has."""
    root = tmp_path / "machine"
    for folder in ("dev/disk/by-id", "var/lib", "etc", "usr/local", "home/admin", "run"):
        (root / folder).mkdir(parents=True)
    return Machine(root, monkeypatch)
