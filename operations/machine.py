"""One machine, reached by ssh: connect, run a stage program, forward nothing.

Knows asyncssh. Keys and host keys stay in memory; only the planned host key is believed.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncssh

import files
from model import stages
from model.handover import Access, Login
from operations.wait import with_progress

_ASK_SECONDS = 120
_CONNECT_SECONDS = 10
_LOGIN_SECONDS = 20


class Unreachable(Exception):
    """A machine could not be spoken to."""


class HostKeyMismatch(Unreachable):
    """What answers at a machine's address has another host key."""


class StageFailed(Exception):
    """A program on a machine ended with an error; the text is what it printed last."""


class Machine:
    """An open connection to one machine."""

    def __init__(self, access: Access, connection: asyncssh.SSHClientConnection) -> None:
        self.access = access
        self._connection = connection

    async def run(self, command: str, stdin: str = "") -> str:
        """Runs a command and answers what it printed. StageFailed when it failed, Unreachable when nobody knows."""
        try:
            done = await self._ended(command, stdin)
        except (OSError, asyncssh.Error) as error:
            raise Unreachable(f"{self.access.name}: the connection was cut: {error}") from error
        if done.returncode is None:
            raise Unreachable(f"{self.access.name}: the connection was cut before `{command}` had ended")
        if done.returncode != 0:
            words = f"{done.stdout!s}\n{done.stderr!s}".strip().splitlines()[-25:]
            raise StageFailed("\n".join(words) or f"{self.access.name}: `{command}` ended with {done.returncode}")
        return str(done.stdout)

    async def _ended(self, command: str, stdin: str) -> asyncssh.SSHCompletedProcess:
        process = await self._connection.create_process(command)
        # A program that refuses before it reads, as sudo does, has told why: asyncssh's own `run` would forget that.
        with suppress(BrokenPipeError):
            process.stdin.write(stdin)
            process.stdin.write_eof()
        return await process.wait()

    async def stage(self, parts: tuple[str, ...], plan: dict[str, Any], lock_seconds: int = stages.LOCK_SECONDS) -> str:
        """Runs a stage program as root, under the machine's lock, which it waits for so long."""
        work = self.run(stages.command(lock_seconds=lock_seconds), stages.program(files.text, parts, plan))
        most = lock_seconds + stages.RUN_SECONDS
        return await with_progress(f"stage '{plan['stage']}' on {self.access.name}", work, limit=most)

    async def ask(self, parts: tuple[str, ...], plan: dict[str, Any]) -> Any:
        """Runs a program that changes nothing, and answers the JSON it printed. Takes no lock."""
        work = self.run(f"sudo -n timeout {_ASK_SECONDS} python3 -", stages.program(files.text, parts, plan))
        return json.loads(await with_progress(f"{self.access.name} to answer", work, limit=_ASK_SECONDS))


@asynccontextmanager
async def connect(access: Access, patience: int = 1) -> AsyncIterator[Machine]:
    """A connection that is closed behind the caller. Unreachable says which machine and why."""
    opened: list[asyncssh.SSHClientConnection] = []  # the machine's own before its jump host's
    try:
        try:
            if access.jump_host:
                opened.append(await _opened(access.name, access.jump_host, patience))
            opened.insert(0, await _opened(access.name, access, patience, *opened))
        except asyncssh.HostKeyNotVerifiable as error:
            raise HostKeyMismatch(
                f"{access.name} ({access.address}): answers with another host key: {error}"
            ) from error
        except (OSError, asyncssh.Error, TimeoutError) as error:
            words = str(error) or type(error).__name__
            raise Unreachable(f"{access.name} ({access.address}): no ssh: {words}") from error
        yield Machine(access, opened[0])
    except asyncio.CancelledError:
        # Who gives up does not wait until a machine that may be dead has heard of it.
        for each in opened:
            each.abort()
        raise
    finally:
        for each in opened:
            each.close()
            await asyncio.shield(each.wait_closed())


async def _opened(
    name: str, login: Login, patience: int, through: asyncssh.SSHClientConnection | None = None
) -> asyncssh.SSHClientConnection:
    most = (_CONNECT_SECONDS + _LOGIN_SECONDS) * patience
    return await with_progress(f"ssh on {login.address} for {name}", dial(login, patience, through), limit=most)


async def dial(
    login: Login, patience: int, through: asyncssh.SSHClientConnection | None = None
) -> asyncssh.SSHClientConnection:
    """A connection that believes the planned host key only, and nothing that the user's own ssh is set to."""
    return await asyncssh.connect(
        login.address,
        port=login.port,
        username=login.user,
        client_keys=[asyncssh.import_private_key(login.private_key)],
        known_hosts=([asyncssh.import_public_key(login.host_key)], [], []),
        agent_path=None,
        config=None,
        connect_timeout=_CONNECT_SECONDS * patience,
        login_timeout=_LOGIN_SECONDS * patience,
        keepalive_interval=15,
        tunnel=through or (),
    )
