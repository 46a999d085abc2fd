"""The ZooKeeper ensemble, asked from the operator's side.

Knows ZooKeeper's four-letter words. Refuses to judge what it is told.
"""

import asyncio

from model.health import Ensemble
from model.listeners import ZOOKEEPER_CLIENT_PORT
from model.topology import Cluster
from operations.ways import Ways

_MEMBER_SECONDS = 10


async def ask_ensemble(cluster: Cluster, ways: Ways, seconds: float = _MEMBER_SECONDS) -> Ensemble:
    """Each ZooKeeper member's state and newest transaction, asked side by side, each for `seconds` at most."""
    answers = await asyncio.gather(*(_member(ways, node.address, seconds) for node in cluster.voters))
    told = {node.id: answer for node, answer in zip(cluster.voters, answers, strict=True)}
    transactions = {node: int(answer["Zxid"], 16) for node, answer in told.items() if "Zxid" in answer}
    return Ensemble({node: answer["Mode"] for node, answer in told.items()}, transactions)


async def _member(ways: Ways, address: str, seconds: float) -> dict[str, str]:
    """What a member says of itself; its `Mode` says why not if it does not."""
    try:
        answer = await asyncio.wait_for(_four_letters(ways, address, "srvr"), seconds)
    except OSError as error:
        return {"Mode": f"no answer ({error or 'timed out'})"}
    told = dict(line.split(": ", 1) for line in answer.splitlines() if ": " in line)
    return told if "Mode" in told else {"Mode": next(iter(answer.strip().splitlines()), "an empty answer")}


async def _four_letters(ways: Ways, address: str, word: str) -> str:
    """What ZooKeeper answers to one of its four-letter words."""
    reader, writer = await ways.open_connection(address, ZOOKEEPER_CLIENT_PORT)
    try:
        writer.write(word.encode())
        writer.write_eof()
        answer: bytes = await reader.read(-1)
    finally:
        writer.close()
    return answer.decode(errors="replace")
