"""How long Java takes to start a broker and a tool: with what this package does for it, and without."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from bench import ours, scene
from bench.figures import ratios
from bench.rounds import Measured, Result, play
from lab.machines import Machines
from model.paths import Paths

_PATHS = Paths(scene.VERSION)
_TOOL = "kafka-topics.sh"


def _do(machines: Machines, command: str) -> None:
    done = machines.ssh(next(iter(machines.machines)), command)
    if done.returncode != 0:
        raise scene.CompetitorFailed(f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


@contextmanager
def _without(machines: Machines) -> Iterator[str]:
    """A machine on which nobody laid Kafka's classes out. The tool as Kafka ships it, with Kafka's own options."""
    away = f"{_PATHS.shared_classes_option}.away"
    _do(machines, f"sudo mv {_PATHS.shared_classes_option} {away}")
    yield f"LOG_DIR=/tmp {_PATHS.home}/bin/{_TOOL}"
    _do(machines, f"sudo mv {away} {_PATHS.shared_classes_option}")


def measure(rounds: int) -> Result:
    """The worse of both ratios in each round: neither may be bought with the other."""
    with ours.cluster(1) as (made, _), scene.watcher(made.machines) as watching:
        servers = scene.cluster_on(made.machines).bootstrap_servers

        def seen(tool: str, how: str) -> Iterable[tuple[str, float]]:
            _do(made.machines, "sudo systemctl stop kafka")
            start = scene.until_whole(lambda: _do(made.machines, "sudo systemctl start kafka"), watching)
            yield f"broker, {how}", start
            yield f"tool, {how}", scene.timed(lambda: _do(made.machines, f"{tool} --bootstrap-server {servers} --list"))

        def with_ours() -> Iterable[tuple[str, float]]:
            yield from seen(_TOOL, "as we start it")

        def plain() -> Iterable[tuple[str, float]]:
            with _without(made.machines) as tool:
                yield from seen(tool, "plain")

        seconds = play([with_ours, plain], rounds, print)
    pairs = (ratios(seconds[f"{what}, as we start it"], seconds[f"{what}, plain"]) for what in ("broker", "tool"))
    return {"jvm_start_vs_plain": Measured([max(pair) for pair in zip(*pairs, strict=True)], seconds)}
