"""Which stack a command line is about, and where the stack's machines are.

Knows how Pulumi finds its project and its stack. Reads files only: a state, a configuration, Pulumi's own notes.
"""

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.libvirt import Libvirt
from operations import stack_state

# Pulumi's options that come before a verb and are followed by a value.
_FOLLOWED = ("--color", "--memprofilerate", "--otel-traces", "--profiling", "--tracing", "--verbose", "-v")
_FOLDER, _STACK = ("--cwd", "-C"), ("--stack", "-s")
_NAME = re.compile(r"^name:\s*['\"]?([^\s'\"#]+)", re.MULTILINE)
_ALIASES = {"pre": "preview", "down": "destroy", "dn": "destroy"}
# What a configuration says of machines that the lab has not made.
_ON_HOSTS = re.compile(r"^\s+[\w-]+:platform:\s*[\"']?hosts\b", re.MULTILINE)
_LIBVIRT = re.compile(r"^\s+[\w-]+:libvirtUri:\s*[\"']?(?!auto\b)([^\s\"']+)", re.MULTILINE)
_UNPROTECTED = re.compile(r"^\s+[\w-]+:protectData:\s*[\"']?false\b", re.MULTILINE | re.IGNORECASE)
_IMAGE = re.compile(r"^\s+[\w-]+:image:[ \t]*[\"']?(?!auto[\"']?[ \t]*(?:#|$))[^\s\"'#]", re.MULTILINE)
# Where machines are that this package does not make.
ON_HOSTS = "hosts"
# The verb of ours whose second word is a machine; what follows is the machine's to read.
_FOR_A_MACHINE = "ssh"


@dataclass(frozen=True)
class Asked:
    """What a command line asks for; empty is what it leaves to Pulumi."""

    verb: str = ""
    stack: str = ""
    folder: str = ""


@dataclass(frozen=True)
class Selected:
    """A project and one of its stacks, and the folder of its Pulumi.yaml."""

    project: str
    stack: str
    folder: Path


def read(arguments: Sequence[str]) -> Asked:
    """The verb, the stack and the folder that the arguments name."""
    found = {"verb": "", "stack": "", "folder": ""}
    words = iter(arguments)
    for word in words:
        option, has_value, value = word.partition("=")
        if option in (*_FOLDER, *_STACK, *_FOLLOWED):
            given = value if has_value else next(words, "")
            found |= {"folder": given} if option in _FOLDER else {"stack": given} if option in _STACK else {}
        elif not word.startswith("-"):
            if found["verb"] == _FOR_A_MACHINE:
                break
            found["verb"] = found["verb"] or _ALIASES.get(word, word)
    return Asked(**found)


def selected(asked: Asked) -> Selected | None:
    """The project and the stack that Pulumi would take; None where it would take none."""
    below = _folder(asked)
    folder = next((each for each in (below, *below.parents) if (each / "Pulumi.yaml").is_file()), None)
    name = _NAME.search((folder / "Pulumi.yaml").read_text(encoding="utf-8")) if folder else None
    if not folder or not name:
        return None
    stack = asked.stack or os.environ.get("PULUMI_STACK") or _chosen(name[1], folder / "Pulumi.yaml")
    return Selected(name[1], stack.rpartition("/")[2], folder) if stack else None


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


def on_hosts(folder: Path, stack: str) -> bool:
    """Whether a stack's configuration says that its machines are there already."""
    return _ON_HOSTS.search(_configuration(folder, stack)) is not None


def names_image(folder: Path, stack: str) -> bool:
    """Whether a stack's configuration names a guest image of its own."""
    return _IMAGE.search(_configuration(folder, stack)) is not None


def is_to_protect(found: Selected) -> bool:
    """Whether a stack's configuration says that its data volumes are to be protected."""
    return _UNPROTECTED.search(_configuration(found.folder, found.stack)) is None


def whereabouts(found: Selected) -> str:
    """Where the stack's machines are, as its state says, or else its configuration: the address of their libvirt, or
    ON_HOSTS; nothing where neither says anything."""
    for one in stack_state.of_file_backend(f"organization/{found.project}/{found.stack}") or ():
        if one.get("urn", "").endswith("::site-hypervisor"):
            return str(one.get("inputs", {}).get("uri", ""))
        if one.get("inputs", {}).get("identity", {}).get("platform") == ON_HOSTS:
            return ON_HOSTS
    named = _LIBVIRT.search(_configuration(found.folder, found.stack))
    return named[1] if named else ON_HOSTS if on_hosts(found.folder, found.stack) else ""


def _configuration(folder: Path, stack: str) -> str:
    """Its text. It is not parsed: the set-up asks, too, before anything is there that could."""
    file = folder / f"Pulumi.{stack.rpartition('/')[2]}.yaml"
    return file.read_text(encoding="utf-8") if stack and file.is_file() else ""


def is_of(lab: Libvirt, where: str) -> bool:
    """Whether that is the lab's own libvirt."""
    return f"socket={lab.socket}" in where


def elsewhere(lab: Libvirt, where: str) -> bool:
    """Whether machines that are there are known not to be the lab's: from its network nobody reaches them, and its libvirt
    has none of them."""
    return bool(where) and not is_of(lab, where)
