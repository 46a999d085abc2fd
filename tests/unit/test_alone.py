"""Two runs never work on one cluster at the same time, and a dead one holds nothing."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from operations.alone import alone
from operations.wait import TimedOut
from toolchain import places

HOLDER = """
import asyncio, sys
from operations.alone import alone

async def hold():
    async with alone("c", 5):
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
        async with alone("c", 5):
            order.append(f"{name} begins")
            await asyncio.sleep(0.1)
            order.append(f"{name} ends")

    async def both() -> None:
        await asyncio.gather(run("one"), run("two"))

    asyncio.run(both())
    assert order == ["one begins", "one ends", "two begins", "two ends"]


def test_runs_on_different_clusters_do_not_wait() -> None:
    async def both() -> None:
        async with alone("c", 0), alone("d", 0):
            pass

    asyncio.run(both())


def test_a_run_that_waits_too_long_says_for_what_and_a_killed_one_holds_nothing() -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER], cwd=places.CHECKOUT, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"

    async def take() -> None:
        async with alone("c", 0):
            pass

    try:
        with pytest.raises(TimedOut, match="this cluster to be free; still missing: an earlier run still works on it"):
            asyncio.run(take())
    finally:
        holder.kill()
        holder.communicate()
    asyncio.run(take())
