"""Draws `results.json` as a picture for the documentation: each figure that has a limit as a share of it.

Knows matplotlib, which is an extra of the project. Refuses to know how a figure came about.
"""

import json
from pathlib import Path
from typing import Any

from bench.rows import ROWS

_HELD, _MISSED, _RANGE = "#3b7a57", "#b5482e", "#555555"


def share(value: float, limit: float, *, at_least: bool) -> float:
    """How much of what is allowed is used up: 1 is the limit, less is better."""
    return limit / value if at_least else value / limit


def draw(results: Path, target: Path) -> list[Path]:
    """Writes the picture beside `target` as PNG and SVG."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "kafka-cluster"
    from matplotlib import pyplot

    entries: dict[str, dict[str, Any]] = json.loads(results.read_text(encoding="utf-8"))
    limits = {key: row.limit for key, row in reversed(ROWS.items()) if key in entries and row.limit}
    figure, axes = pyplot.subplots(figsize=(9, 0.5 * len(limits) + 1.4))
    for place, (key, limit) in enumerate(limits.items()):
        entry = entries[key]
        low, middle, high = (
            share(entry[name], entry["limit"], at_least=limit.at_least) for name in ("min", "median", "max")
        )
        axes.barh(place, middle, color=_HELD if entry["holds"] else _MISSED, height=0.6)
        axes.plot([min(low, high), max(low, high)], [place, place], color=_RANGE, linewidth=2)
        axes.text(max(low, middle, high) + 0.02, place, f"{entry['median']:g} ({limit})", va="center", fontsize=8)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_yticks(range(len(limits)), [ROWS[key].says for key in limits], fontsize=8)
    axes.set_xlabel("share of what is allowed: the median as a bar, all rounds as a line; left of 1 holds", fontsize=8)
    axes.set_xlim(0, 1.25 * axes.get_xlim()[1])  # room for the numbers
    figure.tight_layout()
    written = [target.with_suffix(suffix) for suffix in (".png", ".svg")]
    for file in written:
        # Without a date, so that the same figures are the same picture.
        figure.savefig(file, dpi=120, metadata={"Date": None} if file.suffix == ".svg" else None)
    return written
