"""The embedded libvirt from the command line.

    python3 -m lab up|down|status [--name NAME]
    python3 -m lab run [--name NAME] [--or-outside] -- COMMAND…

NAME is $KAFKA_CLUSTER_LAB, or else `dev`.
"""

import argparse
import os
import sys

from computer import host
from computer.commands import CommandFailed
from computer.telling import StillHeld
from computer.waiting import WaitedTooLong
from lab.libvirt import Libvirt


def main(arguments: list[str]) -> int:
    asked = _parser().parse_args(arguments)
    try:
        return int(asked.verb(Libvirt(asked.name), asked))
    except (CommandFailed, WaitedTooLong, StillHeld) as failure:
        print(f"lab: {failure}", file=sys.stderr)
        return 1


def up(lab: Libvirt, asked: argparse.Namespace) -> int:
    lab.up()
    print(f"lab: {lab.namespace.name} is up: {lab.uri}")
    return 0


def down(lab: Libvirt, asked: argparse.Namespace) -> int:
    lab.down(graceful=asked.graceful, delete=asked.delete)
    print(f"lab: {lab.namespace.name} is down{' and deleted' if asked.delete else ''}")
    for pid in lab.namespace.processes():
        print(f"lab: process {pid} is still inside", file=sys.stderr)
    return 0


def status(lab: Libvirt, asked: argparse.Namespace) -> int:
    if not lab.is_up():
        print(f"lab: {lab.namespace.name} is down")
        return 1
    print(f"lab: {lab.namespace.name} is up: {lab.uri}")
    print(f"lab: namespace {lab.namespace.netns}, data in {lab.namespace.kept}")
    for guest in lab.guests():
        print(f"lab: guest {guest} runs")
    return 0


def run(lab: Libvirt, asked: argparse.Namespace) -> int:
    """Becomes the command, so that its signals and exit code are its own."""
    if not asked.command:
        raise CommandFailed("run: expected a command, as in `python3 -m lab run -- virsh list`")
    if lab.is_up():
        command = lab.namespace.inside(asked.command)
        environment = os.environ | lab.environment()
    elif asked.or_outside or host.system_libvirt():
        command, environment = asked.command, dict(os.environ)
    else:
        raise CommandFailed(f"{lab.namespace.name} is not up, and this computer has no libvirt: python3 -m lab up")
    try:
        os.execvpe(command[0], command, environment)
    except FileNotFoundError as error:
        raise CommandFailed(f"run: {command[0]}: no such command") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m lab", description="an embedded libvirt in a namespace")
    verbs = parser.add_subparsers(required=True)
    for verb in up, down, status, run:
        sub = verbs.add_parser(verb.__name__)
        sub.set_defaults(verb=verb)
        sub.add_argument("--name", default=os.environ.get("KAFKA_CLUSTER_LAB") or "dev")
        if verb is down:
            sub.add_argument("--graceful", action="store_true", help="shut the guests down instead of stopping them")
            sub.add_argument("--delete", action="store_true", help="also delete the lab's data")
        if verb is run:
            sub.add_argument("--or-outside", action="store_true", help="run it anyway when the lab is down")
            sub.add_argument("command", nargs="*")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
