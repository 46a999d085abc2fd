"""The programs and servers that the conformance tests talk to."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance import engine, installed, sshd


@pytest.fixture(scope="session")
def programs_bin() -> Path:
    """The directory of the CLI and its language host."""
    return installed.programs_bin()


@pytest.fixture(scope="session")
def project_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the engine starts plugins: the program's directory."""
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="session")
def shared_command(project_directory: Path) -> Iterator[engine.Plugin]:
    """One command plugin for all tests."""
    with engine.running(installed.plugin("command"), project_directory) as plugin:
        yield plugin


@pytest.fixture
def command(shared_command: engine.Plugin) -> engine.Plugin:
    """The command plugin, with nothing logged yet."""
    shared_command.log.clear()
    return shared_command


@pytest.fixture
def command_to_end(project_directory: Path) -> Iterator[engine.Plugin]:
    """A command plugin of the test's own: one that was cancelled runs nothing any more."""
    with engine.running(installed.plugin("command"), project_directory) as plugin:
        yield plugin


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sshd.Server]:
    """A machine to reach over ssh: this one, through a real sshd on loopback."""
    try:
        with sshd.running(tmp_path_factory.mktemp("sshd")) as server:
            yield server
    except sshd.Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def agent(machine: sshd.Server, tmp_path: Path) -> Iterator[Path]:
    """The socket of an ssh agent that holds the machine's key."""
    path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        process.stdout.readline()
        environment = {"SSH_AUTH_SOCK": str(path), "PATH": "/usr/bin:/bin"}
        subprocess.run(["ssh-add", "-q", str(machine.key_file)], check=True, env=environment)
        yield path
    finally:
        process.terminate()
        process.wait()
