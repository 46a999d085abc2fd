"""An OpenSSH configuration that reaches planned machines, and believes no host key but the planned ones.

Knows ssh_config. Refuses to know what is asked of the machines.
"""

import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from model.handover import Access, Login

_JUMP = "-jump"
_END_SECONDS = 30


@contextmanager
def configuration(accesses: Iterable[Access], patience: int) -> Iterator[Path]:
    """The path of a configuration for these accesses, as long as it is needed: neither keys nor connections outlive it."""
    # Not pytest's own folder, whose path is too long for the sockets of the kept connections.
    with tempfile.TemporaryDirectory(prefix="live-") as folder:
        config = Path(folder) / "ssh_config"
        _write(config, accesses, patience)
        try:
            yield config
        finally:
            _end_connections(config)


def _write(config: Path, accesses: Iterable[Access], patience: int) -> None:
    folder = config.parent
    blocks = []
    for access in accesses:
        jump = f"{access.name}{_JUMP}" if access.jump_host else ""
        if access.jump_host:
            blocks.append(_block(folder, jump, access.jump_host, patience))
        blocks.append(_block(folder, access.name, access, patience, jump))
    config.write_text("".join(blocks), encoding="utf-8")


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


def _end_connections(config: Path) -> None:
    """Ends the kept connections, those to jump hosts last. One that was never opened is as good as ended."""
    hosts = [line.split()[1] for line in config.read_text(encoding="utf-8").splitlines() if line.startswith("Host ")]
    for name in sorted(hosts, key=lambda name: name.endswith(_JUMP)):
        subprocess.run(["ssh", "-F", config, "-O", "exit", name], capture_output=True, check=False)
    # A connection answers that it ends, and then removes its socket: whoever removes the folder has to come later.
    late = time.monotonic() + _END_SECONDS
    while left := [path.name for path in config.parent.iterdir() if path.is_socket()]:
        if time.monotonic() > late:
            raise TimeoutError(f"ssh connections that did not end within {_END_SECONDS} s: {', '.join(left)}")
        time.sleep(0.02)
