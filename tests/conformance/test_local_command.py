"""local.Command and local.run do what the published package's documentation and users rely on."""

import threading
from concurrent import futures
from pathlib import Path

import pytest

from tests.conformance.engine import Failed, Plugin, Properties, await_that, cancelled_when, is_secret, secret

COMMAND = "command:local:Command"
RUN = "command:local:run"
INPUTS: Properties = {
    "create": "echo made",
    "update": "echo changed",
    "delete": "echo gone",
    "stdin": "a",
    "dir": "/",
    "logging": "none",
    "interpreter": ["/bin/sh", "-c"],
    "environment": {"A": "1"},
    "addPreviousOutputInEnv": True,
    "assetPaths": [],
    "archivePaths": [],
    "triggers": ["a"],
}
CHANGES: Properties = {
    "create": "echo other",
    "update": "echo other",
    "delete": "echo other",
    "stdin": "b",
    "dir": "/usr",
    "logging": "stdout",
    "interpreter": ["/bin/bash", "-c"],
    "environment": {"A": "2"},
    "addPreviousOutputInEnv": False,
    "assetPaths": ["*"],
    "archivePaths": ["*"],
}


def test_create_keeps_both_streams_without_their_last_newline(command: Plugin) -> None:
    state = command.create(COMMAND, {"create": "echo out; echo; printf 'two\nlines\n\n' >&2"})
    assert (state["stdout"], state["stderr"]) == ("out\n", "two\nlines\n")


def test_it_runs_in_the_programs_directory_by_a_plain_shell(command: Plugin, project_directory: Path) -> None:
    state = command.create(COMMAND, {"create": "pwd; echo $0"})
    assert state["stdout"] == f"{project_directory}\n/bin/sh"


def test_dir_interpreter_environment_and_stdin(command: Plugin, tmp_path: Path) -> None:
    state = command.create(
        COMMAND,
        {
            "create": "import os, sys; print(os.getcwd(), os.environ['WORD'], sys.stdin.read())",
            "interpreter": ["python3", "-c"],
            "dir": str(tmp_path),
            "environment": {"WORD": "a b'c"},
            "stdin": "poured in",
        },
    )
    assert state["stdout"] == f"{tmp_path} a b'c poured in"


def test_a_missing_dir_fails(command: Plugin) -> None:
    with pytest.raises(Failed, match="/nowhere/at/all"):
        command.create(COMMAND, {"create": "true", "dir": "/nowhere/at/all"})


def test_without_create_nothing_runs(command: Plugin) -> None:
    state = command.create(COMMAND, {"delete": "exit 1"})
    assert (state["stdout"], state["stderr"]) == ("", "")


def test_a_preview_runs_nothing(command: Plugin, tmp_path: Path) -> None:
    command.create(COMMAND, {"create": f"touch {tmp_path}/made"}, preview=True)
    assert not (tmp_path / "made").exists()


def test_a_failure_tells_the_status_the_command_and_what_it_said(command: Plugin) -> None:
    with pytest.raises(Failed) as failure:
        command.create(COMMAND, {"create": "echo before; echo why >&2; exit 7"})
    head, _, said = str(failure.value).partition(":\n")
    assert head.endswith('exit status 7: running "echo before; echo why >&2; exit 7"')
    assert {"before", "why"} <= set(said.splitlines()), (
        "two pipes have no common order, but nothing of them is to be lost"
    )


def test_update_runs_update_and_finds_the_output_before(command: Plugin) -> None:
    state = command.create(COMMAND, {"create": "echo one; echo two >&2"})
    seen = "echo $PULUMI_COMMAND_STDOUT $PULUMI_COMMAND_STDERR"
    assert command.update(COMMAND, state, {"create": "false", "update": seen})["stdout"] == "one two"
    without = {"create": seen, "addPreviousOutputInEnv": False}
    assert command.update(COMMAND, state, without)["stdout"] == ""


def test_update_runs_create_again_where_there_is_no_update(command: Plugin) -> None:
    state = command.create(COMMAND, {"create": "echo one"})
    assert command.update(COMMAND, state, {"create": "echo again"})["stdout"] == "again"


def test_delete_finds_the_output_before(command: Plugin, tmp_path: Path) -> None:
    state = command.create(COMMAND, {"create": "echo id-7", "delete": f"echo $PULUMI_COMMAND_STDOUT > {tmp_path}/gone"})
    command.delete(COMMAND, state)
    assert (tmp_path / "gone").read_text() == "id-7\n"


@pytest.mark.parametrize("name", CHANGES)
def test_every_changed_input_updates(command: Plugin, name: str) -> None:
    diff = command.diff(COMMAND, {**INPUTS, "stdout": "", "stderr": ""}, {**INPUTS, name: CHANGES[name]})
    assert diff.changed
    assert not diff.replaces


def test_a_changed_trigger_is_named_as_the_sdk_expects_that_replaces_on_it(command: Plugin) -> None:
    diff = command.diff(COMMAND, {**INPUTS, "stdout": "", "stderr": ""}, {**INPUTS, "triggers": ["b"]})
    assert diff.changed == {"triggers[0]"}
    assert not diff.deletes_first


def test_the_first_trigger_ever_replaces(command: Plugin) -> None:
    without = {name: value for name, value in INPUTS.items() if name != "triggers"}
    assert command.diff(COMMAND, {**without, "stdout": "", "stderr": ""}, INPUTS).replaces == {"triggers"}


def test_nothing_changed_is_nothing_to_do(command: Plugin) -> None:
    assert not command.diff(COMMAND, {**INPUTS, "stdout": "", "stderr": ""}, INPUTS).changed


def test_a_secret_input_stays_secret_and_the_output_is_not_made_so(command: Plugin) -> None:
    state = command.create(COMMAND, {"create": "cat", "stdin": secret("hush"), "environment": {"A": secret("b")}})
    assert is_secret(state["stdin"])
    assert is_secret(state["environment"]) or is_secret(state["environment"]["A"])
    assert state["stdout"] == "hush"


@pytest.mark.parametrize(
    ("choice", "logged"),
    [
        (None, {"out", "err"}),
        ("stdoutAndStderr", {"out", "err"}),
        ("stdout", {"out"}),
        ("stderr", {"err"}),
        ("none", set()),
    ],
)
def test_logging_chooses_what_is_logged_line_by_line(command: Plugin, choice: str | None, logged: set[str]) -> None:
    inputs = {"create": "echo out; printf err >&2", "logging": choice}
    state = command.create(COMMAND, {name: value for name, value in inputs.items() if value})
    assert set(command.log.lines) == logged
    assert (state["stdout"], state["stderr"]) == ("out", "err")


def test_a_line_is_logged_when_it_is_written(command: Plugin, tmp_path: Path) -> None:
    script = f"echo first; while [ ! -e {tmp_path}/seen ]; do sleep 0.05; done"
    running = threading.Thread(target=command.create, args=(COMMAND, {"create": script}))
    running.start()
    await_that(lambda: command.log.lines == ["first"])
    (tmp_path / "seen").touch()
    running.join()


def test_a_line_of_a_megabyte_hangs_nothing(command: Plugin) -> None:
    state = command.create(COMMAND, {"create": "head -c 1000000 /dev/zero | tr '\\0' x"})
    assert len(state["stdout"]) == 1_000_000


def test_globs_choose_files_and_the_last_rule_decides(command: Plugin, tmp_path: Path) -> None:
    script = "mkdir -p src/deep && touch top.txt src/index.js src/secret.js src/deep/more.js src/readme"
    rules = ["src/**.js", "!**secret.*"]
    state = command.create(
        COMMAND, {"create": script, "dir": str(tmp_path), "assetPaths": rules, "archivePaths": ["*.txt"]}
    )
    assert set(state["assets"]) == {"src/index.js", "src/deep/more.js"}
    assert state["assets"]["src/index.js"]["path"] == f"{tmp_path}/src/index.js"
    assert set(state["archive"]["assets"]) == {"top.txt"}


def test_run_runs_and_returns_its_arguments_too(command: Plugin) -> None:
    result = command.invoke(RUN, {"command": "cat", "stdin": "in"})
    assert (result["stdout"], result["stderr"], result["stdin"], result["command"]) == ("in", "", "in", "cat")


def test_cancelling_ends_the_command_with_its_children(command_to_end: Plugin, tmp_path: Path) -> None:
    child = tmp_path / "child"
    script = f"trap 'echo told > {tmp_path}/told; exit 3' TERM; sleep 300 & echo $! > {child}; wait"
    with pytest.raises(Failed, match="context canceled"), cancelled_when(command_to_end, lambda: written(child)):
        command_to_end.create(COMMAND, {"create": script})
    assert (tmp_path / "told").read_text() == "told\n"
    await_that(lambda: not Path("/proc", child.read_text().strip()).exists())


def test_an_interrupted_plugin_leaves_no_command_behind(command_to_end: Plugin, tmp_path: Path) -> None:
    shell = tmp_path / "shell"
    script = f"echo $$ > {shell}; sleep 300"
    with futures.ThreadPoolExecutor() as beside:
        running = beside.submit(command_to_end.create, COMMAND, {"create": script})
        await_that(lambda: written(shell))
        command_to_end.process.terminate()
        command_to_end.process.wait()
    assert isinstance(running.exception(), Failed)
    assert not Path("/proc", shell.read_text().strip()).exists()


def written(file: Path) -> bool:
    return file.exists() and file.read_text().endswith("\n")
