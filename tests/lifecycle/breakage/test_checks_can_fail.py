"""Each live check is seen to fail of exactly the thing that it is there for, on machines and a stack of its own.

All things of a round are broken at once, the live tests look, and all is mended: a machine costs seconds, a look costs
seconds, and a pair of both for each of the breakages would cost a quarter of an hour.
"""

import ast
import os
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from model.kafka_keys import Mode
from tests.lifecycle.breakage.table import DYNAMIC_KEY, DYNAMIC_VALUE, ROUNDS, TOPIC, Breakage, Round
from tests.support.look import LIVE, Ending, look, not_green
from tests.support.machines import Ground, ground
from tests.support.operate import wait_until_whole

WHOLE_SECONDS = 180.0
CASES = [
    pytest.param(together, breakage, check, id=f"{check}-{breakage}")
    for together in ROUNDS
    for breakage in together.breakages
    for check in breakage.checks
]


def test_every_live_check_is_in_the_table() -> None:
    checks = {
        node.name
        for file in LIVE.glob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    shown = {check for together in ROUNDS for check in together.checks}
    assert checks == shown, "a check that was never seen to fail proves nothing when it passes"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Three machines and a stack on which all is well."""
    folder = tmp_path_factory.mktemp("stack")
    settings = {DYNAMIC_KEY: DYNAMIC_VALUE}
    config = {"mode": Mode.KRAFT.value, "settings": settings, "topics": [TOPIC], "metrics": {"enabled": True}}
    with ground(f"test-checks-{os.getpid()}", folder, config=config) as made:
        made.stack.up()
        yield made


@pytest.fixture(scope="module")
def endings(request: pytest.FixtureRequest, stage: Ground) -> dict[str, Ending]:
    """How the live tests of a round ended while all its things were broken."""
    together: Round = request.param
    bring_to(stage, together.mode)
    with ExitStack() as broken:
        for breakage in together.breakages:
            broken.enter_context(broken_by(stage, breakage))
        return look(stage.stack, stage.stack.project, together.checks)


def bring_to(stage: Ground, mode: Mode) -> None:
    """The stack in that mode, well before and after a switch."""
    if stage.stack.config()["mode"] != mode:
        wait_until_green(stage)
        stage.stack.configure(mode=mode.value)
        stage.stack.up()
    wait_until_whole(stage.stack, WHOLE_SECONDS)


@contextmanager
def broken_by(stage: Ground, breakage: Breakage) -> Iterator[None]:
    """The thing is broken meanwhile, and mended whatever happens."""
    if breakage.configure:
        planned = stage.stack.config()
        stage.stack.configure(**breakage.configure)
        try:
            yield
        finally:
            stage.stack.configure(**{key: planned[key] for key in breakage.configure})
        return
    try:
        on_machine(stage, breakage, breakage.breaks)
        yield
    finally:
        on_machine(stage, breakage, breakage.mends)


def on_machine(stage: Ground, breakage: Breakage, script: str) -> None:
    """Runs a script as root on the machine that the breakage is about."""
    name, machine = list(stage.machines.machines.items())[breakage.node - 1]
    told = f"NAME={name} ADDRESS={machine.address}\n{script}"
    done = stage.machines.ssh(name, f"sudo sh -ec {shlex.quote(told)}")
    assert done.returncode == 0, f"{breakage} on {name}: `{script}` ended with {done.returncode}: {done.stderr}"


def wait_until_green(stage: Ground) -> None:
    """Every check passes: what was broken is mended, and what fails later does so of what is broken then."""
    wait_until_whole(stage.stack, WHOLE_SECONDS)
    left = not_green(look(stage.stack, stage.stack.project))
    assert not left, "\n".join(f"{name}: {words}" for name, words in left.items())


@pytest.mark.lifecycle
@pytest.mark.parametrize(("endings", "breakage", "check"), CASES, indirect=["endings"], scope="module")
def test_check_goes_red(endings: dict[str, Ending], breakage: Breakage, check: str, stage: Ground) -> None:
    name = list(stage.machines.machines)[breakage.node - 1]
    ending = endings.get(f"{check}[{name}]") or endings[check]
    assert ending.outcome == "failure", f"{breakage}, and {check} {ending.outcome}: {ending.words}"
    assert breakage.checks[check] in ending.words, f"{check} failed of something else: {ending.words}"


@pytest.mark.lifecycle
def test_all_is_green_when_all_is_mended(stage: Ground) -> None:
    wait_until_green(stage)
