"""What every run of the tests has: options for the running stack, and the last word on whether it was verified.

Knows that there are live tests and how they ended. Refuses to know what they ask (`tests/live`).
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from computer.signals import heed_interrupts


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options for the live tests."""
    group = parser.getgroup("live", "tests of the running stack")
    group.addoption("--stack", help="the stack to verify (default: $PULUMI_STACK, else the selected one)")
    group.addoption("--project", type=Path, help="the folder of the stack's Pulumi.yaml (default: this checkout)")
    group.addoption("--lifecycle", action="store_true", help="also run the tests that make machines of their own")
    group.addoption(
        "--whole-story",
        action="store_true",
        help="go on with virtual machines where emulated ones take an hour and more",
    )
    group.addoption("--require-live", action="store_true", help="fail when nothing was verified live")
    group.addoption(
        "--beside",
        type=int,
        action="append",
        default=[],
        metavar="PORT",
        help="a port that machines may have open outside the plan (can be given again)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Names the kinds of tests that need more than this checkout."""
    heed_interrupts()
    config.addinivalue_line("markers", "live: looks at the running stack; skipped where there is none")
    config.addinivalue_line("markers", "lifecycle: makes machines of its own; needs root")
    config.pluginmanager.register(LiveRecord(required=config.getoption("--require-live")), "live-record")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that make machines take half an hour, so they are run by those who ask for them, as `make test` does."""
    if config.getoption("--lifecycle"):
        return
    for item in items:
        if item.get_closest_marker("lifecycle"):
            item.add_marker(pytest.mark.skip(reason="makes machines of its own; ask for it with --lifecycle"))


class LiveRecord:
    """How the live tests of a run ended: a run in which they all were skipped must not look like one that verified."""

    def __init__(self, *, required: bool) -> None:
        self._required = required
        self._ran = 0
        self._why_not: list[str] = []
        self._reservations: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Counts a live test that ran, or keeps the reason why it did not."""
        if "live" not in report.keywords:
            return
        if report.skipped and isinstance(report.longrepr, tuple):
            self._why_not.append(report.longrepr[2].removeprefix("Skipped: "))
        elif report.when == "call":
            self._ran += 1
            self._reservations |= {str(text) for name, text in report.user_properties if name == "reservation"}

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Where verification was required, none is a failure."""
        if self._required and not self._ran:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
        """The last word, after pytest's own."""
        yield
        for text in sorted(self._reservations):
            terminalreporter.write_line(f"verified live with a reservation: {text}", yellow=True)
        if self._ran:
            terminalreporter.write_line(f"{self._ran} checks looked at the running stack")
        elif self._why_not or self._required:
            why = self._why_not[0] if self._why_not else "no live test was selected"
            terminalreporter.write_line(
                f"nothing was verified live: {why}", red=self._required, yellow=not self._required
            )
            if self._required:
                terminalreporter.write_line("--require-live makes that a failure", red=True)
