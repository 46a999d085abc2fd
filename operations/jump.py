"""A jump host: a machine that is logged in to only to reach others behind it.

Knows asyncssh. Refuses to know which ports are asked for, and who asks.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import asyncssh

from model.handover import Login
from operations.machine import dial


class Jump:
    """One jump host, logged in to when a connection through it is first wanted, and again when that login was lost."""

    def __init__(self, login: Login, patience: int) -> None:
        self._login = login
        self._patience = patience
        self._dialled: asyncio.Task[asyncssh.SSHClientConnection] | None = None

    async def open_connection(self, address: str, port: int) -> tuple[Any, Any]:
        """A connection from the jump host on. Raises OSError, also where that ends later, whichever does not answer."""
        with self._told(address, port):
            # Whoever gives up does so for itself: others wait for the same login.
            connection = await asyncio.shield(self._connection())
            reader, writer = await connection.open_connection(address, port, encoding=None)
        return _Reader(reader, lambda: self._told(address, port)), writer

    @contextmanager
    def _told(self, address: str, port: int) -> Iterator[None]:
        try:
            yield
        except (OSError, asyncssh.Error) as error:
            words = str(error) or type(error).__name__
            raise ConnectionError(f"{address}:{port} through the jump host {self._login.address}: {words}") from error

    def _connection(self) -> asyncio.Task[asyncssh.SSHClientConnection]:
        if self._dialled is None or self._is_lost(self._dialled):
            self._dialled = asyncio.ensure_future(dial(self._login, self._patience))
        return self._dialled

    @staticmethod
    def _is_lost(dialled: asyncio.Task[asyncssh.SSHClientConnection]) -> bool:
        return dialled.done() and (dialled.exception() is not None or dialled.result().is_closed())

    def close(self) -> None:
        """Ends the login at once: nobody may be there any more to hear of it."""
        if self._dialled is None:
            return
        if not self._dialled.done():
            self._dialled.cancel()
        elif self._dialled.exception() is None:
            self._dialled.result().abort()


class _Reader:
    """What comes through a jump host, read as from asyncio's reader: the end of that login, too, is an OSError."""

    def __init__(self, reader: Any, told: Callable[[], AbstractContextManager[None]]) -> None:
        self._reader, self._told = reader, told

    async def read(self, most: int) -> Any:
        with self._told():
            return await self._reader.read(most)
