"""What a program of ours passes on of the signals that it was started with."""

import signal
import subprocess
import sys
from pathlib import Path

from computer import places

PROGRAM = """
import subprocess
from computer.signals import heed_interrupts
heed_interrupts()
print(subprocess.run(["grep", "SigIgn", "/proc/self/status"], capture_output=True, text=True).stdout)
"""


def test_a_program_of_a_background_job_starts_others_that_heed_interrupts() -> None:
    seen = subprocess.run(
        ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-c", PROGRAM],
        cwd=places.CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    ignored = int(seen.split()[1], 16)
    assert not ignored & 1 << signal.SIGINT - 1, "each command of Pulumi's would take five seconds longer"


# It takes twice as long to end as Python would give it.
INTERRUPTED = """
import os, signal, sys
from computer import signals
child = "trap 'sleep 0.6; echo ended >%s; exit 3' INT; sleep 3; kill -INT $PPID; kill -INT $$; sleep 60" % sys.argv[1]
try:
    signals.run(["sh", "-c", child])
except KeyboardInterrupt:
    print("interrupted", open(sys.argv[1]).read().strip())
"""


def test_who_is_interrupted_waits_until_what_it_started_has_ended(tmp_path: Path) -> None:
    seen = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path / "child")],
        cwd=places.CHECKOUT,
        capture_output=True,
        text=True,
    )
    assert seen.stdout == "interrupted ended\n", f"a roll would go on without its Pulumi: {seen.stderr}"
