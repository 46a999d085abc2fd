"""Opens an ssh session on a node, with OpenSSH and with the planned host key only.

The key lies in the state; it is written to a folder of its own for as long as the session lasts.
"""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from model import handover
from model.handover import Access, Handover, Login
from operations import stack_state
from operations.refusal import Refusal

# A machine that is gone would be waited for until the kernel gives up, which takes minutes.
_CONNECT_SECONDS = 10


class NoSuchNode(Refusal):
    """The stack has no node of that name, or is not up."""


def selected_stack() -> str:
    """The name of the stack that `pulumi stack select` chose."""
    done = stack_state.ask_pulumi("stack", "--show-name")
    if done.returncode != 0:
        raise NoSuchNode(f"no stack is selected. {done.stderr.strip()}")
    return done.stdout.strip()


def handed_over(stack: str) -> Handover:
    """What a stack handed over when it was brought up."""
    return state(stack)[1]


def state(stack: str) -> tuple[list[dict[str, Any]], Handover]:
    """A stack's resources, secrets in plain text, and what it handed over when it was brought up."""
    resources = stack_state.resources(stack, secrets=True)
    try:
        found = handover.find(resources)
    except ValidationError:
        raise NoSuchNode(
            f"the stack {stack} was brought up by another version of this package; `pulumi up` first"
        ) from None
    if found is None:
        raise NoSuchNode(f"the stack {stack} was never up; `pulumi up` first")
    return resources, found


def open_shell(stack: str, name: str, command: list[str]) -> int:
    """Runs a command on a stack's node or on what watches them, or a login shell when there is none; its exit status."""
    resources, planned = state(stack)
    watcher = handover.watcher(resources)
    known = {access.name: access for access in (*(node.access for node in planned.nodes), watcher) if access}
    if name not in known:
        raise NoSuchNode(f"got {name!r}, expected one of {', '.join(known)}")
    with tempfile.TemporaryDirectory(prefix="kafka-cluster-ssh-") as folder:
        config = write_config(Path(folder), known[name], planned.patience)
        return subprocess.run(["ssh", "-F", str(config), name, *command]).returncode


def write_config(folder: Path, access: Access, patience: int) -> Path:
    """An OpenSSH configuration for a machine in a folder that only its owner can read; its path."""
    most = f"  ConnectTimeout {_CONNECT_SECONDS * patience}\n"
    sections, jump = [], f"{access.name}-jump"
    if access.jump_host:
        sections.append(_section(folder, jump, access.jump_host, most))
    way = f"  ProxyJump {jump}\n" if access.jump_host else ""
    sections.append(_section(folder, access.name, access, most + way))
    logins = [login for login in (access, access.jump_host) if login]
    (folder / "known_hosts").write_text("".join(f"{_known_as(login)} {login.host_key}\n" for login in logins))
    config = folder / "config"
    config.write_text("".join(sections))
    return config


def _known_as(login: Login) -> str:
    """OpenSSH names a port in known_hosts only when it is not 22."""
    return login.address if login.port == 22 else f"[{login.address}]:{login.port}"


def _section(folder: Path, alias: str, login: Login, more: str) -> str:
    key = folder / f"{alias}.key"
    key.touch(mode=0o600)
    key.write_text(login.private_key)
    return (
        f"Host {alias}\n  HostName {login.address}\n  Port {login.port}\n  User {login.user}\n"
        f"  IdentityFile {key}\n  IdentitiesOnly yes\n  UserKnownHostsFile {folder / 'known_hosts'}\n"
        f"  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n  LogLevel ERROR\n{more}"
    )
