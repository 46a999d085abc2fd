"""remote.Command does on a machine what the published package's documentation and users rely on."""

from pathlib import Path

import pytest

from tests.conformance.engine import Failed, Plugin, Properties, cancelled_when, is_secret, secret
from tests.conformance.sshd import Server

COMMAND = "command:remote:Command"
PLAIN: Properties = {
    "connection": {"host": "there", "user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15},
    "create": "a",
    "update": "a",
    "delete": "a",
    "stdin": "a",
    "logging": "none",
    "environment": {"A": "1"},
    "addPreviousOutputInEnv": True,
    "triggers": ["a"],
}
CHANGES: Properties = {
    "connection": {**PLAIN["connection"], "host": "elsewhere"},
    "create": "b",
    "update": "b",
    "delete": "b",
    "stdin": "b",
    "logging": "stdout",
    "environment": {"A": "2"},
    "addPreviousOutputInEnv": False,
}


def test_create_keeps_both_streams_and_reads_stdin(command: Plugin, machine: Server) -> None:
    inputs = {"connection": machine.connection(), "create": "cat; echo err >&2", "stdin": "in\n"}
    state = command.create(COMMAND, inputs)
    assert (state["stdout"], state["stderr"]) == ("in", "err")
    assert set(command.log.lines) == {"in", "err"}


def test_without_create_nobody_is_asked(command: Plugin) -> None:
    state = command.create(COMMAND, {"connection": {"host": "256.0.0.1"}, "delete": "true"})
    assert (state["stdout"], state["stderr"]) == ("", "")


def test_a_preview_asks_nobody(command: Plugin) -> None:
    command.create(COMMAND, {"connection": {"host": "256.0.0.1"}, "create": "true"}, preview=True)


def test_a_failure_tells_the_status_the_command_and_what_it_said(command: Plugin, machine: Server) -> None:
    with pytest.raises(Failed) as failure:
        command.create(COMMAND, {"connection": machine.connection(), "create": "echo why >&2; exit 7"})
    said = str(failure.value)
    assert "Process exited with status 7" in said
    assert 'running "echo why >&2; exit 7":\nwhy\n' in said


def test_update_delete_and_the_output_before(command: Plugin, machine: Server, tmp_path: Path) -> None:
    connection = machine.connection()
    seen = f"echo $PULUMI_COMMAND_STDOUT | tee -a {tmp_path}/seen"
    state = command.create(COMMAND, {"connection": connection, "create": "echo one"})
    inputs = {"connection": connection, "create": "false", "update": seen, "delete": seen}
    state = command.update(COMMAND, state, inputs)
    assert state["stdout"] == "one"
    command.delete(COMMAND, state)
    assert (tmp_path / "seen").read_text() == "one\none\n"
    state = command.update(COMMAND, state, {**inputs, "addPreviousOutputInEnv": False})
    assert state["stdout"] == ""
    assert not command.log.warnings


def test_update_runs_create_again_where_there_is_no_update(command: Plugin, machine: Server) -> None:
    inputs = {"connection": machine.connection(), "create": "echo again"}
    state = command.create(COMMAND, {**inputs, "create": "true"})
    assert command.update(COMMAND, state, inputs)["stdout"] == "again"


def test_an_output_before_that_the_server_does_not_accept_is_a_warning(command: Plugin, machine: Server) -> None:
    inputs = {"connection": machine.connection(), "create": "echo one; echo two >&2"}
    command.update(COMMAND, command.create(COMMAND, inputs), {**inputs, "update": "true"})
    (warning,) = command.log.warnings
    assert "'PULUMI_COMMAND_STDERR'" in warning
    assert "AcceptEnv" in warning


def test_an_environment_that_the_server_accepts(command: Plugin, machine: Server) -> None:
    inputs = {
        "connection": machine.connection(),
        "create": "echo $ACCEPTED_WORD",
        "environment": {"ACCEPTED_WORD": "a b"},
    }
    assert command.create(COMMAND, inputs)["stdout"] == "a b"


def test_an_environment_that_the_server_does_not_accept_fails(command: Plugin, machine: Server) -> None:
    inputs = {"connection": machine.connection(), "create": "true", "environment": {"OTHER_WORD": "a"}}
    with pytest.raises(Failed, match='could not set environment variable "OTHER_WORD"'):
        command.create(COMMAND, inputs)


@pytest.mark.parametrize(
    ("choice", "logged"),
    [("stdoutAndStderr", {"out", "err"}), ("stdout", {"out"}), ("stderr", {"err"}), ("none", set())],
)
def test_logging_chooses_what_is_logged(command: Plugin, machine: Server, choice: str, logged: set[str]) -> None:
    inputs = {"connection": machine.connection(), "create": "echo out; echo err >&2", "logging": choice}
    state = command.create(COMMAND, inputs)
    assert set(command.log.lines) == logged
    assert (state["stdout"], state["stderr"]) == ("out", "err")


def test_the_connection_and_a_secret_stdin_stay_secret(command: Plugin, machine: Server) -> None:
    inputs = {"connection": machine.connection(), "create": "cat", "stdin": secret("hush")}
    state = command.create(COMMAND, inputs)
    assert is_secret(state["connection"])
    assert is_secret(state["stdin"])
    assert state["stdout"] == "hush"


@pytest.mark.parametrize("name", CHANGES)
def test_every_changed_input_updates(command: Plugin, name: str) -> None:
    diff = command.diff(COMMAND, {**PLAIN, "stdout": "", "stderr": ""}, {**PLAIN, name: CHANGES[name]})
    assert diff.changed
    assert not diff.replaces


def test_a_changed_trigger_is_named_as_the_sdk_expects_that_replaces_on_it(command: Plugin) -> None:
    diff = command.diff(COMMAND, {**PLAIN, "stdout": "", "stderr": ""}, {**PLAIN, "triggers": ["b"]})
    assert diff.changed == {"triggers[0]"}
    assert not diff.deletes_first


def test_cancelling_ends_the_call(command_to_end: Plugin, machine: Server) -> None:
    inputs = {"connection": machine.connection(), "create": "echo runs; exec sleep 30"}
    with (
        pytest.raises(Failed, match="context canceled"),
        cancelled_when(command_to_end, lambda: command_to_end.log.lines == ["runs"]),
    ):
        command_to_end.create(COMMAND, inputs)
