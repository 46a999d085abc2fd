"""Pulumi's own verbs, without `make`: says what stands in their way before Pulumi starts, in words that help, and then
becomes Pulumi, in the lab's network where the machines are.

Knows how Pulumi finds its project and its stack. Refuses to mend anything: `make` does (toolchain/stack.py).

    python -m toolchain.bare PROGRAM ARGUMENT…
"""

import hashlib
import json
import os
import re
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import __main__ as lab_door
from lab.libvirt import Libvirt
from operations import stack_state
from toolchain import locks

# What asks the hypervisor; the first takes no lock, so nobody's is in its way.
ASKING = ("preview", "up", "update", "refresh", "destroy")
LOCKING = ASKING[1:]

# Pulumi's options that come before a verb and are followed by a value.
_FOLLOWED = ("--color", "--memprofilerate", "--otel-traces", "--profiling", "--tracing", "--verbose", "-v")
_FOLDER, _STACK = ("--cwd", "-C"), ("--stack", "-s")
_NAME = re.compile(r"^name:\s*['\"]?([^\s'\"#]+)", re.MULTILINE)


class InTheWay(Exception):
    """Pulumi would fail, and not say what helps."""


@dataclass(frozen=True)
class Asked:
    """What a command line asks Pulumi for; empty is what it leaves to Pulumi."""

    verb: str = ""
    stack: str = ""
    folder: str = ""


def read(arguments: Sequence[str]) -> Asked:
    """The verb, the stack and the folder that the arguments name."""
    found = {"verb": "", "stack": "", "folder": ""}
    words = iter(arguments)
    for word in words:
        option, has_value, value = word.partition("=")
        if option in (*_FOLDER, *_STACK, *_FOLLOWED):
            given = value if has_value else next(words, "")
            found |= {"folder": given} if option in _FOLDER else {"stack": given} if option in _STACK else {}
        elif not found["verb"] and not word.startswith("-"):
            found["verb"] = word
    return Asked(**found)


def selected(asked: Asked) -> tuple[str, str] | None:
    """The project and the stack that Pulumi would take; None where it would take none."""
    folder = _folder(asked)
    file = next((each / "Pulumi.yaml" for each in (folder, *folder.parents) if (each / "Pulumi.yaml").is_file()), None)
    name = _NAME.search(file.read_text(encoding="utf-8")) if file else None
    if not file or not name:
        return None
    stack = asked.stack or os.environ.get("PULUMI_STACK") or _chosen(name[1], file)
    return (name[1], stack.rpartition("/")[2]) if stack else None


def _folder(asked: Asked) -> Path:
    """Where Pulumi starts to look, spelled as Pulumi does: by a shell's own words for it, unless it is told to go there."""
    here, spelled = Path.cwd(), Path(os.environ.get("PWD") or ".")
    if asked.folder:
        return Path(asked.folder).resolve()
    return spelled if spelled.is_absolute() and spelled.exists() and spelled.samefile(here) else here


def _chosen(project: str, file: Path) -> str:
    """What `pulumi stack select` chose last for the project whose file that is."""
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    name = f"{project}-{hashlib.sha1(str(file).encode(), usedforsecurity=False).hexdigest()}-workspace.json"
    try:
        return str(json.loads((home / "workspaces" / name).read_text(encoding="utf-8")).get("stack") or "")
    except (OSError, ValueError):
        return ""


def hypervisor(project: str, stack: str) -> str:
    """The address of the libvirt that the stack's machines are on, as its state says; nothing where it says none."""
    for one in stack_state.of_file_backend(f"organization/{project}/{stack}") or ():
        if one.get("urn", "").endswith("::site-hypervisor"):
            return str(one.get("inputs", {}).get("uri", ""))
    return ""


def _is_of(lab: Libvirt, uri: str) -> bool:
    return f"socket={lab.socket}" in uri


def judge(asked: Asked, project: str, stack: str, lab: Libvirt, uri: str) -> None:
    """Raises InTheWay with what stands in the verb's way. `uri` is where the stack's machines are."""
    verb = "destroy" if asked.verb == "destroy" else "up"
    if asked.verb in LOCKING and (owner := locks.dead(project, stack)):
        raise InTheWay(
            f"an earlier run on stack {stack} was killed and left its lock ({owner}). `make {verb} STACK={stack}` clears"
            f" it, and what else that run left, and goes on; `pulumi cancel {stack}` takes only the lock away"
        )
    if _is_of(lab, uri) and not lab.namespace.processes(("libvirtd",)):
        raise InTheWay(
            f"the machines of stack {stack} live in the embedded lab {lab.namespace.name}, which is down, as it is after a"
            f" reboot. `make {verb} STACK={stack}` starts it and goes on; `python -m lab up` only starts it"
        )


def forget_dead_agent() -> None:
    """Takes the address of an ssh agent away that nobody listens at, as a session that ended leaves it: every stage would
    fail on it, although it has a key of its own."""
    with socket.socket(socket.AF_UNIX) as agent:
        try:
            agent.connect(os.environ.get("SSH_AUTH_SOCK", ""))
        except OSError:
            os.environ.pop("SSH_AUTH_SOCK", None)


def main(program: str, *arguments: str) -> int:
    """Becomes Pulumi, or says why not."""
    forget_dead_agent()
    asked = read(arguments)
    found = selected(asked) if asked.verb in ASKING else None
    if found:
        lab, uri = Libvirt(os.environ.get("KAFKA_CLUSTER_LAB") or "dev"), hypervisor(*found)
        try:
            judge(asked, *found, lab, uri)
        except InTheWay as obstacle:
            print(f"pulumi {asked.verb}: {obstacle}", file=sys.stderr)
            return 1
        if uri and not _is_of(lab, uri):
            # In the lab, libvirt's own socket is the lab's: a refresh would find no machine there, and forget all.
            os.execv(program, [program, *arguments])
    return lab_door.main(["run", "--or-outside", "--", program, *arguments])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
