"""Changes to a running cluster: a roll beside bare restarts, a switch of modes beside the hand script."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import count, permutations

from bench import ansible, hand, ours, scene
from bench.figures import ratios
from bench.rounds import Measured, Result, beside, play
from model.kafka_keys import Mode
from model.paths import Paths
from tests.lifecycle import records
from tests.support.machines import Ground
from tests.support.traffic.beside import traffic

# A key that only a restart changes, and that nothing measured here depends on.
_STATIC = "queued.max.requests"
# What a producer waits for when a leader moves; a roll brings it to the brokers, so it is there in the next one.
_SHORT_BACKOFF = {"replica.fetch.backoff.ms": 100}
# Keys that every broker takes while it runs.
_DYNAMIC, _DYNAMIC_BY_HAND = "message.max.bytes", "log.segment.delete.delay.ms"
_TOOL = "kafka-configs.sh"
_TOPIC = "measured"
# A partition for each order of three replicas. Whether a leader's move stalls its partition for a second hangs on the
# brokers it goes to (README.md); so a restart would cost much or little by the luck of six partitions' places.
_EVERY_ORDER = [word for order in permutations("123") for word in ("--replicas", ",".join(order))]


def _some_records(made: Ground) -> None:
    """A topic with full replication, so that a full ISR means something."""
    servers = scene.cluster_on(made.machines).bootstrap_servers
    records.write(made.stack.prefix, servers, _TOPIC, *(str(number) for number in range(1000)))


def roll(rounds: int) -> Result:
    """A static change on all nodes by us and by a serial play, and three bare restarts that are each awaited to full ISR,
    on one cluster."""
    ansible.program()
    with (
        ours.cluster() as (made, _),
        scene.watcher(made.machines) as watching,
        ansible.plays(made.machines) as plays,
    ):
        _some_records(made)
        values = count(500)

        def by_us() -> Iterable[tuple[str, float]]:
            made.stack.configure(settings={_STATIC: next(values)})
            yield "roll of a static change", scene.timed(made.stack.up)

        def bare() -> Iterable[tuple[str, float]]:
            each = [
                scene.until_whole(lambda name=name: hand.restart(made.machines, name), watching)  # type: ignore[misc]
                for name in made.machines.machines
            ]
            yield "three bare restarts", sum(each)

        def by_play() -> Iterable[tuple[str, float]]:
            yield "serial play", scene.timed(lambda: plays.roll(next(values)))

        seconds = play([by_us, bare, by_play], rounds, print)
    return {
        "roll_vs_bare": beside(seconds, "roll of a static change", "three bare restarts"),
        "roll_vs_play": beside(seconds, "roll of a static change", "serial play"),
    }


def stall(rounds: int) -> Result:
    """The longest time in which some partition took no record: in a roll by us, with and without a short backoff, in a
    serial play, in a bare restart of one node and in those of all three, each awaited to full ISR."""
    ansible.program()
    with (
        ours.cluster() as (made, _),
        scene.watcher(made.machines) as watching,
        ansible.plays(made.machines) as plays,
    ):
        servers = scene.cluster_on(made.machines).bootstrap_servers
        topics, values = count(), count(500)

        def seen(act: Callable[[], object]) -> float:
            topic = f"{_TOPIC}-{next(topics)}"
            with traffic(made.stack.prefix, servers, topic, *_EVERY_ORDER) as flowing:
                act()
                stalled = flowing.stop().producer_stall
            hand.delete(made.machines, topic)  # or each measurement would have more leaders to move than the one before
            return stalled

        def rolled(extra: Mapping[str, int] = {}) -> None:
            made.stack.configure(settings={_STATIC: next(values), **extra})
            made.stack.up()

        def by_us() -> Iterable[tuple[str, float]]:
            yield "stall in a roll", seen(rolled)

        def with_short_backoff() -> Iterable[tuple[str, float]]:
            rolled(_SHORT_BACKOFF)
            yield "stall in a roll, short backoff", seen(lambda: rolled(_SHORT_BACKOFF))
            rolled()

        def bare() -> Iterable[tuple[str, float]]:
            each = [
                seen(lambda name=name: scene.until_whole(lambda: hand.restart(made.machines, name), watching))  # type: ignore[misc]
                for name in made.machines.machines
            ]
            yield "stall in one bare restart", each[0]
            yield "longest stall in three bare restarts", max(each)

        def by_play() -> Iterable[tuple[str, float]]:
            yield "stall in a serial play", seen(lambda: plays.roll(next(values)))

        seconds = play([by_us, bare, by_play, with_short_backoff], rounds, print)
    return {
        "roll_stall_vs_bare": beside(seconds, "stall in a roll", "stall in one bare restart"),
        "roll_stall_vs_three_bare": beside(seconds, "stall in a roll", "longest stall in three bare restarts"),
        "roll_stall_vs_play": beside(seconds, "stall in a roll", "stall in a serial play"),
        "roll_stall_short_backoff": beside(seconds, "stall in a roll, short backoff", "stall in a roll"),
    }


def dynamic(rounds: int) -> Result:
    """A setting that brokers take while they run, and the same kind of change by Kafka's own tool on a node: as Kafka ships
    it, and as this package starts it there, with Kafka's classes laid out for it."""
    with ours.cluster() as (made, _):
        values = count(1_000_000)

        def by_us() -> Iterable[tuple[str, float]]:
            made.stack.configure(settings={_DYNAMIC: next(values)})
            yield "pulumi up of a dynamic setting", scene.timed(made.stack.up)

        def by_tool(what: str, tool: str) -> Iterable[tuple[str, float]]:
            yield what, scene.timed(lambda: hand.alter(made.machines, tool, _DYNAMIC_BY_HAND, next(values)))

        shipped = f"LOG_DIR=/tmp {Paths(scene.VERSION).home}/bin/{_TOOL}"
        tools = partial(by_tool, _TOOL, shipped), partial(by_tool, f"{_TOOL}, started as we do", _TOOL)
        seconds = play([by_us, *tools], rounds, print)
    ours_took = "pulumi up of a dynamic setting"
    return {
        "dynamic_vs_cli": beside(seconds, ours_took, _TOOL),
        "dynamic_vs_our_cli": beside(seconds, ours_took, f"{_TOOL}, started as we do"),
    }


def switch(rounds: int) -> Result:
    """There and back, each by both: who is first in a round is second in the next."""
    with (
        ours.cluster() as (made, _),
        scene.watcher(made.machines, Mode.KRAFT) as kraft,
        scene.watcher(made.machines, Mode.ZOOKEEPER) as zookeeper,
    ):
        watching = {Mode.KRAFT: kraft, Mode.ZOOKEEPER: zookeeper}
        _some_records(made)
        # Once there and back: the first time, the other mode's data is made.
        for mode in (Mode.ZOOKEEPER, Mode.KRAFT):
            made.stack.configure(mode=str(mode))
            made.stack.up()

        def by_us(mode: Mode) -> tuple[str, float]:
            made.stack.configure(mode=str(mode))
            return f"pulumi up to {mode}", scene.timed(made.stack.up)

        def by_hand(mode: Mode) -> tuple[str, float]:
            return f"hand script to {mode}", scene.until_whole(lambda: hand.switch(made.machines, mode), watching[mode])

        # The state knows of what `up` did only, so what is done by hand is undone by hand.
        def there_and_back(by: Callable[[Mode], tuple[str, float]]) -> Iterable[tuple[str, float]]:
            yield by(Mode.ZOOKEEPER)
            yield by(Mode.KRAFT)

        seconds = play([lambda: there_and_back(by_us), lambda: there_and_back(by_hand)], rounds, print)
    ours_took, theirs = (
        [sum(pair) for pair in zip(seconds[f"{who} to zookeeper"], seconds[f"{who} to kraft"], strict=True)]
        for who in ("pulumi up", "hand script")
    )
    return {"switch_vs_hand": Measured(ratios(ours_took, theirs), seconds)}
