"""A folder of the cache: one at a time works in it, and its files are known by their checksums.

Refuses to know what is kept there. Standard library only: it is imported before the virtual environment exists.
"""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from computer import telling


@contextmanager
def alone(folder: Path, what: str, unfinished: str = "") -> Iterator[None]:
    """Holds the folder, which is made where there is none; `what` is what others are told that wait for it. Folders whose
    names begin with `unfinished` are what a killed one left behind, and are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        telling.hold(lock, what, lock.name)
        for left in folder.glob(f"{unfinished}*") if unfinished else ():
            shutil.rmtree(left)
        yield


def sha512(path: Path) -> str:
    """A file's SHA-512, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha512").hexdigest()
