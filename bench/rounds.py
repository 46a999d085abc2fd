"""Rounds: everybody's turn in each, the first one another every time, so that the computer's noise hits all alike.

Pure apart from calling who competes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.figures import ratios

# What a competitor timed in its turn: what it was, and the seconds.
Turn = Callable[[], Iterable[tuple[str, float]]]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of a row: its value in every round, and the seconds behind it by what was timed."""

    values: Sequence[float]
    seconds: Mapping[str, Sequence[float]] = field(default_factory=dict)


# What a campaign measured, by the rows' keys.
Result = Mapping[str, Measured]


def beside(seconds: Mapping[str, Sequence[float]], ours: str, theirs: str) -> Measured:
    """How long ours took beside theirs."""
    return Measured(ratios(seconds[ours], seconds[theirs]), {what: seconds[what] for what in (ours, theirs)})


def rotated(turns: Sequence[Turn], number: int) -> list[Turn]:
    """The turns of a round, beginning with another one each time."""
    first = number % len(turns)
    return [*turns[first:], *turns[:first]]


def play(turns: Sequence[Turn], rounds: int, say: Callable[[str], None]) -> dict[str, list[float]]:
    """The seconds of everything that was timed, by its name, in the order of the rounds."""
    seconds: dict[str, list[float]] = {}
    for number in range(rounds):
        for turn in rotated(turns, number):
            for what, taken in turn():
                seconds.setdefault(what, []).append(taken)
                say(f"round {number + 1} of {rounds}: {what} {taken:.4g} s")
    return seconds
