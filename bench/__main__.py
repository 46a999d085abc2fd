"""Measures: `python -m bench [ROW…]`, and without a row all but those of virtual machines and of a set-up.

`python -m bench stages` draws where the time of an `up` goes. Knows which campaign measures which rows. BENCH_ROUNDS is the
number of rounds.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import changes, first_up, guests, java_start, memory, plot, scene, setup, stages, throughput
from bench.figures import Figure, merged, spans, table
from bench.rounds import Result
from bench.rows import ROWS
from computer import places
from computer.signals import heed_interrupts

RESULTS = scene.HERE / "results.json"
PICTURE = places.CHECKOUT / "docs" / "pictures" / "figures"


@dataclass(frozen=True)
class Campaign:
    """Rows that are measured together, on the same machines."""

    rows: tuple[str, ...]
    measure: Callable[[int], Result]
    rounds: int = 5
    when_asked_for: bool = False


CAMPAIGNS = (
    Campaign(("first_up_vs_hand", "first_up_vs_ansible", "noop_vs_hand", "noop_vs_ansible"), first_up.three),
    Campaign(("switch_vs_hand",), changes.switch),
    Campaign(("roll_vs_bare", "roll_vs_play"), changes.roll),
    Campaign(
        ("roll_stall_vs_bare", "roll_stall_vs_three_bare", "roll_stall_vs_play", "roll_stall_short_backoff"),
        changes.stall,
    ),
    Campaign(("dynamic_vs_cli", "dynamic_vs_our_cli"), changes.dynamic),
    Campaign(("jvm_start_vs_plain",), java_start.measure),
    Campaign(("memory_mb",), memory.measure),
    Campaign(("growth_vs_hand",), first_up.growth, rounds=3),
    Campaign(("throughput_vs_hand",), throughput.measure),
    Campaign(("throughput_with_metrics",), throughput.with_metrics),
    Campaign(("vm_up_vs_boot",), guests.measure, rounds=2, when_asked_for=True),
    Campaign(("setup_s",), setup.measure, rounds=1, when_asked_for=True),
)
STAGES = "stages"


def _measured(campaign: Campaign) -> list[Figure]:
    rounds = int(os.environ.get("BENCH_ROUNDS") or campaign.rounds)
    result = campaign.measure(rounds)
    figures = [
        Figure(key, ROWS[key].limit, tuple(result[key].values), result[key].seconds) for key in campaign.rows
    ]  # fmt: skip
    seconds = {what: taken for figure in figures for what, taken in figure.seconds.items()}
    print(f"\n{table(figures)}\n\n{spans(seconds) if seconds else ''}\n", flush=True)
    # Row by row, so that a run that is cut off leaves what it had measured.
    known = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    RESULTS.write_text(merged(known, figures, tuple(ROWS)), encoding="utf-8")
    return figures


def main() -> int:
    """Measures what is asked for; the exit status is 1 when a figure misses its limit."""
    # Whoever ends a run should not have to take its machines down.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    heed_interrupts()
    known = [row for campaign in CAMPAIGNS for row in campaign.rows]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n")[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join([*known, STAGES]))
    usual = [row for campaign in CAMPAIGNS if not campaign.when_asked_for for row in campaign.rows]
    asked = parser.parse_args().rows or [STAGES, *usual]
    if unknown := sorted(set(asked) - {*known, STAGES}):
        parser.error(f"unknown row {', '.join(unknown)}; expected some of {', '.join([*known, STAGES])}")
    if STAGES in asked:
        stages.show()
    wanted = [campaign for campaign in CAMPAIGNS if set(campaign.rows) & set(asked)]
    figures = [figure for campaign in wanted for figure in _measured(campaign)]
    if not figures:
        return 0
    print(table(figures))
    _draw()
    return 0 if all(figure.holds for figure in figures) else 1


def _draw() -> None:
    try:
        written: list[Path] = plot.draw(RESULTS, PICTURE)
    except ModuleNotFoundError as missing:
        print(f"no picture: {missing}; `make bench` installs what draws it", file=sys.stderr)
    else:
        print(f"drawn: {', '.join(str(file.relative_to(places.CHECKOUT)) for file in written)}")


if __name__ == "__main__":
    sys.exit(main())
