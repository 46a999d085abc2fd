"""What Pulumi's state knows of a stack: read from a file backend itself, else through Pulumi's command line.

The engine rewrites a file backend's state while it works, and not in one piece: a reading that fails is tried again.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from computer.telling import telling
from operations.refusal import Refusal

_TRIES = 5
_ANSWER_SECONDS = 60
# The layout of a file backend and of a checkpoint in it, as Pulumi numbers them. Of any other, the CLI is asked.
_LAYOUT, _CHECKPOINT = "version: 1", 3


class NotReadable(Refusal):
    """The state can't be read; the text is the CLI's own, or why it could not be asked."""


def ask_pulumi(*words: str) -> subprocess.CompletedProcess[str]:
    """What Pulumi's command line answers."""
    try:
        return subprocess.run(["pulumi", *words], capture_output=True, text=True, timeout=_ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        raise NotReadable(
            f"`{' '.join(('pulumi', *words))}` took longer than {_ANSWER_SECONDS} s, and was ended"
        ) from None
    except FileNotFoundError:
        raise NotReadable("there is no `pulumi` on PATH; in a checkout, `. ./activate` puts it there") from None


def resources(stack: str, *, secrets: bool = False) -> list[dict[str, Any]]:
    """The resources of a stack, by its name as the CLI understands it; none when it was never brought up."""
    if not secrets and (found := of_file_backend(stack)) is not None:
        return found
    words = ["stack", "export", "--stack", stack, *(["--show-secrets"] if secrets else [])]
    with telling(f"Pulumi to tell what it knows of stack {stack}", _TRIES * _ANSWER_SECONDS):
        for _ in range(_TRIES):
            done = ask_pulumi(*words)
            if done.returncode == 0:
                return list((json.loads(done.stdout).get("deployment") or {}).get("resources") or [])
    raise NotReadable(f"`{' '.join(('pulumi', *words))}`: {done.stderr.strip()}")


def of_file_backend(stack: str) -> list[dict[str, Any]] | None:
    """The same without starting a program, which takes a fifth of a second; None when it is not that simple."""
    backend = urlsplit(os.environ.get("PULUMI_BACKEND_URL", ""))
    whole_name = stack.split("/")
    if backend.scheme != "file" or backend.netloc or len(whole_name) != 3:
        return None
    folder = Path(unquote(backend.path)) / ".pulumi"
    _, project, name = whole_name
    try:
        if (folder / "meta.yaml").read_text(encoding="utf-8").strip() != _LAYOUT:
            return None
        kept = json.loads((folder / "stacks" / project / f"{name}.json").read_text(encoding="utf-8"))
        if kept["version"] != _CHECKPOINT:
            return None
        return list((kept["checkpoint"].get("latest") or {}).get("resources") or [])
    except (OSError, ValueError, KeyError):
        return None
