"""Waits until a machine that was just made can be worked on, and says why it can't.

Knows ssh and a libvirt console's log. Refuses to change anything on the machine.
"""

import asyncio
import re
import shutil
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field

from model import cloud_init, stages
from model.handover import Access
from operations.machine import HostKeyMismatch, StageFailed, Unreachable, connect
from operations.refusal import Refusal
from operations.wait import TimedOut, until

# What a terminal would not show: colours, carriage returns, and the rest of the volume behind the log.
_NOT_TEXT = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\0]")


class Console(BaseModel):
    """Where a machine's console is kept: a volume of its pool."""

    model_config = ConfigDict(frozen=True)

    uri: str
    pool: str
    volume: str


class FirstKey(BaseModel):
    """The host key a machine boots with for the first time, and the lasting one that it is given in its place.

    What a machine is told for its first boot passes through the hypervisor and its provider, which writes it to its
    debug log. So the key in it is believed for one purpose only: to hand over the one that lasts.
    """

    model_config = ConfigDict(frozen=True)

    public: str
    lasting_private: str = Field(repr=False)


class Newcomer(BaseModel):
    """A machine that is awaited, for `seconds` times `patience` at most."""

    model_config = ConfigDict(frozen=True)

    access: Access
    upload_folder: str
    patience: int = 1
    seconds: float = 300
    console: Console | None = None
    first_key: FirstKey | None = None


class NotReady(Refusal):
    """The machine did not come up; the text carries its console's last lines."""


async def wait(newcomer: Newcomer) -> None:
    """Waits for ssh, for cloud-init and for the planned address, and makes the folder for uploads."""
    name = newcomer.access.name
    identities: list[str] = []
    try:
        await until(
            f"{name} to be ready",
            lambda: _missing(newcomer, identities.append),
            limit=newcomer.seconds * newcomer.patience,
            every=0.5,
        )
    except TimedOut as error:
        raise NotReady(f"{name}: stage 'ready': {error}\n{await _console(newcomer)}") from error
    print(f"{name} is ready at {newcomer.access.address}, machine {identities[-1]}")


async def _missing(newcomer: Newcomer, identify: Callable[[str], None]) -> str | None:
    try:
        async with connect(newcomer.access, newcomer.patience) as machine:
            _judge(
                newcomer, await machine.run(cloud_init.settled()), await machine.run("ip -o -4 addr show scope global")
            )
            made = await machine.run(f"mkdir -p {newcomer.upload_folder} && cat /etc/machine-id")
    except HostKeyMismatch as error:
        return await _plant(newcomer, error)
    except Unreachable as error:
        return str(error)
    except StageFailed as error:
        return str(error)
    identify(made.strip())
    return None


def _judge(newcomer: Newcomer, result: str, addresses: str) -> None:
    """Raises NotReady where waiting longer would not help."""
    name, address = newcomer.access.name, newcomer.access.address
    fault = cloud_init.fault(result)
    if fault:
        raise NotReady(f"{name}: stage 'ready': cloud-init ended with {fault}")
    if f" {address}/" not in addresses:
        raise NotReady(f"{name}: stage 'ready': has not the planned address {address}:\n{addresses}")


async def _plant(newcomer: Newcomer, mismatch: HostKeyMismatch) -> str:
    """Gives a machine that answers with its first key the one that lasts. Any other machine is refused."""
    first, access = newcomer.first_key, newcomer.access
    if first is None:
        raise NotReady(f"stage 'ready': {mismatch}; another machine has taken this address") from mismatch
    plan = stages.planted(access.name, first.lasting_private, access.host_key)
    try:
        async with connect(access.model_copy(update={"host_key": first.public}), newcomer.patience) as machine:
            await machine.stage(("planted",), plan)
    except HostKeyMismatch as error:
        raise NotReady(f"stage 'ready': {error}; another machine has taken this address") from error
    except (Unreachable, StageFailed) as error:
        return str(error)
    return "its lasting host key was planted"


async def _console(newcomer: Newcomer) -> str:
    """The console's last lines, read through libvirt so that it works for a hypervisor far away, too."""
    console = newcomer.console
    if console is None or shutil.which("virsh") is None:
        return f"Look at the machine's console, then run `pulumi up` again; it waits for {newcomer.access.name} anew."
    virsh = ["virsh", "--connect", console.uri, "--quiet"]
    refresh = await asyncio.create_subprocess_exec(*virsh, "pool-refresh", console.pool)
    await refresh.wait()
    reader = await asyncio.create_subprocess_exec(
        *virsh, "vol-download", "--pool", console.pool, console.volume, "/dev/stdout",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await reader.communicate()
    text = _NOT_TEXT.sub("", output.decode(errors="replace"))
    lines = [line for line in text.splitlines() if line]
    return "The last lines of its console:\n" + "\n".join(f"    {line}" for line in lines[-20:])
