"""Gives brokers their sight back that started on a full disk and would not see it fail any more.

Knows what such a broker needs before it is started again, and how long that is waited for. Refuses to know how it is found
(`files/stages/account.py`) and started.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from model.topology import Node
from operations.gates import Gates
from operations.wait import TimedOut, until

_ROOM_SECONDS = 180
# A new segment of a partition's log makes two index files of at most 10 MiB.
_ROOM_BYTES = 20 << 20
_TRIES = 3
_EVERY_SECONDS = 1.0

Look = Callable[[str], Awaitable[Mapping[str, Any]]]


async def restored(
    gates: Gates, brokers: Sequence[Node], look: Look, restart: Callable[[str], Awaitable[None]]
) -> None:
    """Returns when none of these brokers, which were started, is blind. Of several one is restarted at a time, behind the
    gate of every restart. TimedOut when one has no room, or is blind time and again."""
    await gates.serving(brokers)
    for broker in brokers:
        tries = 0
        while (await look(broker.name))["blind"]:
            if tries == _TRIES:
                raise TimedOut(
                    f"{broker.name}'s broker was started {tries + 1} times, and could not write meta.properties in its log"
                    " directory, although there is room"
                )
            tries += 1
            print(
                f"{broker.name}'s broker started on a full disk, and is restarted as soon as there is room", flush=True
            )
            await room(broker.name, look, gates.patience)
            await gates.spared({broker.name: broker.id})
            await restart(broker.name)
            await gates.serving([broker])


async def room(name: str, look: Look, patience: int) -> None:
    """Returns when a blind broker may be restarted: on a disk that is still full it would as a rule not even start, and it
    serves now. TimedOut when it stays full."""

    async def ask() -> str | None:
        free = (await look(name))["free_bytes"]
        return f"it has {free >> 20} MiB, and takes {_ROOM_BYTES >> 20}" if free < _ROOM_BYTES else None

    await until(f"room on {name}'s data volume", ask, limit=_ROOM_SECONDS * patience, every=_EVERY_SECONDS)
