"""How the operator's computer reaches the ports of nodes: directly, or through the jump host that a node has.

Knows as much of SOCKS5 (RFC 1928, RFC 1929) as Kafka's client speaks. Refuses to know what is said on a connection.
"""

import asyncio
import hmac
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from model.handover import Login
from model.logins import JumpSettings

if TYPE_CHECKING:
    from model.settings import NodeSettings
    from operations.jump import Jump

_LOOPBACK = "127.0.0.1"
_PASSWORD_WANTED, _WELCOME = b"\x05\x02", b"\x01\x00"
_GRANTED, _REFUSED = b"\x05\x00\x00\x01" + bytes(6), b"\x05\x05\x00\x01" + bytes(6)
_CHUNK = 65536


class Ways:
    """The ways to a cluster's nodes, for as long as one run lasts. `jumps`: the jump hosts of the nodes that have one, by
    the node's address; each is logged in to once, when it is first needed."""

    proxy: str | None = None
    """What a Kafka client has to be told so that it goes these ways; None where all of them are direct"""

    def __init__(self, jumps: Mapping[str, Login], patience: int = 1) -> None:
        self._logins = jumps
        self._patience = patience
        self._jumps: dict[str, Jump] = {}
        self._served: set[asyncio.Task[None]] = set()
        # Loopback is everybody's on this computer, and only who runs this may pass through the jump host.
        self._password = secrets.token_hex(16)

    async def __aenter__(self) -> Self:
        if self._logins:
            from operations.jump import Jump  # most clusters have no jump host, and asyncssh takes long to load

            made = {login: Jump(login, self._patience) for login in self._logins.values()}
            self._jumps = {address: made[login] for address, login in self._logins.items()}
            self._server = await asyncio.start_server(self._accept, _LOOPBACK, 0)
            port = self._server.sockets[0].getsockname()[1]
            self.proxy = f"socks5://kafka:{self._password}@{_LOOPBACK}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._jumps:
            self._server.close()
            for task in self._served:
                task.cancel()
            await asyncio.gather(*self._served, return_exceptions=True)
            for jump in set(self._jumps.values()):
                jump.close()

    async def open_connection(self, address: str, port: int) -> tuple[Any, Any]:
        """A connection to a node's port, as asyncio's. Raises OSError."""
        if address in self._jumps:
            return await self._jumps[address].open_connection(address, port)
        return await asyncio.open_connection(address, port)

    async def probe(self, address: str, port: int, limit: float, question: bytes = b"") -> str:
        """Why a node's port can't be reached within `limit` seconds, or the question there gets no answer; nothing where it
        can. (For a process that hangs the kernel takes connections all the same.)"""
        try:
            answered = await asyncio.wait_for(self._answers(address, port, question), limit)
        except OSError as error:
            return str(error) or f"{address}:{port}: no answer within {limit:.0f} s"
        return "" if answered else f"{address}:{port}: the connection was closed without an answer"

    async def _answers(self, address: str, port: int, question: bytes) -> bool:
        reader, writer = await self.open_connection(address, port)
        try:
            if not question:
                return True
            writer.write(question)
            return bool(await reader.read(1))
        finally:
            writer.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._served.add(task)
        task.add_done_callback(self._served.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a Kafka client."""
        try:
            if not await self._is_ours(reader, writer):
                return
            await reader.readexactly(4)  # that it wants to connect, and to an IPv4 address, as nodes have no other
            address = ".".join(map(str, await reader.readexactly(4)))
            port = int.from_bytes(await reader.readexactly(2), "big")
            there = await self.open_connection(address, port)
            writer.write(_GRANTED)
            await _join((reader, writer), there)
        except OSError:
            writer.write(_REFUSED)
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()

    async def _is_ours(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the client has the password, which Kafka's always sends when it has one."""
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(_PASSWORD_WANTED)
        _, length = await reader.readexactly(2)
        await reader.readexactly(length)
        (length,) = await reader.readexactly(1)
        known = hmac.compare_digest(await reader.readexactly(length), self._password.encode())
        writer.write(_WELCOME if known else b"\x01\x01")
        return known


# The ways where no node has a jump host.
DIRECT = Ways({})


def login(settings: "NodeSettings | JumpSettings") -> Login:
    """The login that the settings describe, with the key that its file holds."""
    return Login(
        address=settings.address,
        port=settings.port,
        user=settings.user,
        host_key=settings.host_key,
        private_key=Path(settings.private_key_file).expanduser().read_text(encoding="utf-8"),
    )


def logins(jump_hosts: Mapping[str, JumpSettings]) -> dict[str, Login]:
    """The same of many, by what they are known by."""
    return {address: login(jump) for address, jump in jump_hosts.items()}


async def _join(one: tuple[Any, Any], other: tuple[Any, Any]) -> None:
    """Hands on what comes at either end until one of them ends."""
    both = [asyncio.ensure_future(_hand_on(one[0], other[1])), asyncio.ensure_future(_hand_on(other[0], one[1]))]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in both:
            each.cancel()
        await asyncio.gather(*both, return_exceptions=True)
        other[1].close()


async def _hand_on(reader: Any, writer: Any) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
