"""First `up`, an `up` with nothing to do, and both again with more machines: beside the hand script and the play."""

from collections.abc import Iterable

from bench import ansible, hand, ours, scene
from bench.figures import ratios
from bench.rounds import Measured, Result, beside, play

SIZES = (3, 5, 7, 9)


def _ours(count: int) -> Iterable[tuple[str, float]]:
    with ours.cluster(count) as (made, seconds):
        yield f"pulumi up, {count} machines", seconds
        if count == SIZES[0]:
            yield "pulumi up again", scene.timed(lambda: made.stack.up("--expect-no-changes"))


def _hand(count: int) -> Iterable[tuple[str, float]]:
    with hand.cluster(count) as (machines, seconds):
        yield f"hand script, {count} machines", seconds
        if count == SIZES[0]:
            yield "hand script, only looking", scene.timed(lambda: hand.look(machines))


def _ansible() -> Iterable[tuple[str, float]]:
    with ansible.cluster(3) as (made, seconds):
        yield "play", seconds
        yield "play again", scene.timed(made.bring_up)


def three(rounds: int) -> Result:
    """Three machines: the rows that have the hand script and the play beside them."""
    ansible.program()
    seconds = play([lambda: _ours(3), lambda: _hand(3), _ansible], rounds, print)
    return {
        "first_up_vs_hand": beside(seconds, "pulumi up, 3 machines", "hand script, 3 machines"),
        "first_up_vs_ansible": beside(seconds, "pulumi up, 3 machines", "play"),
        "noop_vs_hand": beside(seconds, "pulumi up again", "hand script, only looking"),
        "noop_vs_ansible": beside(seconds, "pulumi up again", "play again"),
    }


def growth(rounds: int) -> Result:
    """The largest ratio of each round over all sizes."""
    seconds: dict[str, list[float]] = {}
    each = []
    for size in SIZES:
        taken = play([lambda size=size: _ours(size), lambda size=size: _hand(size)], rounds, print)  # type: ignore[misc]
        each.append(ratios(taken[f"pulumi up, {size} machines"], taken[f"hand script, {size} machines"]))
        seconds |= taken
    return {"growth_vs_hand": Measured([max(values) for values in zip(*each, strict=True)], seconds)}
