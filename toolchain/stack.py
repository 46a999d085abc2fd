"""The verbs of `make` that drive Pulumi: up, preview, machines, destroy. One more clears for a bare `pulumi destroy`.

Knows the order of set-up, lab, clearing and Pulumi, and shows it. Everything it does can be done by hand with the
programs it calls; what is decided is decided elsewhere. Runs in the project's own environment (`. ./activate`).
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from signal import SIGINT
from typing import Any

from archives import archive, metrics
from computer import host, places, signals
from computer.commands import CommandFailed
from computer.telling import StillHeld
from computer.waiting import WaitedTooLong, wait_for
from images import shared_classes
from lab import libvirt
from model import attempt, handover, identity, pending_replacement, protection, state, times
from model.errors import ConfigurationError, Problem
from model.machine_names import MachineNames, may_hold_records
from model.settings import Settings, read
from operations import stack_state
from operations.leftovers import NotCleared, clear, find, find_all, foreign
from operations.preflight import Unusable, require_libvirt
from toolchain import locks, torn_state

_PREFIX = "kafka-cluster:"
_BOOT_SECONDS = times.boot_seconds(times.patience(emulated=True))


class VerbFailed(Exception):
    """A verb can't go on; what went wrong was printed by the program that found it."""


class Stack:
    """One stack of this project, and the lab its machines live in."""

    def __init__(self, name: str, project: Path) -> None:
        self.name = name
        self.project = project
        self.lab = libvirt.chosen()
        self.names = MachineNames("kafka-cluster", name)

    def pulumi(self, *arguments: str, capture: bool = False, environment: Mapping[str, str] | None = None) -> str:
        """Runs pulumi with this stack; its output when captured, else on the terminal."""
        return self._run(["pulumi", *arguments, "--stack", self.name], capture, environment or {})

    def select(self) -> None:
        """Makes this stack the one that bare verbs take, and makes it if need be."""
        self._run(["pulumi", "stack", "select", "--create", self.name], capture=True, environment={})

    def _run(self, command: list[str], capture: bool, environment: Mapping[str, str]) -> str:
        done = signals.run(command, capture=capture, cwd=self.project, env={**os.environ, **environment})
        if done.returncode != 0:
            if capture:
                print(done.stderr.strip(), file=sys.stderr)
            raise VerbFailed(f"`{' '.join(command)}` ended with {done.returncode}")
        return done.stdout if capture else ""

    def config(self) -> dict[str, Any]:
        """The project's own configuration as the CLI spells it, without the prefix of its keys."""
        raw = json.loads(self.pulumi("config", "--json", "--show-secrets", capture=True))
        return {
            key.removeprefix(_PREFIX): entry.get("objectValue", entry.get("value"))
            for key, entry in raw.items()
            if key.startswith(_PREFIX)
        }

    def settings(self) -> Settings:
        """The judged configuration; ConfigurationError with all that is wrong with it."""
        return read(self.config())

    def waiting(self) -> dict[str, str]:
        """The machines that wait to be replaced, and for what."""
        return pending_replacement.pending(stack_state.resources(self.name), self.settings())

    def refuse_too_small(self) -> None:
        """Before any node is stopped for it: an `up` that replaces one machine is one for all the others, too."""
        if problems := pending_replacement.too_small(stack_state.resources(self.name), self.settings()):
            raise ConfigurationError(problems)

    def was_up(self) -> bool:
        """Whether an `up` came as far as the cluster itself, so that there is one to be whole."""
        return any(state.name(one) == handover.RUNNING_RESOURCE for one in stack_state.resources(self.name))

    def protects_data(self) -> bool:
        """Whether the configuration, or what the last `up` made of it, keeps data volumes from being deleted."""
        return self._is_to_protect() or any(one.get("protect") for one in stack_state.resources(self.name))

    def refuse_unapplied_protection(self) -> None:
        """Before anything of a stack is taken away whose data is to stay."""
        if self._is_to_protect():
            protection.refuse_unapplied(stack_state.resources(self.name), self.names)

    def _is_to_protect(self) -> bool:
        """Whether the configuration says so."""
        return str(self.config().get("protectData", True)).lower() != "false"

    def needs_lab(self) -> bool:
        """Whether its machines live in the embedded libvirt."""
        config = self.config()
        if config.get("platform", "libvirt") != "libvirt" or config.get("libvirtUri", "auto") != "auto":
            return False
        # Whoever names a lab wants it, whatever else this computer has.
        named = bool(os.environ.get("KAFKA_CLUSTER_LAB"))
        return named or self.lab.is_up() or self.lab.namespace.kept.exists() or host.system_libvirt() is None

    def refuse_another_hypervisor(self) -> None:
        """Keeps the lab from a state whose machines live elsewhere: a refresh would find none of them in it, and forget
        all."""
        there = identity.earlier(stack_state.resources(self.name)).get("libvirtUri", self.lab.uri)
        if identity.refusals({"libvirtUri": there}, {"libvirtUri": self.lab.uri}):
            expected = (
                f"the hypervisor of this stack's machines, {there}: it is to answer"
                f" (`virsh --connect '{there}' version`), and is asked whatever else there is once libvirtUri names it"
            )
            raise ConfigurationError([Problem("libvirtUri", self.lab.uri, expected, f"libvirtUri: {there}")])

    def uri(self) -> str | None:
        """The hypervisor's address; None where machines exist already."""
        config = self.config()
        if config.get("platform", "libvirt") != "libvirt":
            return None
        wanted = str(config.get("libvirtUri", "auto"))
        if wanted != "auto":
            return wanted
        return self.lab.uri if self.lab.is_up() else host.system_uri()


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Says which phase begins, and how long it took."""
    started = time.monotonic()
    print(f"── {name}", flush=True)
    yield
    print(f"── {name}: {time.monotonic() - started:.1f} s", flush=True)


def prepare(stack: Stack) -> bool:
    """Everything that Pulumi's program needs before it can look: a configuration without faults, the stack's lab, and what
    is to be brought to the machines. Whether the lab, and with it its machines, was switched on just now."""
    select(stack)
    settings = stack.settings()
    switched_on = start_lab(stack)
    fetch(settings)
    return switched_on


def select(stack: Stack) -> None:
    """Makes the stack if need be, and clears what a killed run left of itself on this computer."""
    with phase(f"stack {stack.name}"):
        torn_state.mend(os.environ["PULUMI_BACKEND_URL"], stack.name)
        stack.select()
        locks.clear_dead(stack.name)
        locks.end_orphaned_plugins()


def start_lab(stack: Stack) -> bool:
    """Starts the lab of machines that live in one. Whether it was down."""
    if not stack.needs_lab():
        return False
    stack.refuse_another_hypervisor()
    with phase("lab"):
        was_down = not stack.lab.is_up()
        stack.lab.up()
    return was_down


def meet_machines(stack: Stack) -> None:
    """Waits for machines that boot since the lab is up: a stage that has something to do there would do so for seconds
    only. What is wrong with one that does not come, Pulumi tells."""
    if not stack.was_up():
        return
    with phase("machines that boot"):
        there = stack.lab.virsh("list", "--all", "--name").split()
        for name in (node.name for node in stack.settings().nodes if stack.names.of(node.name) in there):
            try:
                wait_for(f"{name} to answer", partial(_answers, stack, name), _BOOT_SECONDS)
            except WaitedTooLong as waited:
                print(waited, flush=True)
                return


def _answers(stack: Stack, name: str) -> bool:
    command = ["kafka-cluster", "ssh", "--stack", stack.name, name, "true"]
    return subprocess.run(command, cwd=stack.project, capture_output=True).returncode == 0


def fetch(settings: Settings) -> None:
    """Brings to this computer what its nodes are made of."""
    with phase("Kafka archive"):
        found = archive.ensure(
            settings.kafka_version,
            None if settings.archive == "auto" else settings.archive,
            settings.archive_sha512 or None,
        )
        try:
            shared_classes.ensure(found)
        except CommandFailed as failure:
            print(
                f"Kafka's classes were not laid out for Java, so brokers and tools start later: {failure}", flush=True
            )
    if settings.metrics.enabled:
        with phase("metrics agents"):
            metrics.ensure()
            if settings.metrics.monitor:
                metrics.ensure_prometheus()


def clear_leftovers(stack: Stack, everything: bool = False) -> None:
    """What a killed run left behind would be in the way of whatever changes something. A data volume is in the way only
    where everything is to go."""
    if uri := stack.uri():
        with phase("leftovers of a killed run"):
            require_libvirt(uri)
            known = stack_state.resources(stack.name)
            if everything:
                found = find_all(uri, known, stack.names, stack.protects_data())
                stack.refuse_unapplied_protection()
                clear(uri, found, stack.names)
            else:
                clear(uri, find(uri, known, stack.names), stack.names)


def tell_foreign(stack: Stack) -> None:
    """Names what is nobody's leftover and yet in the way of the pool's end."""
    if (uri := stack.uri()) and (files := foreign(uri, stack.names)):
        print(
            f"left in pool {stack.names.prefix}, as this package did not make it: {', '.join(files)}. Libvirt removes no"
            " pool that holds a file: before it can go, move them elsewhere, or delete them",
            flush=True,
        )


def up(stack: Stack, arguments: list[str]) -> None:
    """Brings the stack to a healthy cluster and prints its bootstrap servers."""
    switched_on = prepare(stack)
    clear_leftovers(stack)
    if switched_on:
        meet_machines(stack)
    with phase("pulumi up"):
        stack.pulumi("up", "--yes", "--skip-preview", *arguments)
    _whole(stack)
    if stack.lab.is_up() and stack.needs_lab():
        print("the machines live in the lab's network: python -m lab run -- COMMAND reaches them")
    print(stack.pulumi("stack", "output", "bootstrap_servers", capture=True).strip())


def _whole(stack: Stack) -> None:
    """Pulumi sees what it made and not what became of it, so the cluster itself has the last word."""
    command = ["kafka-cluster", "status", "--stack", stack.name, "--wait"]
    if signals.run(command, cwd=stack.project).returncode != 0:
        raise VerbFailed(
            "the cluster is not whole, and what is missing stands above. Where only services are down, another word in"
            " `reapply` makes `pulumi up` start them"
        )


def machines(stack: Stack, arguments: list[str]) -> None:
    """Replaces the machines that wait for it, one at a time, each stopped cleanly, the cluster whole in between."""
    switched_on = prepare(stack)
    clear_leftovers(stack)
    if switched_on:
        meet_machines(stack)
    begun = places.home() / "locks" / f"machines-{stack.name}"
    if begun.exists() and stack.was_up():
        with phase("what an earlier run of this verb left undone"):
            stack.pulumi("up", "--yes", "--skip-preview", *arguments, environment={attempt.AGAIN: "1"})
            _whole(stack)
    done: set[str] = set()
    stack.refuse_too_small()
    while left := stack.waiting():
        # A node that is stopped on purpose is no work that any state says is undone.
        begun.parent.mkdir(parents=True, exist_ok=True)
        begun.touch()
        name = _released(stack, left)
        if name in done:
            raise VerbFailed(f"{name} was replaced and still waits for {left[name]}")
        done.add(name)
        with phase(f"machine {name}: {left[name]}"):
            stack.pulumi("up", "--yes", "--skip-preview", *arguments, environment={pending_replacement.CHOSEN: name})
            _whole(stack)
    if not done and stack.was_up():
        _whole(stack)
    begun.unlink(missing_ok=True)
    print(f"replaced {', '.join(sorted(done))}" if done else "no machine waits to be replaced")


def _released(stack: Stack, left: Iterable[str]) -> str:
    """The node that was taken out of the cluster; what is printed meanwhile is passed on."""
    command = ["kafka-cluster", "release", "--stack", stack.name, *left]
    with subprocess.Popen(command, cwd=stack.project, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        line = ""
        try:
            for line in running.stdout:
                print(line, end="", flush=True)
        except KeyboardInterrupt:
            for line in running.stdout:  # it was interrupted, too, and ends when it can
                print(line, end="", flush=True)
            raise
    if running.returncode != 0:
        raise VerbFailed("no machine was touched")
    return line.strip()


def preview(stack: Stack, arguments: list[str]) -> None:
    """Tells what `up` would do."""
    prepare(stack)
    stack.pulumi("preview", "--diff", *arguments)


def destroy(stack: Stack, arguments: list[str]) -> None:
    """Takes everything of the stack away, and the lab with it when nobody else lives there."""
    # Pulumi runs no program for it: whatever the configuration says by now, and with nothing to be brought anywhere.
    select(stack)
    start_lab(stack)
    clear_leftovers(stack, everything=True)
    tell_foreign(stack)
    with phase("pulumi destroy"):
        stack.pulumi("destroy", "--yes", *arguments)
    if stack.lab.is_up():
        with phase("lab"):
            end_lab(stack.lab)


def end_lab(lab: libvirt.Libvirt) -> None:
    """Takes the lab away where nobody lives there, and nobody's records lie there."""
    # A pool without machines may hold somebody's data all the same, and so may files whose pool was undefined.
    others = " ".join(lab.virsh(lister, "--all", "--name") for lister in ("list", "pool-list")).split()
    if others:
        print(f"the lab stays up for {', '.join(others)}")
    elif files := records_in(lab):
        print(
            f"the lab stays up, as no pool has these files any more and they may hold records: {', '.join(files)}."
            " To keep them, copy them elsewhere. Where nobody needs them: `python -m lab down --delete`"
        )
    else:
        lab.down(delete=True)


def records_in(lab: libvirt.Libvirt) -> list[str]:
    """The files of a lab that may hold records of any stack."""
    # Libvirt's own, a folder for each machine: what is in it goes with the machine.
    of_libvirt = lab.namespace.outside(Path("/var/lib/libvirt/qemu"))
    files = (file for file in sorted(lab.namespace.kept.rglob("*")) if file.is_file())
    theirs = (file for file in files if not file.is_relative_to(of_libvirt))
    return [str(file) for file in theirs if may_hold_records(file.parent.name, file.name)]


def clear_only(stack: Stack, _: list[str]) -> None:
    """Takes away what a killed run left, but for data volumes, and goes no further."""
    select(stack)
    clear_leftovers(stack)
    tell_foreign(stack)


VERBS = {"up": up, "preview": preview, "machines": machines, "destroy": destroy, "clear": clear_only}


def main() -> int:
    """Runs a verb on the stack that is named, or `dev`."""
    parser = argparse.ArgumentParser(prog="python -m toolchain.stack", description=__doc__.partition("\n")[0])
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("--stack", default="dev")
    parser.add_argument("--project", type=Path, default=places.CHECKOUT, help="the folder of Pulumi.yaml")
    asked, more = parser.parse_known_args()
    signals.heed_interrupts()
    try:
        VERBS[asked.verb](Stack(asked.stack, asked.project), more)
    except KeyboardInterrupt:
        print(f"{asked.verb}: interrupted; run it again to go on", file=sys.stderr)
        return 128 + SIGINT
    except (
        VerbFailed,
        ConfigurationError,
        stack_state.NotReadable,
        CommandFailed,
        WaitedTooLong,
        StillHeld,
        NotCleared,
        Unusable,
        protection.NotApplied,
        locks.Locked,
        archive.ArchiveError,
        metrics.MetricsError,
        torn_state.Torn,
    ) as failure:
        print(f"{asked.verb}: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
