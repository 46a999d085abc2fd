"""The hand that reaches out: commands on the operator's computer and on the machines.

The one module that knows pulumi_command. Refuses to know what the commands are for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import Input, Output, Resource, ResourceOptions
from pulumi_command import local, remote

from model.handover import Access

# One stage of a node; `stdout` is what it printed.
Stage = remote.Command

# At Ctrl-C the command plugin ends the process that it started, which is a shell if that starts another one.
_OPERATION = "exec python -m operations"
# For the largest of them, the Kafka archive, that is 30 KiB a second.
_LONGEST = pulumi.CustomTimeouts(create="1h", update="1h")
# Machines answered when stage `ready` was done, so a machine that does not is worth few tries only. One that was made anew
# may still boot: with the pauses of pulumi-command these are half a minute.
_DIAL_TRIES = 4
PATIENT_TRIES = 10


def operate(
    name: str,
    verb: str,
    *,
    parent: Resource,
    stdin: Input[str] | None = None,
    depends_on: Sequence[Input[Resource]] = (),
    once: bool = False,
    secret: bool = False,
    deleted_with: Resource | None = None,
) -> local.Command:
    """Runs `python -m operations VERB` on the operator's computer; what it prints is `stdout`. `once`: what it
    answered first stays, whatever becomes of its words. `secret`: the answer is one, and is not printed."""
    return local.Command(
        name,
        create=f"{_OPERATION} {verb}",
        stdin=stdin,
        logging=local.Logging.NONE if secret else local.Logging.STDOUT,
        opts=ResourceOptions(
            parent=parent,
            depends_on=list(depends_on),
            ignore_changes=["create", "stdin"] if once else None,
            additional_secret_outputs=["stdout"] if secret else None,
            deleted_with=deleted_with,
        ),
    )


def undo(
    name: str, verb: str, *, stdin: Input[str], parent: Resource, depends_on: Sequence[Input[Resource]]
) -> local.Command:
    """Runs `python -m operations VERB` when a destroy comes to it, with the standard input that the last `up` applied."""
    return local.Command(
        name,
        create="true",
        delete=f"{_OPERATION} {verb}",
        stdin=stdin,
        opts=ResourceOptions(parent=parent, depends_on=list(depends_on)),
    )


def _without_keys(access: Access) -> dict[str, Any]:
    return access.model_dump(exclude={"private_key": True, "jump_host": {"private_key"}})


@dataclass(frozen=True)
class Hand:
    """A way to one machine, through another one when it `jumps`. `access` is secret."""

    access: Output[Access]
    deleted_with: Resource | None
    jumps: bool = False

    def connection(self, tries: int = _DIAL_TRIES) -> remote.ConnectionArgs:
        """As pulumi-command wants it, host key included: without one, none would be checked."""
        plain = Output.unsecret(self.access.apply(_without_keys))
        return remote.ConnectionArgs(
            host=plain["address"],
            port=plain["port"],
            user=plain["user"],
            host_key=plain["host_key"],
            private_key=self.access.apply(lambda access: access.private_key),
            dial_error_limit=tries,
            per_dial_timeout=60,
            proxy=self._proxy() if self.jumps else None,
        )

    def _proxy(self) -> remote.ProxyConnectionArgs:
        jump = Output.unsecret(self.access.apply(_without_keys))["jump_host"]
        return remote.ProxyConnectionArgs(
            host=jump["address"],
            port=jump["port"],
            user=jump["user"],
            host_key=jump["host_key"],
            private_key=self.access.apply(lambda access: access.jump_host.private_key if access.jump_host else ""),
        )

    def stage(
        self,
        name: str,
        *,
        first: Input[str],
        again: Input[str],
        program: Input[str],
        parent: Resource,
        depends_on: Sequence[Resource],
        tries: int = _DIAL_TRIES,
    ) -> Stage:
        """A stage on the machine: `first` is the command of its first time, `again` that of every later one;
        both read the program on their standard input."""
        return remote.Command(
            name,
            connection=self.connection(tries),
            create=first,
            update=again,
            stdin=program,
            add_previous_output_in_env=False,
            opts=ResourceOptions(
                parent=parent,
                depends_on=list(depends_on),
                deleted_with=self.deleted_with,
                custom_timeouts=_LONGEST,
            ),
        )

    def upload(
        self,
        name: str,
        *,
        file: str,
        to: str,
        machine: Input[str],
        parent: Resource,
        depends_on: Sequence[Resource],
    ) -> Resource:
        """Brings a file to the machine, again when the machine is another one."""
        return remote.CopyToRemote(
            name,
            connection=self.connection(),
            source=pulumi.FileAsset(file),
            remote_path=to,
            triggers=[machine],
            opts=ResourceOptions(
                parent=parent,
                depends_on=list(depends_on),
                deleted_with=self.deleted_with,
                custom_timeouts=_LONGEST,
            ),
        )
