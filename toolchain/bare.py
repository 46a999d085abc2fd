"""Pulumi's own verbs, without `make`: says what stands in their way before Pulumi starts, in words that help, and then
becomes Pulumi, in the lab's network where the machines are.

Knows what a killed run and a lab that is down are to Pulumi. Refuses to mend anything: `make` does (toolchain/stack.py),
and is asked to where a stack is to go that a killed run has left.

    python -m toolchain.bare PROGRAM ARGUMENT…
"""

import os
import socket
import subprocess
import sys

from lab import __main__ as lab_door
from lab import libvirt
from lab.libvirt import Libvirt
from model import protection
from model.machine_names import MachineNames
from operations import stack_state
from toolchain import locks
from toolchain.selected import Selected, elsewhere, is_of, is_to_protect, read, selected, whereabouts

# What asks the hypervisor; the first takes no lock, so nobody's is in its way.
ASKING = ("preview", "up", "update", "refresh", "destroy", "import", "watch")
LOCKING = ASKING[1:]
# Whose configuration it is that says whether data is protected; a project of somebody's own says so in its program.
_OURS = "kafka-cluster"


class InTheWay(Exception):
    """Pulumi would fail, and not say what helps."""


def judge(asked: str, found: Selected, lab: Libvirt, where: str) -> None:
    """Raises InTheWay with what stands in the verb's way. `where` the stack's machines are."""
    verb, stack = "destroy" if asked == "destroy" else "up", found.stack
    if asked in LOCKING and asked != "destroy" and (owner := locks.dead(found.project, stack)):
        raise InTheWay(
            f"an earlier run on stack {stack} was killed and left its lock ({owner}). `make up STACK={stack}` clears"
            f" it, and what else that run left, and goes on; `pulumi cancel {stack}` takes only the lock away"
        )
    if is_of(lab, where) and not lab.namespace.processes(("libvirtd",)):
        raise InTheWay(
            f"the machines of stack {stack} live in the embedded lab {lab.namespace.name}, which is down, as it is after a"
            f" reboot. `make {verb} STACK={stack}` starts it and goes on; `python -m lab up` only starts it"
        )
    backend = os.environ.get("PULUMI_BACKEND_URL", "file:")
    if not backend.startswith("file:") and lab.is_up() and not elsewhere(lab, where):
        raise InTheWay(
            f"the state of stack {stack} is kept at {backend}, which nobody reaches from the network of the embedded lab"
            f" {lab.namespace.name}. Take a libvirt of the computer's own (libvirtUri), or a backend in files"
        )


def refuse_unapplied_protection(found: Selected) -> None:
    """Before a stack goes whose data is to stay. A state that is no file here is not asked, which would take seconds."""
    if found.project == _OURS and is_to_protect(found):
        known = stack_state.of_file_backend(f"organization/{found.project}/{found.stack}") or ()
        protection.refuse_unapplied(known, MachineNames(found.project, found.stack))


def clear(found: Selected) -> bool:
    """Takes away what a killed run has left of the stack, but for data volumes. Whether nothing is in the way any more."""
    command = [sys.executable, "-m", "toolchain.stack", "clear", "--stack", found.stack, "--project", str(found.folder)]
    return subprocess.run(command).returncode == 0


def forget_dead_agent() -> None:
    """Takes the address of an ssh agent away that nobody listens at, as a session that ended leaves it: every stage would
    fail on it, although it has a key of its own."""
    with socket.socket(socket.AF_UNIX) as agent:
        try:
            agent.connect(os.environ.get("SSH_AUTH_SOCK", ""))
        except OSError:
            os.environ.pop("SSH_AUTH_SOCK", None)


def main(program: str, *arguments: str) -> int:
    """Becomes Pulumi, or says why not."""
    forget_dead_agent()
    asked = read(arguments)
    if asked.verb not in ASKING:
        # No machine is spoken to, and a state that is kept elsewhere is not to be reached from the lab's network.
        os.execv(program, [program, *arguments])
    if found := selected(asked):
        lab, where = libvirt.chosen(), whereabouts(found)
        try:
            judge(asked.verb, found, lab, where)
            if asked.verb == "destroy":
                refuse_unapplied_protection(found)
        except (InTheWay, protection.NotApplied) as obstacle:
            print(f"pulumi {asked.verb}: {obstacle}", file=sys.stderr)
            return 1
        if asked.verb == "destroy" and locks.dead(found.project, found.stack) and not clear(found):
            return 1
        if elsewhere(lab, where):
            # In the lab, libvirt's own socket is the lab's: a refresh would find no machine there, and forget all.
            os.execv(program, [program, *arguments])
    return lab_door.main(["run", "--or-outside", "--", program, *arguments])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
