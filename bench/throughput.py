"""What the finished cluster does: records in a second and end-to-end latency, beside the cluster set up by hand."""

import re
from collections.abc import Iterable, Iterator

from bench import hand, ours, scene
from bench.figures import ratios
from bench.rounds import Result, play
from lab.machines import Machines
from model.paths import Paths

_BIN = f"{Paths(scene.VERSION).home}/bin"
_RECORDS, _PROBES, _BYTES = 200_000, 3000, 1000
_TOPIC = "measured"


def measure(rounds: int) -> Result:
    """The worse of both ratios in each round: neither may be bought with the other."""

    def by_us() -> Iterable[tuple[str, float]]:
        with ours.cluster() as (made, _):
            yield from _put_to_work(made.machines, "ours")

    def by_hand() -> Iterable[tuple[str, float]]:
        with hand.cluster(3) as (machines, _):
            yield from _put_to_work(machines, "by hand")

    seen = play([by_us, by_hand], rounds, print)
    throughput = ratios(seen["seconds for the records, by hand"], seen["seconds for the records, ours"])
    latency = ratios(seen["latency in ms, by hand"], seen["latency in ms, ours"])
    return Result({"throughput_vs_hand": [min(pair) for pair in zip(throughput, latency, strict=True)]}, seen)


def _put_to_work(machines: Machines, whose: str) -> Iterator[tuple[str, float]]:
    """Both tools on the first node. What comes first warms the brokers up."""
    first = next(iter(machines.machines))
    servers = scene.cluster_on(machines).bootstrap_servers

    def on(command: str) -> str:
        done = machines.ssh(first, f"LOG_DIR=/tmp/tools {_BIN}/{command}")
        if done.returncode != 0:
            raise scene.CompetitorFailed(f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    on(f"kafka-topics.sh --bootstrap-server {servers} --create --topic {_TOPIC} --partitions 6 --replication-factor 3")
    produce = (
        f"kafka-producer-perf-test.sh --topic {_TOPIC} --num-records {_RECORDS} --record-size {_BYTES} --throughput -1"
        f" --producer-props bootstrap.servers={servers} acks=all"
    )
    on(produce)
    yield f"seconds for the records, {whose}", _RECORDS / records_per_second(on(produce))
    yield f"latency in ms, {whose}", average_ms(on(f"kafka-e2e-latency.sh {servers} {_TOPIC} {_PROBES} all {_BYTES}"))


def records_per_second(said: str) -> float:
    """The last word of kafka-producer-perf-test."""
    return float(re.findall(r"([0-9.]+) records/sec", said)[-1])


def average_ms(said: str) -> float:
    """What kafka-e2e-latency says of all its probes."""
    return float(re.findall(r"Avg latency: ([0-9.]+) ms", said)[-1])
