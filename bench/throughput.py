"""What the finished cluster does: records in a second and end-to-end latency, beside the cluster set up by hand, and with
metrics beside without."""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from statistics import median

from bench import hand, ours, scene
from bench.figures import ratios
from bench.rounds import Measured, Result, play
from lab.machines import Machines
from model.listeners import KAFKA_METRICS_PORT
from model.monitoring import SECONDS_BETWEEN_LOOKS
from model.paths import Paths
from toolchain import metrics

_BIN = f"{Paths(scene.VERSION).home}/bin"
_RECORDS, _PROBES, _BYTES = 200_000, 3000, 1000
# A fresh broker's Java compiles for as long as that: a run took 55, 35 and 20 s, and 20 s from then on. Single records go
# another way through it, so the first run of the probes is not counted either.
_WARMING, _COUNTED = 3, 3
_TOPIC = "measured"
_LOOK = """
import sys, time, urllib.request as web
while True:
    for url in sys.argv[2:]:
        web.urlopen(url).read()
    time.sleep(int(sys.argv[1]))
"""


def measure(rounds: int) -> Result:
    """The worse of both ratios in each round: neither may be bought with the other."""

    def by_us() -> Iterable[tuple[str, float]]:
        with ours.cluster() as (made, _):
            yield from _put_to_work(made.machines, "ours")

    def by_hand() -> Iterable[tuple[str, float]]:
        with hand.cluster(3) as (machines, _):
            yield from _put_to_work(machines, "by hand")

    seen = play([by_us, by_hand], rounds, print)
    return {"throughput_vs_hand": Measured(_worse(seen, "ours", "by hand"), seen)}


def with_metrics(rounds: int) -> Result:
    """The same of two clusters of ours, of which one tells its metrics and is asked for them all the time."""
    metrics.ensure()

    def silent() -> Iterable[tuple[str, float]]:
        with ours.cluster() as (made, _):
            yield from _put_to_work(made.machines, "silent")

    def telling() -> Iterable[tuple[str, float]]:
        with ours.cluster(metrics={"enabled": True}) as (made, _), _asked(made.machines):
            yield from _put_to_work(made.machines, "telling")

    seen = play([silent, telling], rounds, print)
    return {"throughput_with_metrics": Measured(_worse(seen, "telling", "silent"), seen)}


def _worse(seen: dict[str, list[float]], whose: str, beside: str) -> list[float]:
    """Round by round the worse of how much faster and how much sooner it is."""
    pairs = (
        ratios(seen[f"{what}, {beside}"], seen[f"{what}, {whose}"]) for what in ("all records", "latency of a record")
    )
    return [min(pair) for pair in zip(*pairs, strict=True)]


@contextmanager
def _asked(machines: Machines) -> Iterator[None]:
    """Somebody who asks every broker for its metrics as often as our Prometheus does."""
    urls = [f"http://{each.address}:{KAFKA_METRICS_PORT}/metrics" for each in machines.machines.values()]
    command = [*machines.segment.inside(), sys.executable, "-c", _LOOK, str(SECONDS_BETWEEN_LOOKS), *urls]
    asking = subprocess.Popen(command)
    try:
        yield
        if asking.poll() is not None:
            raise scene.CompetitorFailed("a broker did not tell its metrics while it worked")
    finally:
        asking.kill()
        asking.wait()


def _put_to_work(machines: Machines, whose: str) -> Iterator[tuple[str, float]]:
    """Both tools on the first node. What comes first warms the brokers up; of what is counted, the middle one stands."""
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
    rates = [records_per_second(on(produce)) for _ in range(_WARMING + _COUNTED)]
    yield f"all records, {whose}", _RECORDS / median(rates[_WARMING:])
    probe = f"kafka-e2e-latency.sh {servers} {_TOPIC} {_PROBES} all {_BYTES}"
    yield f"latency of a record, {whose}", median([average_ms(on(probe)) for _ in range(1 + _COUNTED)][1:]) / 1000


def records_per_second(said: str) -> float:
    """The last word of kafka-producer-perf-test."""
    return float(re.findall(r"([0-9.]+) records/sec", said)[-1])


def average_ms(said: str) -> float:
    """What kafka-e2e-latency says of all its probes."""
    return float(re.findall(r"Avg latency: ([0-9.]+) ms", said)[-1])
