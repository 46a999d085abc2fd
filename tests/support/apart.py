"""Runs tests beside others: says meanwhile that they are under way, and prints at their end, in one piece, what they said.

python -m tests.support.apart NAME COMMAND…
"""

import fcntl
import sys
import time

from computer import signals
from computer.telling import telling

# More than any file takes on a slow computer. What takes longer is interrupted, and takes its machines down.
MOST_SECONDS = 3600


def main(name: str, *command: str) -> int:
    """The command's exit status."""
    started = time.monotonic()
    limited = ["timeout", "--foreground", "--signal=INT", str(MOST_SECONDS), *command]
    with telling(name, MOST_SECONDS):
        done = signals.run(limited, capture=True)
    with open(__file__, encoding="utf-8") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        print(f"{done.stdout}{done.stderr}── {name}: {time.monotonic() - started:.0f} s", flush=True)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
