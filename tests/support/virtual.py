"""Virtual machines of a test's own: an embedded libvirt, and a stack whose machines are in it."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from computer import places
from lab.libvirt import Libvirt
from tests.support.stack import Stack, environment_with, stack_of_its_own

VENV = places.CHECKOUT / ".venv"


@contextmanager
def libvirt_of_its_own(name: str, *, up: bool = True) -> Iterator[Libvirt]:
    """An embedded libvirt, which may be left to somebody else to bring up; gone afterwards with all that is in it."""
    lab = Libvirt(f"{name}-{os.getpid()}")
    try:
        if up:
            lab.up()
        yield lab
    finally:
        lab.down(delete=True)


def stack_inside(lab: Libvirt, folder: Path, name: str, config: dict[str, Any]) -> Stack:
    """A stack whose every command runs inside that libvirt's namespace."""
    return stack_of_its_own(folder, name, config, _inside(lab))


@contextmanager
def copy_of_the_checkout(lab: Libvirt, folder: Path, name: str) -> Iterator[Stack]:
    """A copy of the checkout, whose Python environment it shares, and the stack `name` in it, which does not exist yet. Its
    state lies apart, and every command of it runs inside that libvirt's namespace. The environment is the checkout's own
    afterwards: the copy's set-up makes it that of the copy."""
    project, state = folder / "checkout", folder / "state"
    state.mkdir()
    shutil.copytree(places.CHECKOUT, project, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache"))
    (project / ".venv").symlink_to(VENV)
    own = (VENV / "compiled-from", *VENV.glob("lib/python3*/site-packages/kafka_cluster.pth"))
    before = {file: file.read_bytes() for file in own}
    yield Stack(project, name, _inside(lab), environment_with(state))
    for file, content in before.items():
        file.write_bytes(content)


def _inside(lab: Libvirt) -> tuple[str, ...]:
    return (sys.executable, "-m", "lab", "run", "--name", lab.namespace.name, "--")
