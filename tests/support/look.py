"""One look at a stack through the live tests, as a user would run them, and how each of them ended.

Knows pytest's command line and its report. Refuses to know what should have come out.
"""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from computer import places
from tests.support.stack import Stack

LIVE = places.CHECKOUT / "tests" / "live"


@dataclass(frozen=True)
class Ending:
    """How one live test ended: passed, failed, error or skipped, and what it said."""

    outcome: str
    words: str


def look(stack: Stack, folder: Path, only: Iterable[str] = ()) -> dict[str, Ending]:
    """Runs the live tests by these names, or all; answers their endings by their names, machine in brackets."""
    report = folder / "live.xml"
    report.unlink(missing_ok=True)
    done = _run(stack, "--junitxml", str(report), "-k", " or ".join(only))
    assert report.is_file(), f"the live tests ended with {done.returncode} and no report:\n{done.stdout}\n{done.stderr}"
    endings = {case.attrib["name"]: _ending(case) for case in ElementTree.parse(report).iter("testcase")}
    looked = any(ending.outcome != "skipped" for ending in endings.values())
    assert looked, f"no live test looked at anything:\n{done.stdout}"
    return endings


def verify(stack: Stack) -> None:
    """All that `pytest tests/` asks of a running stack."""
    done = _run(stack, "-q")
    assert done.returncode == 0, (
        f"the cluster does not pass its own checks:\n{done.stdout[-6000:]}{done.stderr[-2000:]}"
    )


def _run(stack: Stack, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [*stack.prefix, sys.executable, "-m", "pytest", str(LIVE), "--require-live", "-p", "no:cacheprovider"]
    selected = ["--project", str(stack.project), "--stack", stack.name]
    return subprocess.run(
        [*command, *selected, *options], env=stack.environment, cwd=places.CHECKOUT, capture_output=True, text=True
    )


def _ending(case: ElementTree.Element) -> Ending:
    for outcome in ("error", "failure", "skipped"):
        found = case.find(outcome)
        if found is not None:
            return Ending(outcome, f"{found.attrib.get('message', '')}\n{found.text}")
    return Ending("passed", "")


def not_green(endings: dict[str, Ending]) -> dict[str, str]:
    """The tests that did not pass, with what they said."""
    return {name: ending.words for name, ending in endings.items() if ending.outcome in ("error", "failure")}
