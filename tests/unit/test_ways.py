"""Nodes behind a jump host are asked through it: by a real ssh server here, before addresses that nobody has."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import asyncssh
import pytest

from model.handover import Access, Login
from model.kafka_keys import Mode
from model.listeners import CLIENTS, ZOOKEEPER_CLIENT_PORT
from model.logins import JumpSettings
from model.topology import Cluster, Node
from operations.ensemble import ask_ensemble
from operations.foresight import interruptions
from operations.kafka_view import KafkaView
from operations.machine import Unreachable, connect
from operations.wait import until
from operations.ways import DIRECT, Ways

from .samples import cluster

API_VERSIONS = 18
SRVR = b"Zookeeper version: 3.8.2\nZxid: 0x10000002a\nMode: standalone\n"
KEY, HOST_KEY, ANOTHER = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(3))
KEY_TEXT = KEY.export_private_key().decode()  # another one each time


class JumpHost:
    """An ssh server that lets one key in, and on to those ports that somebody serves."""

    def __init__(self) -> None:
        self.served: dict[tuple[str, int], int] = {}
        self.asked: list[tuple[str, int]] = []
        self.logins: list[asyncssh.SSHServerConnection] = []
        self.port = 0

    def login(self, host_key: asyncssh.SSHKey = HOST_KEY) -> Login:
        return Login(
            address="127.0.0.1",
            port=self.port,
            user="gate",
            host_key=host_key.export_public_key().decode(),
            private_key=KEY_TEXT,
        )


class Door(asyncssh.SSHServer):
    """One login at a jump host."""

    def __init__(self, host: JumpHost) -> None:
        self._host = host

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._login = conn
        self._host.logins.append(conn)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == "gate" and key == KEY.convert_to_public()

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Any:
        self._host.asked.append((dest_host, dest_port))
        if (dest_host, dest_port) not in self._host.served:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "nobody listens there")
        return self._login.forward_connection("127.0.0.1", self._host.served[dest_host, dest_port])


@asynccontextmanager
async def jump_host() -> AsyncIterator[JumpHost]:
    host = JumpHost()
    server = await asyncssh.listen("127.0.0.1", 0, server_factory=lambda: Door(host), server_host_keys=[HOST_KEY])
    host.port = server.get_port()
    async with server:
        yield host


@asynccontextmanager
async def listener(say: Callable[[bytes], bytes] = lambda _: b"") -> AsyncIterator[tuple[int, list[bytes]]]:
    """A port, and what each connection to it said first; it is answered, and that is all."""
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(4096))
        writer.write(say(heard[-1]))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], heard


def behind(count: int, mode: Mode) -> tuple[Cluster, tuple[Node, ...]]:
    """A cluster at addresses that are kept for documents: nobody answers there."""
    nodes = tuple(
        replace(node, address=f"192.0.2.{number}") for number, node in enumerate(cluster(count, mode).nodes, 11)
    )
    return replace(cluster(count, mode), nodes=nodes), nodes


async def told(probes: Awaitable[list[str]]) -> str | None:
    return "; ".join(filter(None, await probes)) or None


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 30))


def test_a_member_of_the_ensemble_is_asked_through_its_jump_host() -> None:
    async def test() -> None:
        planned, (node,) = behind(1, Mode.ZOOKEEPER)
        async with jump_host() as host, listener(lambda _: SRVR) as (port, heard):
            host.served[node.address, ZOOKEEPER_CLIENT_PORT] = port
            async with Ways({node.address: host.login()}) as ways:
                found = (await KafkaView(planned, ways).sample()).ensemble
        assert found
        assert found.members == {node.id: "standalone"}, "behind a jump host nobody else can be asked"
        assert found.transactions == {node.id: 0x10000002A}
        assert heard == [b"srvr"]

    run(test)


def test_kafkas_client_goes_through_the_jump_host() -> None:
    async def test() -> None:
        planned, (node,) = behind(1, Mode.KRAFT)
        async with jump_host() as host, listener() as (port, heard):
            host.served[node.address, CLIENTS.port] = port
            async with Ways({node.address: host.login()}) as ways:
                view = KafkaView(planned, ways, answer_ms=5000)
                sample = await view.of_brokers()
                view.close()
        assert sample.faults[0].startswith("no broker answers"), "its port is open, and that is no broker"
        spoken = [words for words in heard if words]
        assert spoken, "the client has to come by the same way as the probe before it"
        assert int.from_bytes(spoken[0][4:6], "big") == API_VERSIONS, "what it says must arrive as it was said"
        assert set(host.asked) == {(node.address, CLIENTS.port)}

    run(test)


def test_a_broker_that_hangs_takes_connections_and_counts_as_none() -> None:
    async def test() -> None:
        shape, (node,) = behind(1, Mode.KRAFT)
        here = replace(node, address="127.0.0.1")
        shape = replace(shape, nodes=(here,))
        with socket.create_server(("127.0.0.1", CLIENTS.port)):
            wary, other = (KafkaView(shape, DIRECT, answer_ms=500, wary=wary) for wary in (True, False))
            assert (await wary.of_brokers()).not_listening == {node.id}, "a roll would take the next one down beside it"
            assert (await other.of_brokers()).not_listening == set()
            other.close()

    run(test)


def test_a_jump_host_is_logged_in_to_once_and_again_when_that_was_lost() -> None:
    async def test() -> None:
        _, nodes = behind(3, Mode.KRAFT)
        async with jump_host() as host, listener() as (port, _):
            host.served = {(node.address, CLIENTS.port): port for node in nodes}
            async with Ways({node.address: host.login() for node in nodes}) as ways:

                async def probes() -> list[str]:
                    return list(await asyncio.gather(*(ways.probe(n.address, CLIENTS.port, 5) for n in nodes)))

                assert await probes() == ["", "", ""]
                assert len(host.logins) == 1, "an sshd refuses those who come by the dozen"
                host.logins[0].abort()
                await host.logins[0].wait_closed()
                await until("a new login", lambda: told(probes()), limit=10)  # this end may not have heard yet
                assert len(host.logins) == 2, "a roll takes longer than many a connection lives"

    run(test)


def test_a_jump_host_that_ends_while_an_answer_is_awaited_is_a_way_that_is_closed() -> None:
    async def test() -> None:
        planned, (node,) = behind(1, Mode.ZOOKEEPER)
        over = asyncio.Event()
        hosts: list[JumpHost] = []

        async def end_it(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(4096)
            for login in hosts[0].logins:
                login.abort()
            await over.wait()
            writer.close()

        async with jump_host() as host, await asyncio.start_server(end_it, "127.0.0.1", 0) as server:
            hosts.append(host)
            for port in (CLIENTS.port, ZOOKEEPER_CLIENT_PORT):
                host.served[node.address, port] = server.sockets[0].getsockname()[1]
            async with Ways({node.address: host.login()}) as ways:
                said = await ways.probe(node.address, CLIENTS.port, 9, b"?")
                told = await ask_ensemble(planned, ways)
                over.set()
        assert "through the jump host 127.0.0.1: " in said, "a traceback instead would end the run, and its evidence"
        assert "through the jump host 127.0.0.1: " in told.members[node.id]

    run(test)


def test_nodes_have_ways_of_their_own() -> None:
    async def test() -> None:
        _, (first, second, *_) = behind(3, Mode.KRAFT)
        async with jump_host() as one, jump_host() as other, listener() as (port, _):
            one.served[first.address, CLIENTS.port] = other.served[second.address, CLIENTS.port] = port
            async with Ways({first.address: one.login(), second.address: other.login()}) as ways:
                probes = [await ways.probe(node.address, CLIENTS.port, 5) for node in (first, second)]
                direct = await ways.probe("127.0.0.1", port, 5)
        assert probes == ["", ""], "each through its own jump host"
        assert direct == "", "and a node without one directly"
        assert (len(one.asked), len(other.asked)) == (1, 1)

    run(test)


def test_why_a_jump_host_does_not_let_through_is_told() -> None:
    async def test() -> None:
        planned, (node,) = behind(1, Mode.KRAFT)
        async with jump_host() as host:
            for login, words in ((host.login(), "nobody listens there"), (host.login(ANOTHER), "Host key is not")):
                async with Ways({node.address: login}) as ways:
                    (fault,) = (await KafkaView(planned, ways).of_brokers()).faults
                assert fault.startswith(f"no broker listens: {node.address}:9092 through the jump host 127.0.0.1: ")
                assert words in fault, "a closed port and a jump host that is another one are mended differently"
        assert host.asked == [(node.address, CLIENTS.port)], "a stranger is told nothing"

    run(test)


def test_a_preview_asks_through_it_too(tmp_path: Path) -> None:
    async def test() -> None:
        planned, nodes = behind(3, Mode.KRAFT)
        key = tmp_path / "gate"
        key.write_text(KEY_TEXT)
        async with jump_host() as host:
            known = host.login().model_dump(exclude={"private_key"})
            jump = JumpSettings(**known, private_key_file=str(key))
            (said,) = await interruptions(planned, ["n1"], {node.address: jump for node in nodes}, None)
        assert "through the jump host 127.0.0.1: nobody listens there" in said, "else it would be told nothing for ever"
        assert set(host.asked) == {(node.address, CLIENTS.port) for node in nodes}

    run(test)


def test_a_jump_host_that_says_nothing_is_not_waited_for() -> None:
    async def test() -> None:
        _, (node,) = behind(1, Mode.KRAFT)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            gone = Login(**{**JumpHost().login().model_dump(), "port": silent.getsockname()[1]})
            async with Ways({node.address: gone}) as ways:
                assert await ways.probe(node.address, CLIENTS.port, 0.2) == f"{node.address}:9092: no answer within 0 s"

    run(test)


@pytest.mark.parametrize(
    "words", [b"\x05\x01\x00", b"\x05\x01\x02\x01\x05kafka\x20" + b"0" * 32], ids=["no password", "a wrong one"]
)
def test_nobody_else_on_this_computer_passes_through(words: bytes) -> None:
    async def test() -> None:
        _, (node,) = behind(1, Mode.KRAFT)
        wanted = b"\x05\x01\x00\x01" + bytes(map(int, node.address.split("."))) + CLIENTS.port.to_bytes(2, "big")
        async with jump_host() as host, listener() as (port, heard):
            host.served[node.address, CLIENTS.port] = port
            async with Ways({node.address: host.login()}) as ways:
                reader, writer = await asyncio.open_connection("127.0.0.1", urlparse(ways.proxy or "").port)
                writer.write(words + wanted)
                writer.write_eof()
                answer = await reader.read(-1)
                writer.close()
        assert b"\x05\x00" not in answer, "loopback is everybody's, the jump host is not"
        assert (host.asked, heard) == ([], [])

    run(test)


def test_a_run_leaves_nothing_open() -> None:
    async def test() -> None:
        _, (node,) = behind(1, Mode.KRAFT)
        async with jump_host() as host, listener() as (port, _):
            host.served[node.address, CLIENTS.port] = port
            async with Ways({node.address: host.login()}) as ways:
                await ways.probe(node.address, CLIENTS.port, 5)
                proxy = urlparse(ways.proxy or "").port
            await asyncio.wait_for(host.logins[0].wait_closed(), 5)
            with pytest.raises(OSError, match="Connect call failed"):
                await asyncio.open_connection("127.0.0.1", proxy)

    run(test)


def test_direct_ways_open_no_proxy_and_load_no_ssh() -> None:
    async def test() -> None:
        async with Ways({}) as ways:
            assert ways.proxy is None
            assert DIRECT.proxy is None

    run(test)
    loaded = "import sys, operations.live_settings, operations.topics; sys.exit('asyncssh' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", loaded])
    assert done.returncode == 0, "a verb loads what it needs: asyncssh takes longer than all the rest"


def test_a_machine_that_is_not_reached_leaves_no_login_at_its_jump_host() -> None:
    async def look() -> int:
        async with jump_host() as host:
            gate = host.login()
            access = Access(name="n1", **{**gate.model_dump(), "address": "192.0.2.11", "port": 22, "jump_host": gate})
            for _ in range(3):
                with pytest.raises(Unreachable, match="nobody listens there"):
                    async with connect(access):
                        pass
            await asyncio.wait_for(asyncio.gather(*(login.wait_closed() for login in host.logins)), 5)
            return len(host.logins)

    assert asyncio.run(look()) == 3, "a status that looks again and again would use the jump host up"
