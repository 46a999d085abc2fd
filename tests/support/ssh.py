"""An OpenSSH configuration that reaches planned machines, and believes no host key but the planned ones.

Knows ssh_config. Refuses to know what is asked of the machines.
"""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from model.handover import Access, Login


def write_config(folder: Path, accesses: Iterable[Access], patience: int) -> Path:
    """Writes configuration, keys and host keys into `folder`, which nobody else may read. Its path has to be short: the
    sockets of the kept connections lie in it, too."""
    folder.chmod(0o700)
    config = folder / "ssh_config"
    blocks = []
    for access in accesses:
        jump = f"{access.name}-jump" if access.jump_host else ""
        if access.jump_host:
            blocks.append(_block(folder, jump, access.jump_host, patience))
        blocks.append(_block(folder, access.name, access, patience, jump))
    config.write_text("".join(blocks), encoding="utf-8")
    return config


def _block(folder: Path, name: str, login: Login, patience: int, jump: str = "") -> str:
    key, known = folder / f"{name}.key", folder / f"{name}.known"
    key.touch(mode=0o600)
    key.write_text(login.private_key, encoding="utf-8")
    known.write_text(f"{name} {login.host_key}\n", encoding="utf-8")
    options = {
        "HostName": login.address,
        "Port": login.port,
        "User": login.user,
        "HostKeyAlias": name,
        "IdentityFile": key,
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "UserKnownHostsFile": known,
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "BatchMode": "yes",
        "LogLevel": "ERROR",
        # One connection for all questions. It ends by itself should nobody be left to end it.
        "ControlMaster": "auto",
        "ControlPath": folder / "%C",
        "ControlPersist": 60,
        "ServerAliveInterval": 5 * patience,
        "ProxyJump": jump or "none",
    }
    return f"Host {name}\n" + "".join(f"  {option} {value}\n" for option, value in options.items())


def end_connections(config: Path, names: Iterable[str]) -> None:
    """Ends the kept connections. One that was never opened is as good as ended."""
    for name in names:
        subprocess.run(["ssh", "-F", config, "-O", "exit", name], capture_output=True, check=False)
