"""How machines that are there already are logged in to, by the configuration's keys.

Knows what a login has to say. Refuses to know what a machine is for.
"""

import re
from collections.abc import Iterator
from typing import Protocol

from pydantic import Field

from model.errors import Problem
from model.shapes import Shape

_HOST_KEY = re.compile(r"(ssh|ecdsa|sk)-\S+ [A-Za-z0-9+/=]+( .*)?")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")


class JumpSettings(Shape):
    """A machine that has to be passed through on the way to another one."""

    address: str
    user: str = "admin"
    port: int = Field(default=22, ge=1, le=65535)
    private_key_file: str
    host_key: str


class Login(Protocol):
    """What every login has."""

    @property
    def user(self) -> str: ...
    @property
    def private_key_file(self) -> str: ...
    @property
    def host_key(self) -> str: ...


def login_faults(where: str, login: Login) -> Iterator[Problem]:
    """What is wrong with a login; `where` are its keys."""
    if not _USER.fullmatch(login.user):
        yield Problem(f"{where}.user", login.user, "a user name of the machine", "user: admin")
    if not login.private_key_file:
        expected = "the path of the private key that opens the machine"
        yield Problem(f"{where}.privateKeyFile", "", expected, "privateKeyFile: ~/.ssh/id_ed25519")
    if not _HOST_KEY.fullmatch(login.host_key):
        expected = "the machine's public host key, as ssh-keyscan prints it behind the address"
        yield Problem(f"{where}.hostKey", login.host_key, expected, "hostKey: ssh-ed25519 AAAA…")
