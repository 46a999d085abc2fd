"""The door: the stack's configuration as Pulumi hands it over, judged before anything is asked of the engine.

Knows Pulumi's config and the stack's earlier identity. Refuses to know what a right value is (`model/settings.py`,
`model/identity.py`).
"""

from typing import Any

import pulumi
from pulumi import Output

from model import identity
from model.errors import ConfigurationError
from model.machine_names import MachineNames
from model.settings import Settings, read
from operations.leftovers import NotCleared
from operations.preflight import Resolved, Unusable, look_around

_OBJECTS = {"nodes", "networkDns", "settings"}


def settings() -> Settings:
    """The judged configuration; a RunError says everything that is wrong with it."""
    config = pulumi.Config()
    prefix = f"{pulumi.get_project()}:"
    # All keys of the project and not the known ones only: a misspelt key is told, too.
    keys = [key.removeprefix(prefix) for key in pulumi.runtime.config.CONFIG.get() if key.startswith(prefix)]
    raw = {key: config.get_object(key) if key in _OBJECTS else config.get(key) for key in keys}
    try:
        return read(raw)
    except ConfigurationError as error:
        raise pulumi.RunError(str(error)) from None


def surroundings(settings: Settings) -> Resolved:
    """What the operator's computer has to have; a RunError says what is not there."""
    try:
        names = MachineNames(pulumi.get_project(), pulumi.get_stack())
        found = look_around(settings, qualified_stack(), names)
    except (Unusable, NotCleared) as error:
        raise pulumi.RunError(str(error)) from None
    for warning in found.warnings:
        pulumi.log.warn(warning)
    return found


def qualified_stack() -> str:
    """The stack as every command of the CLI understands it."""
    return f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"


def go_ahead(settings: Settings) -> Output[bool]:
    """Known only when the change asked for is one that keeps what an existing cluster is. Everything that could
    be replaced waits for it."""
    earlier = pulumi.StackReference("earlier", stack_name=qualified_stack()).get_output("identity")

    def judge(known: Any) -> bool:
        refusals = identity.refusals(known, identity.of(settings)) if known else []
        if refusals:
            raise pulumi.RunError("\n".join(["this change is refused; nothing was changed:", *refusals]))
        return True

    return earlier.apply(judge)
