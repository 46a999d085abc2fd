"""What a program of ours passes on of the signals that it was started with."""

import signal
import subprocess
import sys

from toolchain import places

PROGRAM = """
import subprocess
from toolchain.signals import heed_interrupts
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
