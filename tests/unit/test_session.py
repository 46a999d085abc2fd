"""What a test starts ends with it, however Pulumi spreads it over process groups and whoever loses its parent."""

import sys
from pathlib import Path

import pytest

from computer.waiting import wait_for
from tests.support.session import Session, session

# A helper of a process group of its own, as each of Pulumi's is, and one whose parent is gone.
LEADER = """
import subprocess, time
helper = subprocess.Popen(["sleep", "300"], process_group=0)
orphan = subprocess.run(["sh", "-c", "sleep 300 >/dev/null 2>&1 & echo $!"], capture_output=True, text=True)
print(helper.pid, orphan.stdout.strip(), flush=True)
time.sleep(300)
"""
COMMAND = (sys.executable, "-c", LEADER)


def helpers(running: Session) -> list[int]:
    return [int(word) for word in running.output.readline().split()]


def goes_on(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_test_that_fails_leaves_nothing_behind() -> None:
    with pytest.raises(RuntimeError, match="of the test"), session(COMMAND) as running:
        started = helpers(running)
        assert len(running.members()) == 3, "else what follows could not fail"
        raise RuntimeError("of the test")
    assert not list(filter(goes_on, started))


def test_a_program_that_is_killed_alone_leaves_the_rest_to_itself_until_the_context_ends() -> None:
    with session(COMMAND) as running:
        started = helpers(running)
        running.kill_alone()
        assert not running.goes_on()
        assert list(filter(goes_on, started)) == started, "whatever goes on without the program is what is tried"
    assert not list(filter(goes_on, started)), "and nothing of it after that"


def test_a_session_that_was_ended_is_over_and_kills_nobody_again() -> None:
    with session(COMMAND) as running:
        started = helpers(running)
        running.end()
        assert not list(filter(goes_on, started))
        running._killed = pytest.fail  # type: ignore[method-assign]  # its number may be another's by now


def test_a_program_that_ends_by_itself_says_how() -> None:
    with session(("sh", "-c", "exit 7")) as running:
        assert running.wait() == 7
        assert running.wait() == 7, "asking leaves its number held"


def test_who_works_uses_a_processor_and_who_sleeps_does_not() -> None:
    with session((sys.executable, "-c", "while True: pass")) as busy, session(COMMAND) as idle:
        helpers(idle)
        before = busy.ticks(), idle.ticks()
        wait_for("work", lambda: busy.ticks() > before[0], 30)
        assert idle.ticks() - before[1] <= 1, "a plugin that was asked nothing would be waited for"
