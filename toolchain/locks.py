"""Locks of the file backend that a killed Pulumi left behind.

Knows the shape of the backend's lock files. A lock whose owner lives, or lived on another computer, is left alone.
"""

import json
import os
import socket
from pathlib import Path
from urllib.parse import urlparse


class Locked(Exception):
    """Somebody else works on the stack."""


def clear_dead(stack: str) -> None:
    """Removes the stack's locks whose owner on this computer is dead; Locked names an owner that is not."""
    for file in _lock_files(stack):
        owner = json.loads(file.read_text(encoding="utf-8"))
        who = f"process {owner['pid']} on {owner['hostname']}, since {owner['timestamp']}"
        if owner["hostname"] != socket.gethostname() or _lives(int(owner["pid"])):
            raise Locked(f"stack {stack} is locked by {who}; wait for it, or if it is gone: pulumi cancel {stack}")
        file.unlink()
        print(f"cleared the lock of {who}: it is dead", flush=True)


def _lock_files(stack: str) -> list[Path]:
    backend = urlparse(os.environ["PULUMI_BACKEND_URL"])
    if backend.scheme != "file":
        return []
    folder = Path(backend.path) / ".pulumi" / "locks"
    return sorted(folder.glob(f"*/*/{stack}/*.json")) if folder.is_dir() else []


def _lives(pid: int) -> bool:
    """A number that was given to another program since does not count as alive."""
    try:
        return "pulumi" in Path(f"/proc/{pid}/comm").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
