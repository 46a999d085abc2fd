"""The package as other projects get it: what pyproject.toml says of it, and nothing else of the checkout.

Knows setuptools. Refuses to know what ought to be in it.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from computer import places


def installed(folder: Path) -> Path:
    """A folder for a Python path that holds the package. Nothing is fetched, and the checkout stays as it is."""
    copy, built = folder / "copy", folder / "built"
    for name in tracked():
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(places.CHECKOUT / name, target)
    build = "from setuptools import setup; setup()"
    command = [sys.executable, "-W", "ignore", "-c", build, "--quiet", "build", "--build-lib", str(built), "build_py"]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return built


def tracked() -> list[str]:
    """The files of the checkout that are no leftovers of work."""
    command = ["git", "-C", str(places.CHECKOUT), "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"not a git checkout: {done.stderr.strip()}")
    return [name for name in done.stdout.splitlines() if (places.CHECKOUT / name).is_file()]
