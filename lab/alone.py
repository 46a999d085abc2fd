"""One process at a time for each folder. The lock is the folder itself, so nothing is left when the folder goes.

Refuses to know what is done with the folder.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from computer import telling


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds the folder alone, made if need be, until the end; its holder may remove it."""
    while (held := _hold(folder)) is None:
        continue
    try:
        yield
    finally:
        os.close(held)


def _hold(folder: Path) -> int | None:
    """The held folder, or None when the one that was waited for has removed it."""
    try:
        with suppress(FileExistsError):
            folder.mkdir(parents=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    telling.hold(handle, "the lab", folder)
    with suppress(FileNotFoundError):
        if os.path.samestat(folder.stat(), os.fstat(handle)):
            return handle
    os.close(handle)
    return None
