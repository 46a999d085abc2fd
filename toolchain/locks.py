"""What a killed Pulumi leaves behind on this computer: locks of the file backend, and plugins at work.

Knows the shape of the backend's lock files, and where plugins run from. A lock whose owner lives, or lived on another
computer, is left alone, and so is a plugin whose engine lives.
"""

import json
import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlparse


class Locked(Exception):
    """Somebody else works on the stack."""


def clear_dead(stack: str) -> None:
    """Removes the stack's locks whose owner on this computer is dead; Locked names an owner that is not."""
    for file in _lock_files(stack):
        who, is_dead = _owner(file)
        if not is_dead:
            raise Locked(f"stack {stack} is locked by {who}; wait for it, or if it is gone: pulumi cancel {stack}")
        file.unlink()
        print(f"cleared the lock of {who}: it is dead", flush=True)


def dead(project: str, stack: str) -> str:
    """Who left a lock of the stack behind, on this computer, and is dead; nothing when there is no such lock."""
    for file in _lock_files(stack, project):
        try:
            who, is_dead = _owner(file)
        except (OSError, ValueError, KeyError):
            continue  # just taken away, or none that we could judge: Pulumi's own words are all there is
        if is_dead:
            return who
    return ""


def _owner(file: Path) -> tuple[str, bool]:
    """Whose lock it is in words, and whether that one was on this computer and is dead."""
    owner = json.loads(file.read_text(encoding="utf-8"))
    who = f"process {owner['pid']} on {owner['hostname']}, since {owner['timestamp']}"
    return who, owner["hostname"] == socket.gethostname() and not _lives(int(owner["pid"]))


def end_orphaned_plugins() -> None:
    """Ends plugins whose engine is dead. They go on with what they were asked for last, and nobody would ever know
    what they made."""
    for pid, parent in _plugins():
        if _is_orphan(pid, parent):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            print(f"ended plugin process {pid}: its engine is dead", flush=True)
            while Path(f"/proc/{pid}/exe").exists() and _is_plugin(pid):
                time.sleep(0.01)


def _is_orphan(pid: int, parent: int) -> bool:
    """Whether the plugin's parent is only who takes in the children of the dead, and not another program that started it:
    a parent outside of this process's view lives, and what one starts shares its session."""
    if parent == 0 or _lives(parent):
        return False
    try:
        return parent == 1 or os.getsid(pid) != os.getsid(parent)
    except ProcessLookupError:
        return True  # one of them has just ended


def _plugins() -> list[tuple[int, int]]:
    """Every plugin of this project's PULUMI_HOME that runs, with its parent's process id."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        pid = int(status.parent.name)
        if _is_plugin(pid):
            with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
                lines = status.read_text(encoding="utf-8").splitlines()
                words = dict(line.split(":", 1) for line in lines if ":" in line)
                found.append((pid, int(words["PPid"])))
    return found


def _is_plugin(pid: int) -> bool:
    try:
        program = os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return False  # ended, or a process of the kernel's
    return program.startswith(f"{os.environ['PULUMI_HOME']}/plugins/")


def _lock_files(stack: str, project: str = "*") -> list[Path]:
    backend = urlparse(os.environ.get("PULUMI_BACKEND_URL", ""))
    if backend.scheme != "file":
        return []
    folder = Path(unquote(backend.path)) / ".pulumi" / "locks"
    return sorted(folder.glob(f"*/{project}/{stack}/*.json")) if folder.is_dir() else []


def _lives(pid: int) -> bool:
    """A number that was given to another program since does not count as alive, nor does a dead one whose parent has not
    asked yet how it ended."""
    try:
        name, _, state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return "pulumi" in name and state.split()[0] not in ("Z", "X")
