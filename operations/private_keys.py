"""The private keys that existing machines are reached with, as files on the operator's computer.

Reads them only. Refuses to speak to a machine, and to know whether one lets a key in.
"""

from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

from model import monitor
from model.errors import Problem
from model.settings import Settings


def unusable(settings: Settings) -> Iterator[Problem]:
    """What is wrong with a key file, told before any machine is spoken to."""
    machines = [(f"nodes[{node.name}]", node) for node in settings.nodes]
    if settings.metrics.monitor:
        machines.append(("metrics.monitor", monitor.entry(settings.metrics.monitor)))
    for place, machine in machines:
        for where, login in ((place, machine), (f"{place}.jumpHost", machine.jump_host)):
            if login is None:
                continue
            try:
                _open(Path(login.private_key_file).expanduser().read_bytes())
            except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
                expected = f"the path of a private key without a passphrase ({error})"
                example = "privateKeyFile: ~/.ssh/id_ed25519"
                yield Problem(f"{where}.privateKeyFile", login.private_key_file, expected, example)


def _open(text: bytes) -> None:
    """Raises what is wrong with a private key. By the library that asyncssh itself asks: loading all of asyncssh would be
    a tenth of an `up` that has nothing to do."""
    opened = load_ssh_private_key if b"BEGIN OPENSSH PRIVATE KEY" in text else load_pem_private_key
    opened(text, password=None)
