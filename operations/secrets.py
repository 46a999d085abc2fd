"""Key pairs and cluster ids, made once and then kept by whoever asked (the state, as a secret)."""

import json
import secrets

from model import cluster_id


def key_pair(comment: str) -> dict[str, str]:
    """A fresh ed25519 pair in OpenSSH's formats."""
    import asyncssh  # takes most of the time of whoever asks for a cluster id only

    key = asyncssh.generate_private_key("ssh-ed25519", comment=comment)
    return {
        "private": key.export_private_key().decode(),
        "public": key.export_public_key().decode().strip(),
    }


def print_keys(names: list[str]) -> None:
    """Prints a pair for each name, as JSON."""
    print(json.dumps({name: key_pair(name) for name in names}))


def new_cluster_id() -> str:
    """A random cluster id that a command line can't mistake for an option."""
    while True:
        made = cluster_id.from_bytes(secrets.token_bytes(16))
        if made:
            return made
