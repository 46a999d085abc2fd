"""Finds the programs that `make setup` has provided; a test that needs one that is not there is skipped, with the reason."""

from pathlib import Path

import pytest

from computer import places
from toolchain import pins, programs


def programs_bin() -> Path:
    """The directory of the CLI and its language host."""
    try:
        return programs.bin_dir()
    except programs.ProgramsError as missing:
        pytest.skip(str(missing))


def plugin(name: str) -> Path:
    """A resource plugin's executable."""
    folder = places.pulumi_home() / "plugins" / f"resource-{name}-v{pins.PLUGINS[name]}"
    program = folder / f"pulumi-resource-{name}"
    if not program.is_file():
        pytest.skip(f"{program} is not there yet: run `make setup`")
    return program
