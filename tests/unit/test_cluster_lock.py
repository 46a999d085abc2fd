"""Two runs never work on one cluster at the same time, and a dead one holds nothing."""

import asyncio
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from computer import places
from model.handover import LiveSettings, seats
from model.kafka_keys import Mode
from operations import cluster_lock as cluster_lock_module
from operations import live_settings
from operations.cluster_lock import Overtaken, cluster_lock
from operations.wait import TimedOut

from .samples import cluster

HOLDER = """
import asyncio, sys
from operations.cluster_lock import cluster_lock

async def hold():
    async with cluster_lock("c", 5):
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(hold())
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_CLUSTER_HOME", str(tmp_path))


def test_a_second_run_waits_for_the_first() -> None:
    order = []

    async def run(name: str) -> None:
        async with cluster_lock("c", 5):
            order.append(f"{name} begins")
            await asyncio.sleep(0.1)
            order.append(f"{name} ends")

    async def both() -> None:
        await asyncio.gather(run("one"), run("two"))

    asyncio.run(both())
    assert order == ["one begins", "one ends", "two begins", "two ends"]


def test_who_waited_gives_up_where_a_later_run_was_let_in_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Pulumi that was killed leaves what it had started, which would undo what the next `up` did."""
    began = iter((10.0, 20.0, 30.0, 40.0))
    monkeypatch.setattr(cluster_lock_module, "time", SimpleNamespace(monotonic=lambda: next(began)))
    order: list[str] = []

    async def run(name: str, turn: asyncio.Event) -> None:
        async with cluster_lock("c", 5):
            order.append(name)
            await turn.wait()

    async def all_three() -> None:
        over, at_once = asyncio.Event(), asyncio.Event()
        at_once.set()
        first = asyncio.create_task(run("first", over))
        await asyncio.sleep(0)
        killed = asyncio.create_task(run("what a killed run left", at_once))
        await asyncio.sleep(0)
        over.set()
        await first
        async with cluster_lock("c", 5):  # before the one that waits looks again
            order.append("later")
        with pytest.raises(Overtaken, match="a run that began later"):
            await killed
        await run("the next", at_once)

    asyncio.run(all_three())
    assert order == ["first", "later", "the next"]


def test_what_another_boot_left_in_the_lock_overtakes_nobody(tmp_path: Path) -> None:
    left = tmp_path / "locks" / "running-c"
    left.parent.mkdir()
    left.write_text("1e12")

    async def take() -> None:
        async with cluster_lock("c", 0):
            pass

    asyncio.run(take())
    assert float(left.read_text()) < 1e12


def test_runs_on_different_clusters_do_not_wait() -> None:
    async def both() -> None:
        async with cluster_lock("c", 0), cluster_lock("d", 0):
            pass

    asyncio.run(both())


def test_a_run_that_waits_too_long_says_for_what_and_a_killed_one_holds_nothing() -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER], cwd=places.CHECKOUT, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"

    async def take() -> None:
        async with cluster_lock("c", 0):
            pass

    try:
        with pytest.raises(TimedOut, match="this cluster to be free; still missing: an earlier run still works on it"):
            asyncio.run(take())
    finally:
        holder.kill()
        holder.communicate()
    asyncio.run(take())


def test_no_setting_is_told_while_another_run_works_on_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    told = []

    async def update(_: live_settings.DefaultsUpdater) -> None:
        told.append("all of them")

    monkeypatch.setattr(live_settings.DefaultsUpdater, "update", update)
    monkeypatch.setattr(live_settings, "LOCK_SECONDS", 0)
    wanted = LiveSettings(mode=Mode.KRAFT, version="3.6.0", cluster_id="c", nodes=seats(cluster()), defaults={})

    async def beside_an_orphan() -> None:
        async with cluster_lock("c", 0):
            await live_settings.tell(wanted)

    with pytest.raises(live_settings.NotTaken, match="this cluster to be free.*No setting was told"):
        asyncio.run(beside_an_orphan())
    assert not told
    asyncio.run(live_settings.tell(wanted))
    assert told, "once it is over"
