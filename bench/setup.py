"""What a set-up takes from empty caches, phase by phase: everything but Debian's packages, which are there already.

Knows what set-up prints of its phases, and which folders its caches lie in. Refuses to know what a phase does.
"""

import os
import re
import sys
import tempfile
import time
from pathlib import Path

from bench import scene
from bench.rounds import Measured, Result
from computer import places

_ENDED = re.compile(r"^\[ *\d+ s\] (?P<phase>\w+): done in (?P<seconds>[\d.]+) s$", re.MULTILINE)
# What leads past a home to caches that are there already.
_ELSEWHERE = (
    "GOCACHE", "GOMODCACHE", "GOPATH", "KAFKA_CLUSTER_CACHE", "KAFKA_CLUSTER_HOME", "PIP_CACHE_DIR", "PULUMI_HOME",
    "XDG_CACHE_HOME", "XDG_DATA_HOME",
)  # fmt: skip


def phases(printed: str) -> dict[str, float]:
    """How many seconds each phase took, in the order in which they ended."""
    return {found["phase"]: float(found["seconds"]) for found in _ENDED.finditer(printed)}


def measure(rounds: int) -> Result:
    """The seconds of whole set-ups, each in a fresh clone and a home of its own."""
    whole: list[float] = []
    each: dict[str, list[float]] = {}
    for number in range(rounds):
        # Some gigabytes, which a /tmp in memory would not hold.
        with tempfile.TemporaryDirectory(prefix="bench-", dir="/var/tmp") as home:
            taken, printed = _from_nothing(Path(home))
        whole.append(taken)
        for phase, seconds in phases(printed).items():
            each.setdefault(phase, []).append(seconds)
        print(f"round {number + 1} of {rounds}: set-up {taken:.0f} s")
    return {"setup_s": Measured(whole, each)}


def _from_nothing(home: Path) -> tuple[float, str]:
    """How long a set-up took, and what it printed."""
    checkout = home / "checkout"
    scene.run(["git", "clone", "--quiet", places.CHECKOUT, checkout])
    forgotten = [f"--unset={name}" for name in _ELSEWHERE]
    python = os.path.realpath(sys.executable)  # and not that of this environment
    started = time.monotonic()
    printed = scene.run(["env", *forgotten, f"HOME={home}", python, checkout / "toolchain" / "setup.py"])
    return time.monotonic() - started, printed
