"""Traffic as a process of its own, inside the network of the cluster's machines.

    python -m tests.support.traffic run BOOTSTRAP_SERVERS TOPIC [--acks all] [--partitions 6] [--per-second 50]
    python -m tests.support.traffic check BOOTSTRAP_SERVERS TOPIC < LEDGER

`run` makes the topic, says `ready` once every partition has taken and given a record, and goes on until it is told to
`stop` on standard input (its end and SIGTERM are the same). It then waits for what is under way, reads the whole log
and prints the verdict as JSON. `count` is answered with the numbers of acknowledged records, `leaders` with the ids of
the brokers that lead, each by partition. `check` reads a topic again and prints what of a ledger is not in it any more.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from tests.support.traffic.clients import Reader, Sender, Watched, read_log
from tests.support.traffic.verdict import Seen, judge, numbers_in, ranges

# The first producer of a cluster waits until fifty partitions are made and led, which emulated machines take a minute for.
_START_SECONDS = 180.0
_DRAIN_SECONDS = 120.0
_READ_SECONDS = 300.0


class Told(Exception):
    """SIGTERM came."""


def _run(arguments: argparse.Namespace) -> None:
    partitions = len(arguments.replicas) or arguments.partitions
    watched = Watched(arguments.servers, arguments.topic, {number: Seen() for number in range(partitions)})
    watched.create(dict(each.split("=", 1) for each in arguments.config), arguments.replicas)
    sender = Sender(watched, arguments.acks, arguments.per_second, arguments.size)
    reader = Reader(watched)
    with _beside(reader):
        with _beside(sender):
            _wait_until_ready(watched)
            watched.errors.clear()  # a topic that was made a moment ago is not known to every broker yet
            _say({"ready": arguments.topic})
            _obey(watched)
        sender.drain(_DRAIN_SECONDS)
        ends = read_log(watched, _READ_SECONDS)
        _wait_for_the_reader(reader, ends)
    _say(judge(watched.seen, watched.errors, watched.notices).__dict__)


@contextmanager
def _beside(client: Sender | Reader) -> Iterator[None]:
    """Runs a client in a thread for as long as the context. One that doesn't end (a consumer was seen to hang in its
    `close`, after it had fallen out of its group) is left behind: the verdict says what it did not do."""
    stop = Event()
    thread = Thread(target=client.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_DRAIN_SECONDS)


def _wait_until_ready(watched: Watched) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not all(seen.acknowledged and seen.consumed for seen in watched.seen.values()):
        if time.monotonic() > deadline:
            sys.exit(f"no record came through every partition within {_START_SECONDS:.0f} s: {dict(watched.errors)}")
        time.sleep(0.05)


def _obey(watched: Watched) -> None:
    try:
        for line in sys.stdin:
            if line.strip() == "stop":
                return
            asked = {"count": watched.acknowledged, "leaders": watched.leaders}[line.strip()]
            _say({str(number): answer for number, answer in asked().items()})
    except Told:
        return


def _wait_for_the_reader(reader: Reader, ends: dict[int, int]) -> None:
    """The verdict says what it did not reach."""
    deadline = time.monotonic() + _DRAIN_SECONDS
    while not reader.has_read(ends) and time.monotonic() < deadline:
        time.sleep(0.05)


def _check(arguments: argparse.Namespace) -> None:
    ledger = json.load(sys.stdin)
    seen = {int(number): Seen(acknowledged=list(numbers_in(pairs))) for number, pairs in ledger.items()}
    watched = Watched(arguments.servers, arguments.topic, seen)
    read_log(watched, _READ_SECONDS)
    lost = {number: set(one.acknowledged) - set(one.log) for number, one in seen.items()}
    _say({str(number): ranges(numbers) for number, numbers in lost.items() if numbers})


def _say(document: object) -> None:
    print(json.dumps(document), flush=True)


def _told(*_: object) -> None:
    raise Told


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.support.traffic", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    run = verbs.add_parser("run", help="send and read records until told to stop")
    run.add_argument("--acks", choices=["all", "1"], default="all", help="`all` is idempotent, too")
    run.add_argument("--partitions", type=int, default=6)
    run.add_argument(
        "--replicas",
        type=lambda text: [int(broker) for broker in text.split(",")],
        action="append",
        default=[],
        metavar="BROKER,BROKER",
        help="the brokers of a partition, its leader first; once for each partition",
    )
    run.add_argument("--per-second", type=float, default=50, help="records for each partition")
    run.add_argument("--size", type=int, default=100, help="bytes of a record")
    run.add_argument("--config", action="append", default=[], metavar="KEY=VALUE", help="of the topic")
    check = verbs.add_parser("check", help="read a topic again and compare it with a ledger")
    for verb, act in ((run, _run), (check, _check)):
        verb.add_argument("servers")
        verb.add_argument("topic")
        verb.set_defaults(act=act)
    return parser


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _told)
    chosen = _parser().parse_args()
    chosen.act(chosen)
