"""How remote resources reach a machine: credentials, host keys, proxies, and how often they try."""

import itertools
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conformance import sshd
from tests.conformance.engine import Failed, Plugin, Properties, await_that, cancelled_when, is_secret, plain
from tests.conformance.sshd import Server

COMMAND = "command:remote:Command"


def output(command: Plugin, connection: Properties) -> str:
    return str(command.create(COMMAND, {"connection": connection, "create": "echo reached"})["stdout"])


def another_key(folder: Path) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "other")], check=True)
    return (folder / "other.pub").read_text().strip()


@contextmanager
def listening(answer: bytes = b"", stay: bool = False) -> Iterator[tuple[int, list[float]]]:
    """A server that is no ssh server; the times at which somebody came."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        came: list[float] = []
        kept: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                came.append(time.monotonic())
                client.sendall(answer)
                if stay:
                    kept.append(client)
                else:
                    client.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1], came
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for client in kept:
                client.close()


def test_check_fills_in_the_defaults_and_keeps_the_connection_secret(command: Plugin) -> None:
    checked = command.check(COMMAND, {"connection": {"host": "there", "proxy": {"host": "between"}}})
    defaults = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}
    assert is_secret(checked["connection"])
    assert plain(checked["connection"]) == {"host": "there", **defaults, "proxy": {"host": "between", **defaults}}


def test_a_connection_without_host_is_refused(command: Plugin) -> None:
    with pytest.raises(Failed, match="host"):
        command.check(COMMAND, {"connection": {"user": "root"}, "create": "true"})


def test_an_input_that_the_package_does_not_have_is_refused(command: Plugin) -> None:
    with pytest.raises(Failed, match="connectTimeout"):
        command.check(COMMAND, {"connection": {"host": "there", "connectTimeout": 3}, "create": "true"})


def test_a_private_key_and_the_right_host_key(command: Plugin, machine: Server) -> None:
    assert output(command, machine.connection()) == "reached"


def test_no_host_key_checks_none(command: Plugin, machine: Server) -> None:
    assert output(command, machine.connection(hostKey=None)) == "reached"


def test_another_host_key_is_refused_and_named(command: Plugin, machine: Server, tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"host key mismatch.*offers ssh-ed25519 SHA256:.*expected ssh-ed25519 SHA256:"):
        output(command, machine.connection(hostKey=another_key(tmp_path)))


def test_a_host_key_that_is_none_is_refused(command: Plugin, machine: Server) -> None:
    with pytest.raises(Failed, match=r"host key expected of 127\.0\.0\.1"):
        output(command, machine.connection(hostKey="ssh-ed25519 nonsense"))


def test_an_encrypted_key_needs_its_passphrase(command: Plugin, machine: Server) -> None:
    given = {"privateKey": machine.encrypted_key}
    assert output(command, machine.connection(**given, privateKeyPassword=machine.passphrase)) == "reached"
    with pytest.raises(Failed, match="private key"):
        output(command, machine.connection(**given))
    with pytest.raises(Failed, match="private key"):
        output(command, machine.connection(**given, privateKeyPassword="wrong"))


def test_a_key_that_is_not_let_in(command: Plugin, machine: Server, tmp_path: Path) -> None:
    another_key(tmp_path)
    with pytest.raises(Failed, match="unable to authenticate"):
        output(command, machine.connection(privateKey=(tmp_path / "other").read_text()))


def test_an_agent_gives_the_key(command: Plugin, machine: Server, agent: Path) -> None:
    assert output(command, machine.connection(privateKey=None, agentSocketPath=str(agent))) == "reached"
    with pytest.raises(Failed, match="/nowhere"):
        output(command, machine.connection(privateKey=None, agentSocketPath="/nowhere"))


def test_through_a_proxy_whose_host_key_is_checked_too(command: Plugin, machine: Server, tmp_path: Path) -> None:
    direct = machine.connection()
    assert output(command, machine.connection(proxy=direct)) == "reached"
    with pytest.raises(Failed, match=r"Dial proxy.*host key mismatch"):
        output(command, machine.connection(proxy=machine.connection(hostKey=another_key(tmp_path))))


def test_a_target_that_its_proxy_does_not_reach(command: Plugin, machine: Server) -> None:
    with pytest.raises(Failed, match=r"Dial from proxy.*refused"):
        output(command, machine.connection(port=sshd.free_port(), proxy=machine.connection()))


@pytest.mark.parametrize("limit", [0, 2])
def test_as_many_errors_as_allowed_and_then_the_last_one(command: Plugin, limit: int) -> None:
    with listening() as (port, came), pytest.raises(Failed, match=f"after {limit + 1} failed attempts"):
        output(command, {"host": "127.0.0.1", "port": port, "dialErrorLimit": limit, "password": "x"})
    assert len(came) == limit + 1
    assert [line for line in command.log.lines if "retrying" in line] == [
        f"Dial {attempt}/{limit} failed: retrying" for attempt in range(1, limit + 1)
    ]


def test_pauses_grow(command: Plugin) -> None:
    with listening() as (port, came), pytest.raises(Failed):
        output(command, {"host": "127.0.0.1", "port": port, "dialErrorLimit": 3, "password": "x"})
    pauses = [later - earlier for earlier, later in itertools.pairwise(came)]
    assert len(pauses) == 3
    # Each may come later than it was meant, and none sooner.
    assert all(pause >= least for pause, least in zip(pauses, (0.1, 0.15, 0.225), strict=True)), pauses


def test_an_unlimited_connection_waits_for_a_machine_that_boots(command: Plugin, tmp_path: Path) -> None:
    machine = sshd.prepare(tmp_path, sshd.free_port())
    reached: list[str] = []
    connection = machine.connection(dialErrorLimit=-1)
    thread = threading.Thread(target=lambda: reached.append(output(command, connection)))
    thread.start()
    await_that(lambda: "Dial 3/inf failed: retrying" in command.log.lines)
    with sshd.serving(machine, tmp_path):
        thread.join()
    assert reached == ["reached"]


def test_a_machine_that_never_speaks_is_given_up_in_time(command: Plugin) -> None:
    began = time.monotonic()
    limits = {"dialErrorLimit": 0, "perDialTimeout": 1}
    with listening(stay=True) as (port, _), pytest.raises(Failed, match="after 1 failed attempts"):
        output(command, {"host": "127.0.0.1", "port": port, "password": "x", **limits})
    assert 1 <= time.monotonic() - began < 10, "without the limit it would be fifteen seconds"


def test_cancelling_ends_the_waiting(command_to_end: Plugin) -> None:
    nobody = {"host": "127.0.0.1", "port": sshd.free_port(), "dialErrorLimit": -1, "password": "x"}
    with (
        pytest.raises(Failed, match="context canceled"),
        cancelled_when(command_to_end, lambda: command_to_end.log.lines != []),
    ):
        output(command_to_end, nobody)
