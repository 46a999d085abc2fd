"""What was measured, as figures: smallest, middle and largest of the rounds, and whether the middle keeps its limit.

Pure: knows arithmetic, JSON and text. Refuses to know how anything is measured.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Limit:
    """What a figure's median has to reach: at most `value`, or at least."""

    value: float
    at_least: bool = False

    def holds(self, middle: float) -> bool:
        """Whether a median keeps it."""
        return middle >= self.value if self.at_least else middle <= self.value

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.value:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """The values of all rounds of one row, and the seconds behind them by what was timed."""

    key: str
    limit: Limit | None
    values: tuple[float, ...]
    seconds: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError(f"{self.key}: a figure without a round is none")

    @property
    def middle(self) -> float:
        """The median."""
        return median(self.values)

    @property
    def holds(self) -> bool:
        """Whether it reaches what it should; without a limit it does."""
        return self.limit is None or self.limit.holds(self.middle)

    def entry(self) -> dict[str, Any]:
        """As `results.json` keeps it."""
        seconds = {what: extremes(taken, 4) for what, taken in self.seconds.items()}
        return {
            **extremes(self.values, 3),
            "rounds": len(self.values),
            "limit": self.limit.value if self.limit else None,
            "holds": self.holds,
            **({"seconds": seconds} if seconds else {}),
        }


def extremes(values: Sequence[float], digits: int) -> dict[str, float]:
    """Smallest, middle and largest, with so many digits behind the point."""
    return {name: round(of(values), digits) for name, of in (("min", min), ("median", median), ("max", max))}


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, ...]:
    """Round by round, as both of a round met the same noise."""
    return tuple(mine / other for mine, other in zip(ours, theirs, strict=True))


def merged(known: str, figures: Iterable[Figure], order: Sequence[str]) -> str:
    """The text of `results.json` with these figures in it, rows that were not measured now as they were."""
    entries: dict[str, Any] = json.loads(known) if known.strip() else {}
    entries |= {figure.key: figure.entry() for figure in figures}
    return json.dumps({key: entries[key] for key in order if key in entries}, indent=2) + "\n"


def table(figures: Iterable[Figure]) -> str:
    """The figures as text, for the terminal."""
    lines = [f"{'figure':<22}{'min':>9}{'median':>9}{'max':>9}  rounds  limit"]
    for figure in figures:
        entry = figure.entry()
        numbers = "".join(f"{entry[name]:9.2f}" for name in ("min", "median", "max"))
        verdict = "" if figure.holds else "  MISSED"
        lines.append(f"{figure.key:<22}{numbers}  {entry['rounds']:>6}  {figure.limit or 'none'}{verdict}")
    return "\n".join(lines)


def spans(seconds: Mapping[str, Sequence[float]]) -> str:
    """The measured seconds behind the figures, a line for each thing that was timed."""
    lines = [f"{'seconds':<40}{'min':>9}{'median':>9}{'max':>9}"]
    for what, values in seconds.items():
        lines.append(f"{what:<40}{min(values):9.3f}{median(values):9.3f}{max(values):9.3f}")
    return "\n".join(lines)
