"""Looks at a cluster from inside its network until it is whole: `python -m bench.watch`, the same finish for everybody.

Reads the cluster as JSON from the first line of standard input. Each further line asks once to wait until the cluster is
whole, and is answered with the clock's reading when it was; clocks of one computer are the same in all processes.
"""

import asyncio
import json
import sys
import time
from contextlib import redirect_stdout

from model import health
from model.kafka_keys import Mode, Role
from model.topology import Cluster, Node
from operations.kafka_view import KafkaView
from operations.wait import until
from operations.ways import DIRECT

_SECONDS = 180


def cluster(text: str) -> tuple[Cluster, int]:
    """A cluster and the patience with it, as `described` wrote them."""
    known = json.loads(text)
    nodes = (
        Node(node["name"], node["id"], node["address"], tuple(map(Role, node["roles"]))) for node in known["nodes"]
    )
    return Cluster(Mode(known["mode"]), known["version"], tuple(nodes)), known["patience"]


def described(cluster: Cluster, patience: int) -> str:
    """A cluster on one line, and the factor that every time limit is stretched by."""
    nodes = [{"name": n.name, "id": n.id, "address": n.address, "roles": list(n.roles)} for n in cluster.nodes]
    return json.dumps({"mode": cluster.mode, "version": cluster.version, "patience": patience, "nodes": nodes})


async def _whole(seen: Cluster, view: KafkaView, limit: float) -> None:
    async def ask() -> str | None:
        return "; ".join(health.missing(seen, await view.sample())) or None

    await until("the cluster to be healthy", ask, limit=limit, every=0.1)


def main() -> None:
    """Answers each line until there is no other."""
    seen, patience = cluster(sys.stdin.readline())
    view = KafkaView(seen, DIRECT, patience)
    print("ready", flush=True)
    for _ in sys.stdin:
        view.close()  # it still believes in the brokers that it met before
        with redirect_stdout(sys.stderr):  # where it says what it waits for
            asyncio.run(_whole(seen, view, _SECONDS * patience))
        print(time.monotonic(), flush=True)
    view.close()


if __name__ == "__main__":
    main()
