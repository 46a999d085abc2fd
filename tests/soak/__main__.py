"""`python -m tests.soak [--minutes 60] [--seed SEED]`: trials on machines of its own until the time is over.

Each has a seed of its own, so that one can be repeated alone: `--seed SEED --mode MODE --minutes 0`. One with more minutes
goes on from there. What was found is appended to docs/reference/faults.md. Ends with 1 when a trial found a defect.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from computer import places
from model.kafka_keys import Mode
from tests.soak.run import HEAPS, SETTINGS, Soak
from tests.soak.trials import Finding, appended, choose, following
from tests.support.machines import ground

TOPIC = {"name": "listed", "partitions": 3}  # so that an `up` has that stage, too
PAGE = places.CHECKOUT / "docs" / "reference" / "faults.md"


def soak(seed: str, mode: Mode, minutes: float) -> list[Finding]:
    """At least one trial; none begins after the time is over."""
    deadline = time.monotonic() + 60 * minutes
    findings: list[Finding] = []
    config = {"heap": HEAPS[0], "mode": mode.value, "settings": SETTINGS[0], "topics": [TOPIC]}
    with tempfile.TemporaryDirectory() as folder, ground("soak", Path(folder), config=config) as made:
        made.stack.up()
        running = Soak(made, mode)
        while not findings or time.monotonic() < deadline:
            trial = choose(seed, tuple(made.machines.machines))
            print(
                f"{seed}: {trial.operation}, {trial.fault} ({trial.victim}), {trial.moment} ({trial.node})", flush=True
            )
            seed = following(seed)
            findings.append(running.run(trial))
            print(findings[-1].row, flush=True)
            PAGE.write_text(appended(PAGE.read_text(encoding="utf-8"), findings[-1:]), encoding="utf-8")
            if findings[-1].is_defect:
                break  # what follows would be about a cluster that is broken already
    return findings


def main() -> None:
    """Says the seed first, so that a run that hangs can be repeated, too."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("SOAK_MINUTES") or 60))
    parser.add_argument("--seed", default=os.environ.get("SOAK_SEED") or str(time.time_ns() // 10**9 % 10**6))
    parser.add_argument("--mode", type=Mode, default=Mode.KRAFT, help="in which the first trial begins")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}, {arguments.minutes:g} minutes", flush=True)
    findings = soak(arguments.seed, arguments.mode, arguments.minutes)
    defects = [finding for finding in findings if finding.is_defect]
    nothing = sum(finding.tried_nothing for finding in findings)
    print(f"{len(findings)} trials, {nothing} of which tried nothing, {len(defects)} defects")
    sys.exit(bool(defects))


if __name__ == "__main__":
    main()
