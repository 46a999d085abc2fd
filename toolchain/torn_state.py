"""A stack's state that was cut off because its engine was killed while it wrote it.

Pulumi's file backend keeps the state of before beside a state, and beside every file a `.attrs` with its check sum, which it
empties before it writes it; a kill in between makes it refuse every command with "failed to load checkpoint: EOF". The
backend that `. ./activate` sets writes none; one of the user's own may. What the very last step of the killed run did is
unknown then, as after any other kill. Refuses to know any other backend.

    python -m toolchain.torn_state STACK
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Torn(Exception):
    """The state can't be read, and neither can the one of before."""


def mend(backend: str, stack: str) -> None:
    """Takes the state of before for one that was cut off, Torn when that can't be read either; removes check sums that were."""
    address = urlsplit(backend)
    if address.scheme != "file":
        return
    folder = Path(unquote(address.path)) / ".pulumi"
    for place in (f"stacks/*/{stack}.json*.attrs", f"locks/*/*/{stack}/*.attrs"):
        for check_sum in folder.glob(place):
            if not _is_whole(check_sum):
                check_sum.unlink(missing_ok=True)
    for state in sorted(folder.glob(f"stacks/*/{stack}.json")):
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


def main(stack: str) -> int:
    """Mends the stack's state in the backend of this shell, or says why not."""
    try:
        mend(os.environ["PULUMI_BACKEND_URL"], stack)
    except Torn as reason:
        print(f"setup: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
