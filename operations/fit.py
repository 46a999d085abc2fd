"""Looks at machines that are there already, side by side, before anything is done on any of them.

Asks and reads only. Refuses to judge what it finds (`model/fitness.py`).
"""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from model import fitness
from model.fitness import Account, Identity, Needs
from model.handover import Access
from operations.machine import Machine, StageFailed, Unreachable, connect
from operations.refusal import Refusal

# What the programs of the stages can't do without, in the order in which it is asked for.
_PREREQUISITES = {
    "sudo -n true": "sudo that asks for no password",
    'python3 -c "import sys; sys.exit(sys.version_info < (3, 9) and sys.version)"': "python3 of 3.9 or newer",
}
_IDENTITY = ("/etc/machine-id", "/proc/sys/kernel/random/boot_id")


class Candidate(BaseModel):
    """A machine that should carry a node, and the plan of its account."""

    model_config = ConfigDict(frozen=True)

    access: Access = Field(repr=False)
    needs: Needs
    look: dict[str, Any]


class Candidates(BaseModel):
    """All machines of a cluster."""

    model_config = ConfigDict(frozen=True)

    nodes: tuple[Candidate, ...]
    accepted: str = ""
    """The node whose disk may be empty"""


class Unfit(Refusal):
    """Some machines can't be used; the text says which, and what was found instead of what."""


class _Lacking(Exception):
    """What is missing for a machine to give an account."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(*faults)
        self.faults = faults


@dataclass(frozen=True)
class _Seen:
    identity: Identity | None
    faults: list[str]
    account: Account | None


async def check(candidates: Candidates) -> None:
    """Raises Unfit with all that stands in the way on any machine."""
    names = [candidate.access.name for candidate in candidates.nodes]
    looks = await asyncio.gather(*(_look(candidate) for candidate in candidates.nodes))
    identities = {name: seen.identity for name, seen in zip(names, looks, strict=True) if seen.identity}
    faults = [fault for seen in looks for fault in seen.faults]
    faults += fitness.same_machines(identities, _here())
    accounts = [(node.needs, seen.account) for node, seen in zip(candidates.nodes, looks, strict=True) if seen.account]
    faults += fitness.same_disks(accounts)
    faults += fitness.empty_beside_kept(accounts, candidates.accepted)
    if faults:
        lines = "\n".join(f"  - {fault}" for fault in faults)
        raise Unfit(f"stage 'fit': these machines can't be used; nothing was changed on any of them:\n{lines}")
    print(f"{', '.join(names)}: fit for their nodes")


async def _look(candidate: Candidate) -> _Seen:
    """What is known of a machine is kept when it gives no account: that two are one is told at the first attempt."""
    name = candidate.access.name
    identity, account, faults = None, None, []
    try:
        async with connect(candidate.access) as machine:
            before = time.time()
            says, *words = (await machine.run(f"date +%s.%N; cat {' '.join(_IDENTITY)} 2>/dev/null || true")).split()
            identity = Identity(" ".join(words[:-1]), " ".join(words[-1:]))
            if clock := fitness.clock_fault(before, float(says), time.time()):
                faults.append(f"{name}: {clock}")
            account = await _account(machine, candidate)
            faults += fitness.refusals(candidate.needs, account)
    except _Lacking as lacking:
        faults += [f"{name}: {fault}" for fault in lacking.faults]
    except (Unreachable, StageFailed) as error:
        faults.append(str(error))
    return _Seen(identity, faults, account)


async def _account(machine: Machine, candidate: Candidate) -> Account:
    """The machine's own account. Why it gives none is looked for only when it gives none."""
    try:
        return Account.model_validate(await machine.ask(("java", "fit"), candidate.look))
    except StageFailed:
        if lacks := await _lacks(machine):
            raise _Lacking(lacks) from None
        raise


async def _lacks(machine: Machine) -> list[str]:
    """What is missing for a machine to be asked for its account."""
    faults = []
    for command, wanted in _PREREQUISITES.items():
        try:
            await machine.run(command)
        except StageFailed as error:
            faults.append(f"found no {wanted} (`{command}`: {' '.join(str(error).split())})")
    return faults


def _here() -> Identity:
    texts = [path.read_text().strip() if path.exists() else "" for path in map(Path, _IDENTITY)]
    return Identity(*texts)
