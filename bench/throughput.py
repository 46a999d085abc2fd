"""What the finished cluster does: records in a second and end-to-end latency, beside the cluster set up by hand, and with
metrics beside without."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from statistics import median

from archives import metrics
from bench import hand, ours, scene
from bench.figures import ratios
from bench.rounds import Measured, Result, play
from lab.machines import Machines
from model.listeners import KAFKA_METRICS_PORT
from model.paths import Paths
from model.prometheus_config import SECONDS_BETWEEN_LOOKS

_BIN = f"{Paths(scene.VERSION).home}/bin"
_RECORDS, _PROBES, _BYTES = 100_000, 2000, 1000
# A fresh broker's Java compiles for as long as that: 200 000 records took 55, 35 and 20 s, and 20 s from then on. Single
# records go another way through it, so the probes are warmed up, too.
_WARMING = 5
_TOPIC = "measured"
_BESIDE = f"{scene.LAB}-beside"
_LOOK = """
import sys, time, urllib.request as web
while True:
    for url in sys.argv[2:]:
        web.urlopen(url).read()
    time.sleep(int(sys.argv[1]))
"""


def measure(rounds: int) -> Result:
    """Throughput or latency, whichever comes off worse: neither may be bought with the other."""
    with ours.cluster() as (made, _), hand.cluster(3, _BESIDE) as (machines, _):
        seen = _rounds({"ours": Bench(made.machines), "by hand": Bench(machines)}, rounds)
    return {"throughput_vs_hand": Measured(_worse(seen, "ours", "by hand"), seen)}


def with_metrics(rounds: int) -> Result:
    """The same of two clusters of ours, of which one tells its metrics and is asked for them all the time."""
    metrics.ensure()
    with (
        ours.cluster() as (silent, _),
        ours.cluster(lab=_BESIDE, metrics={"enabled": True}) as (telling, _),
    ):
        asked = Bench(telling.machines, lambda: _asked(telling.machines))
        seen = _rounds({"silent": Bench(silent.machines), "telling": asked}, rounds)
    return {"throughput_with_metrics": Measured(_worse(seen, "telling", "silent"), seen)}


def _rounds(benches: dict[str, "Bench"], rounds: int) -> dict[str, list[float]]:
    """Both clusters stand all the time, and only one of them has work: a fresh one would have to be warmed up in each
    round, for six minutes."""
    for whose, bench in benches.items():
        print(f"warming up: {whose}", flush=True)
        bench.warm_up()
    return play([lambda w=w, b=b: b.turn(w) for w, b in benches.items()], rounds, print)  # type: ignore[misc]


def _worse(seen: dict[str, list[float]], whose: str, beside: str) -> list[float]:
    """How much faster or how much sooner it is in each round, whichever has the lower median. (The lower one of each
    round would be below 1 for two clusters that are the same: noise goes both ways, and that takes only one.)"""
    both = [
        ratios(seen[f"{what}, {beside}"], seen[f"{what}, {whose}"]) for what in ("all records", "latency of a record")
    ]
    return list(min(both, key=median))


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


class Bench:
    """One cluster's: both tools, run on its first node. `during` surrounds whatever they do."""

    def __init__(self, machines: Machines, during: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        self._machines, self._during = machines, during
        self._servers = scene.cluster_on(machines).bootstrap_servers

    def _on(self, command: str) -> str:
        first = next(iter(self._machines.machines))
        done = self._machines.ssh(first, f"LOG_DIR=/tmp/tools {_BIN}/{command}")
        if done.returncode != 0:
            raise scene.CompetitorFailed(f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def _produce(self) -> float:
        return records_per_second(
            self._on(
                f"kafka-producer-perf-test.sh --topic {_TOPIC} --num-records {_RECORDS} --record-size {_BYTES}"
                f" --throughput -1 --producer-props bootstrap.servers={self._servers} acks=all"
            )
        )

    def _probe(self) -> float:
        return average_ms(self._on(f"kafka-e2e-latency.sh {self._servers} {_TOPIC} {_PROBES} all {_BYTES}"))

    def warm_up(self) -> None:
        """What is not counted."""
        self._on(
            f"kafka-topics.sh --bootstrap-server {self._servers} --create --topic {_TOPIC} --partitions 6"
            " --replication-factor 3"
        )
        with self._during():
            for _ in range(_WARMING):
                self._produce()
            self._probe()

    def turn(self, whose: str) -> Iterator[tuple[str, float]]:
        """All records once, and the mean of single ones."""
        with self._during():
            yield f"all records, {whose}", _RECORDS / self._produce()
            yield f"latency of a record, {whose}", self._probe() / 1000


def records_per_second(said: str) -> float:
    """The last word of kafka-producer-perf-test."""
    return float(re.findall(r"([0-9.]+) records/sec", said)[-1])


def average_ms(said: str) -> float:
    """What kafka-e2e-latency says of all its probes."""
    return float(re.findall(r"Avg latency: ([0-9.]+) ms", said)[-1])
