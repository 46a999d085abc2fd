"""The signals that a process of ours was started with, and those that it shares with what it starts. Refuses to know what
is done when one comes."""

import signal
import subprocess
from collections.abc import Sequence
from typing import Any


def heed_interrupts() -> None:
    """Takes back that SIGINT is ignored, as it is in whatever a script starts in the background. Pulumi ends its own
    helpers by SIGINT: where they inherit that it is ignored, every command waits five seconds for them in vain."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def run(command: Sequence[str], *, capture: bool = False, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs a command, and lets it answer an interrupt itself: the terminal sends one to all that it runs, and Pulumi needs
    its time to end what it began. (Python would kill it after a quarter of a second, and what restarts nodes would go on
    without it.) The interrupt is raised when the command has ended."""
    pipe = subprocess.PIPE if capture else None
    interrupt: KeyboardInterrupt | None = None
    with subprocess.Popen(command, text=True, stdout=pipe, stderr=pipe, **options) as process:
        while True:
            try:
                out, errors = process.communicate()
                break
            except KeyboardInterrupt as pressed:
                interrupt = pressed
    if interrupt:
        raise interrupt
    return subprocess.CompletedProcess(command, process.returncode, out, errors)
