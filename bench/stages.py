"""Draws where the time of an `up` goes, a first one, one with nothing to do and one of a dynamic setting:
`python -m bench stages`."""

import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from bench import ours
from bench.timeline import picture, spans
from tests.support.machines import Ground


def show() -> None:
    """The pictures, on the terminal."""
    changes: dict[str, dict[str, Any]] = {
        "first up": {},
        "up with nothing to do": {},
        "up of a dynamic setting": {"settings": {"message.max.bytes": 1_000_001}},
    }
    with ours.ready() as made:
        for what, changed in changes.items():
            made.stack.configure(**changed)
            print(f"{what}\n{_drawn(made)}", flush=True)


def _drawn(made: Ground) -> str:
    """One `up`. The log's own moments are whole seconds, so each line is stamped as it comes."""
    pipe = made.stack.project / "events"
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    lines: list[tuple[float, str]] = []
    started = time.monotonic()

    def read(pipe: Path) -> None:
        with pipe.open(encoding="utf-8") as events:
            lines.extend((time.monotonic() - started, line) for line in events)

    reader = threading.Thread(target=read, args=(pipe,), daemon=True)
    reader.start()
    try:
        made.stack.up("--event-log", str(pipe))
    finally:
        subprocess.run(["sh", "-c", f'exec 3<>"{pipe}"'], check=True)  # ends a reader that nobody wrote to
        reader.join(timeout=10)
    return picture(spans(lines, time.monotonic() - started))
