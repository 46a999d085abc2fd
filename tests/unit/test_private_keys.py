"""Key files are judged before any machine is spoken to."""

import subprocess
from pathlib import Path

import asyncssh
import pytest

from model.errors import Problem
from model.settings import Settings, read
from operations import private_keys

HOST_KEY = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()


def settings(key: Path) -> Settings:
    node = {"name": "a", "id": 1, "address": "192.0.2.1", "privateKeyFile": str(key), "hostKey": HOST_KEY}
    return read({"platform": "hosts", "nodes": [node]})


def told(key: Path) -> list[Problem]:
    return list(private_keys.unusable(settings(key)))


def test_a_key_that_can_be_used_is_no_problem(tmp_path: Path) -> None:
    file = tmp_path / "key"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(file)
    assert not told(file)


@pytest.mark.parametrize("content", [None, "no key at all\n"], ids=["missing", "not a key"])
def test_a_key_file_that_can_not_be_used_is_told_in_words(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_text(content)
    (problem,) = told(file)
    assert problem.key == "nodes[a].privateKeyFile", "whoever reads it must know which key of the configuration"
    assert problem.got == str(file)


def test_a_key_with_a_passphrase_is_told_in_words(tmp_path: Path) -> None:
    file = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "nobody could type it", "-f", str(file)], check=True)
    assert "passphrase" in str(told(file)[0]), "nobody can type a passphrase during an `up`"
