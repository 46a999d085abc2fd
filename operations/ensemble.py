"""The ZooKeeper ensemble, asked from the operator's side.

Knows ZooKeeper's four-letter words. Refuses to judge what it is told.
"""

import asyncio
import socket

from model.health import Ensemble
from model.listeners import ZOOKEEPER_CLIENT_PORT
from model.topology import Cluster

_MEMBER_SECONDS = 10


async def ask_ensemble(cluster: Cluster, seconds: float = _MEMBER_SECONDS) -> Ensemble:
    """Each ZooKeeper member's state and newest transaction, asked side by side, each for `seconds` at most."""
    answers = await asyncio.gather(*(asyncio.to_thread(_member, node.address, seconds) for node in cluster.voters))
    told = {node.id: answer for node, answer in zip(cluster.voters, answers, strict=True)}
    transactions = {node: int(answer["Zxid"], 16) for node, answer in told.items() if "Zxid" in answer}
    return Ensemble({node: answer["Mode"] for node, answer in told.items()}, transactions)


def _member(address: str, seconds: float) -> dict[str, str]:
    """What a member says of itself; its `Mode` says why not if it does not."""
    try:
        answer = four_letters(address, "srvr", seconds)
    except OSError as error:
        return {"Mode": f"no answer ({error})"}
    told = dict(line.split(": ", 1) for line in answer.splitlines() if ": " in line)
    return told if "Mode" in told else {"Mode": next(iter(answer.strip().splitlines()), "an empty answer")}


def four_letters(address: str, word: str, seconds: float = _MEMBER_SECONDS) -> str:
    """What ZooKeeper answers to one of its four-letter words."""
    with socket.create_connection((address, ZOOKEEPER_CLIENT_PORT), timeout=seconds) as connection:
        connection.sendall(word.encode())
        connection.shutdown(socket.SHUT_WR)
        chunks = iter(lambda: connection.recv(65536), b"")
        return b"".join(chunks).decode(errors="replace")
