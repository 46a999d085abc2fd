"""A real OpenSSH server on loopback, with keys of its own, for the time of a test.

Knows how to have and to run sshd without touching the computer's own ssh. Refuses to know what is tested.

Installing openssh-server would start a server for the whole world on the operator's computer, so where there is none
its packages are unpacked beside the caches. It runs in a mount namespace, because it wants /run/sshd and a user `sshd`.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from computer import places

READY_SECONDS = 20.0
IN_NAMESPACE = """
mount -t tmpfs none /run && mkdir /run/sshd && mount --bind "$1" /etc/passwd && exec "$2" -D -e -f "$3"
"""
CONFIG = """
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host
HostKey {folder}/other
AuthorizedKeysFile {folder}/authorized
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
AcceptEnv ACCEPTED_* PULUMI_COMMAND_STDOUT
Subsystem sftp internal-sftp
"""


class Unavailable(Exception):
    """No sshd can be run here; the message says why."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, and what a client needs."""

    port: int
    user: str
    private_key: str
    encrypted_key: str
    passphrase: str
    host_key: str
    key_file: Path

    def connection(self, **changes: object) -> dict[str, object]:
        """The inputs of a connection to it, as pulumi-command names them."""
        given = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": self.user,
            "privateKey": self.private_key,
            "hostKey": self.host_key,
            "dialErrorLimit": 0,
        }
        return {name: value for name, value in (given | changes).items() if value is not None}


def free_port() -> int:
    """A port on loopback that nothing listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """A server of its own for the time of a block."""
    server = prepare(folder, free_port())
    with serving(server, folder):
        yield server


@contextmanager
def serving(server: Server, folder: Path) -> Iterator[None]:
    """Serve what was prepared in a folder."""
    program, libraries = _program()
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", IN_NAMESPACE]
    environment = {**os.environ, "LD_LIBRARY_PATH": libraries}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, "sshd", str(folder / "passwd"), str(program), str(folder / "config")],
            env=environment,
            stderr=log,
        )
        try:
            _await(server.port, process, folder / "log")
            yield
        finally:
            process.terminate()
            process.wait()


def prepare(folder: Path, port: int) -> Server:
    """Keys and configuration of a server that is to be."""
    passphrase = "open sesame"
    for name, protection in (("host", ""), ("client", ""), ("encrypted", passphrase)):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", protection, "-C", name, "-f", str(folder / name)]
        subprocess.run(command, check=True)
    # As on a machine that was installed: clients that are not told which key to ask for prefer this one.
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(folder / "other")], check=True)
    keys = [(folder / f"{name}.pub").read_text() for name in ("client", "encrypted")]
    (folder / "authorized").write_text("".join(keys))
    passwd = Path("/etc/passwd").read_text()
    if not any(line.startswith("sshd:") for line in passwd.splitlines()):
        passwd += "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n"
    (folder / "passwd").write_text(passwd)
    (folder / "config").write_text(CONFIG.format(port=port, folder=folder))
    return Server(
        port=port,
        user="root",
        private_key=(folder / "client").read_text(),
        encrypted_key=(folder / "encrypted").read_text(),
        passphrase=passphrase,
        host_key=(folder / "host.pub").read_text().strip(),
        key_file=folder / "client",
    )


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise Unavailable(f"sshd does not listen on port {port}: {log.read_text().strip()}")


def _program() -> tuple[Path, str]:
    """The server and where its libraries are."""
    if os.geteuid() != 0:
        raise Unavailable("a mount namespace for sshd needs root")
    installed = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if installed:
        return Path(installed), ""
    unpacked = places.cache() / "conformance" / "sshd"
    if not unpacked.is_dir():
        _unpack(unpacked)
    libraries = {str(library.parent) for library in unpacked.rglob("*.so*")}
    return unpacked / "usr" / "sbin" / "sshd", ":".join(sorted(libraries))


def _unpack(destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent) as temporary:
        archives, whole = Path(temporary, "archives"), Path(temporary, "whole")
        (archives / "partial").mkdir(parents=True)
        options = ["-q", "-y", "--no-install-recommends", "--download-only", "-o", f"Dir::Cache::archives={archives}"]
        done = subprocess.run(["apt-get", *options, "install", "openssh-server"], capture_output=True, text=True)
        packages = list(archives.glob("*.deb"))
        if done.returncode != 0 or not packages:
            raise Unavailable(f"no sshd here, and apt does not fetch openssh-server: {done.stderr.strip()}")
        for package in packages:
            subprocess.run(["dpkg", "--extract", str(package), str(whole)], check=True)
        whole.rename(destination)
