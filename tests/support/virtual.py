"""Virtual machines of a test's own: an embedded libvirt, and a stack whose machines are in it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.libvirt import Libvirt
from tests.support.stack import Stack, stack_of_its_own


@contextmanager
def libvirt_of_its_own(name: str) -> Iterator[Libvirt]:
    """An embedded libvirt, gone afterwards with all that is in it."""
    lab = Libvirt(f"{name}-{os.getpid()}")
    try:
        lab.up()
        yield lab
    finally:
        lab.down(delete=True)


def stack_inside(lab: Libvirt, folder: Path, name: str, config: dict[str, Any]) -> Stack:
    """A stack whose every command runs inside that libvirt's namespace."""
    return stack_of_its_own(
        folder, name, config, (sys.executable, "-m", "lab", "run", "--name", lab.namespace.name, "--")
    )
