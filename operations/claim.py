"""Gives machines back that somebody else made: the effects behind stage `removed`.

Knows what to say of a machine that does not answer. Refuses to know what is done there (`files/stages/`), and how a
machine is taken (`files/stages/claimed.py`).
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from model.handover import Access
from operations.machine import StageFailed, Unreachable, connect
from operations.refusal import Refusal


class Claim(BaseModel):
    """A machine that was taken, and what its last stage is told. `urn` names the resource that stands for it; `machine` is
    here so that another machine's claim is another one."""

    model_config = ConfigDict(frozen=True)

    access: Access = Field(repr=False)
    plan: dict[str, Any]
    urn: str
    machine: str


class NotRemoved(Refusal):
    """The machine still has what is ours; the text says how to go on."""


async def give_back(claim: Claim) -> None:
    """Removes what is ours from the machine."""
    name = claim.access.name
    try:
        async with connect(claim.access) as machine:
            said = await machine.stage(("packages", "tools", "removed"), claim.plan)
    except Unreachable as error:
        raise NotRemoved(
            f"stage 'removed': {error}. What was installed there is still there, and may run. Bring the machine back"
            " and run `pulumi destroy` again; or, if it is gone for good, forget it and then run it again:"
            f" pulumi state delete --yes '{claim.urn}'"
        ) from error
    except StageFailed as error:
        raise NotRemoved(f"{error}\nMend that and run `pulumi destroy` again: it goes on where it stopped.") from error
    for line in [*said.splitlines(), "what was installed is removed"]:
        print(f"{name}: {line}")
