"""The door of operations: `python -m operations VERB`, or `kafka-cluster VERB`. The verbs of an `up` read their plan from
standard input, and its list of verbs leaves them out: they are no person's.

A first `up` runs several of them, so each loads what it needs itself and nothing else.
"""

import argparse
import sys
from collections.abc import Coroutine
from contextlib import suppress
from pkgutil import resolve_name
from typing import Any

from operations.refusal import Refusal

# The verbs of an `up`, which act on a document: what acts, what the document is, and what for.
_PLANNED = {
    "fit": (
        "operations.fit:check",
        "operations.fit:Candidates",
        "look whether machines that are there already can carry their nodes",
    ),
    "removed": (
        "operations.claim:give_back",
        "operations.claim:Claim",
        "remove what is ours from a machine that somebody else made",
    ),
    "ready": (
        "operations.ready:wait",
        "operations.ready:Newcomer",
        "wait until a new machine can be worked on",
    ),
    "emptied": (
        "operations.emptied:check",
        "model.emptied:Emptied",
        "ask whether the other nodes hold what one has lost",
    ),
    "watched": (
        "operations.watched:serves",
        "operations.watched:Watcher",
        "wait until what watches a cluster serves",
    ),
    "running": ("operations.running:bring", "model.handover:Handover", "bring the cluster to run what is planned"),
    "topics": ("operations.topics:settle", "model.topic_plan:TopicPlan", "bring its topics to what is listed"),
    "settings": (
        "operations.live_settings:tell",
        "model.handover:LiveSettings",
        "give the running cluster the settings that need no restart",
    ),
}


_STACK = "the stack to ask about (default: the selected one)"


def _ended(work: Coroutine[Any, Any, Any]) -> Any:
    import asyncio

    return asyncio.run(work)


def _planned(arguments: argparse.Namespace) -> None:
    act, document, _ = _PLANNED[arguments.verb]
    _ended(resolve_name(act)(resolve_name(document).model_validate_json(sys.stdin.read())))


def _keys(arguments: argparse.Namespace) -> None:
    from operations import secrets

    secrets.print_keys(arguments.names)


def _cluster_id(_: argparse.Namespace) -> None:
    from operations import secrets

    print(secrets.new_cluster_id())


def _domain_type(arguments: argparse.Namespace) -> None:
    from operations import hypervisor

    print(hypervisor.domain_type(arguments.wanted, sys.stdin.read().strip()))


def _free_address(arguments: argparse.Namespace) -> None:
    from operations import hypervisor

    hypervisor.refuse_taken(arguments.address)


def _ssh(arguments: argparse.Namespace) -> None:
    from operations import shell

    sys.exit(shell.open_shell(arguments.stack or shell.selected_stack(), arguments.node, arguments.command))


def _status(arguments: argparse.Namespace) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from model.status import Verdict
    from operations import shell

    try:
        stack = arguments.stack or shell.selected_stack()
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(shell.handed_over, stack)
            from operations import status  # what asks takes as long to load as Pulumi needs to answer
        told = reading.result()
    except Refusal as error:
        print(error, file=sys.stderr)
        sys.exit(Verdict.UNKNOWN)
    with suppress(KeyboardInterrupt):
        asked = status.show(stack, told, wait=arguments.wait, watch=arguments.watch, as_json=arguments.json)
        sys.exit(_ended(asked))


def _seconds(text: str) -> float:
    """A time to wait, longer than nothing."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"got {text!r}; expected a number of seconds above 0; for example 5")
    return value


def _drift(arguments: argparse.Namespace) -> None:
    from operations import drift, shell

    sys.exit(_ended(drift.show(*shell.state(arguments.stack or shell.selected_stack()))))


def _release(arguments: argparse.Namespace) -> None:
    from operations import release, shell

    print(_ended(release.release(shell.handed_over(arguments.stack or shell.selected_stack()), arguments.nodes)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kafka-cluster", description="Looks at the cluster of a stack, and opens a shell on its nodes."
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    keys = verbs.add_parser("keys", description="make an ssh key pair for each name and print them as JSON")
    keys.add_argument("names", nargs="+")
    keys.set_defaults(act=_keys)
    kind = verbs.add_parser("domain-type", description="resolve `auto` for the libvirt whose URI is read from stdin")
    kind.add_argument("wanted", choices=["auto", "kvm", "qemu"])
    kind.set_defaults(act=_domain_type)
    free = verbs.add_parser("free-address", description="refuse an address that something answers at")
    free.add_argument("address")
    free.set_defaults(act=_free_address)
    ssh = verbs.add_parser("ssh", help="open a shell on a node, or run a command there")
    ssh.add_argument("--stack", help=_STACK)
    ssh.add_argument("node")
    ssh.add_argument("command", nargs=argparse.REMAINDER)
    ssh.set_defaults(act=_ssh)
    asked = verbs.add_parser("status", help="show the health of the cluster and of each node")
    _add_status(asked)
    leave = verbs.add_parser(
        "release", description="stop one of these nodes, for its machine to be replaced, and say which"
    )
    leave.add_argument("--stack", help=_STACK)
    leave.add_argument("nodes", nargs="+")
    leave.set_defaults(act=_release)
    drift = verbs.add_parser("drift", help="say what differs on the nodes from what the last `up` left")
    drift.add_argument("--stack", help=_STACK)
    drift.set_defaults(act=_drift)
    identity = verbs.add_parser("cluster-id", description="make a random cluster id")
    identity.set_defaults(act=_cluster_id)
    for name, (_, _, text) in _PLANNED.items():
        verbs.add_parser(name, description=text).set_defaults(act=_planned, verb=name)
    return parser


def _add_status(asked: argparse.ArgumentParser) -> None:
    asked.add_argument("--stack", help=_STACK)
    asked.add_argument("--json", action="store_true", help="for programs: docs/reference/status.md names the keys")
    again = asked.add_mutually_exclusive_group()
    again.add_argument(
        "--wait",
        type=_seconds,
        nargs="?",
        const=float("inf"),
        default=0,
        metavar="SECONDS",
        help="wait until it is healthy, so many seconds at most, or for as long as a boot may take",
    )
    again.add_argument(
        "--watch",
        type=_seconds,
        nargs="?",
        const=2,
        default=0,
        metavar="SECONDS",
        help="look again every 2 s, or so many",
    )
    asked.set_defaults(act=_status)


def main() -> None:
    """Runs a verb; what it can't do is said in its own words and without a traceback."""
    arguments = _parser().parse_args()
    try:
        arguments.act(arguments)
    except Refusal as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
