"""What Pulumi's state knows of a stack, read through its command line.

The engine rewrites a file backend's state while it works, and not in one piece: a reading that fails is tried again.
"""

import json
import subprocess
from typing import Any

from operations.refusal import Refusal

_TRIES = 5


class NotReadable(Refusal):
    """The state can't be read; the text is the CLI's own."""


def resources(stack: str, *, secrets: bool = False) -> list[dict[str, Any]]:
    """The resources of a stack, by its name as the CLI understands it; none when it was never brought up."""
    command = ["pulumi", "stack", "export", "--stack", stack, *(["--show-secrets"] if secrets else [])]
    for _ in range(_TRIES):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 0:
            return list((json.loads(done.stdout).get("deployment") or {}).get("resources") or [])
    raise NotReadable(f"`{' '.join(command)}`: {done.stderr.strip()}")
