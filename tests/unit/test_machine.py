"""What a command on a machine came to is told as it was: by a real ssh server here, whose commands end as the tests say."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncssh
import pytest

from model.handover import Access
from operations.machine import StageFailed, Unreachable, connect

KEY, HOST_KEY = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
REFUSED = "sudo: a password is required"
# Nothing, what a channel takes at once, and more than it takes without the other side's word.
INPUTS = ("", "x", "x" * 5_000_000)

Process = asyncssh.SSHServerProcess[str]


class Door(asyncssh.SSHServer):
    """Lets the one key in."""

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return key == KEY.convert_to_public()


def ran(program: Callable[[Process], Any], stdin: str) -> str:
    """What a command printed whose program is this one."""

    async def run() -> str:
        server = await asyncssh.listen(
            "127.0.0.1", 0, server_factory=Door, server_host_keys=[HOST_KEY], process_factory=program
        )
        async with server:
            access = Access(
                name="n1",
                address="127.0.0.1",
                port=server.get_port(),
                user="kafka",
                host_key=HOST_KEY.export_public_key().decode(),
                private_key=KEY.export_private_key().decode(),
            )
            async with connect(access) as machine:
                said = await machine.run("sudo -n true", stdin)
        return said

    return asyncio.run(asyncio.wait_for(run(), 20))


def refuses(process: Process) -> None:
    process.stderr.write(f"{REFUSED}\n")
    process.exit(1)


def is_killed(process: Process) -> None:
    process.stdout.write("half of it")
    process.exit_with_signal("KILL")


def is_killed_silently(process: Process) -> None:
    process.exit_with_signal("KILL")


def loses_its_machine(process: Process) -> None:
    process.stdout.write("half of it")
    process.get_extra_info("connection").abort()


async def counts(process: Process) -> None:
    process.stdout.write(str(len(await process.stdin.read())))
    process.exit(0)


@pytest.mark.parametrize("stdin", INPUTS, ids=len)
def test_a_program_that_ends_before_it_reads_is_quoted(stdin: str) -> None:
    with pytest.raises(StageFailed, match=REFUSED):
        ran(refuses, stdin)  # "the connection was cut" instead sends the user to the network


@pytest.mark.parametrize("stdin", INPUTS, ids=len)
def test_a_program_that_is_killed_has_failed(stdin: str) -> None:
    with pytest.raises(StageFailed, match="half of it"):
        ran(is_killed, stdin)
    with pytest.raises(StageFailed, match="n1: `sudo -n true` ended with -9"):
        ran(is_killed_silently, stdin)


@pytest.mark.parametrize("stdin", INPUTS, ids=len)
def test_a_connection_that_is_cut_meanwhile_says_nothing_of_the_program(stdin: str) -> None:
    with pytest.raises(Unreachable, match="n1: the connection was cut"):
        ran(loses_its_machine, stdin)  # a failure instead would end a stop that goes on there


@pytest.mark.parametrize("stdin", INPUTS, ids=len)
def test_a_program_gets_all_of_its_input_and_the_end_of_it(stdin: str) -> None:
    assert ran(counts, stdin) == str(len(stdin))
