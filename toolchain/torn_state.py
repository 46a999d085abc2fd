"""A stack's state that was cut off because its engine was killed while it wrote it.

Pulumi's file backend does not write in one piece, but keeps the state of before beside it. What the very last step of the
killed run did is unknown then, as after any other kill. Refuses to know any other backend.
"""

import json
import os
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Torn(Exception):
    """The state can't be read, and neither can the one of before."""


def mend(backend: str, stack: str) -> None:
    """Takes the state of before for one that was cut off; Torn when that can't be read either."""
    address = urlsplit(backend)
    if address.scheme != "file":
        return
    for state in sorted((Path(unquote(address.path)) / ".pulumi" / "stacks").glob(f"*/{stack}.json")):
        if not _is_whole(state):
            _take(state.with_name(f"{state.name}.bak"), state)
            print(f"{state} was cut off while it was written: the state of before is taken", flush=True)


def _take(backup: Path, state: Path) -> None:
    if not _is_whole(backup):
        raise Torn(f"{state} was cut off while it was written, and {backup} can't be read either: restore a copy of it")
    handle, name = tempfile.mkstemp(dir=state.parent, prefix=f".{state.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(backup.read_bytes())
        os.fsync(file.fileno())
    os.replace(name, state)


def _is_whole(file: Path) -> bool:
    try:
        return bool(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return False
