"""The door: the stack's configuration as Pulumi hands it over, judged before anything is asked of the engine.

Knows Pulumi's config and the stack's earlier state. Refuses to know what a right value is (`model/settings.py`,
`model/identity.py`).
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pulumi

from model import (
    attempt,
    emptied,
    identity,
    left,
    pending_replacement,
    retention_warnings,
    switch,
    topic_plan,
    topics,
    topology,
)
from model.errors import ConfigurationError, Problem
from model.machine_names import MachineNames
from model.settings import Settings, read
from operations import stack_state
from operations.leftovers import NotCleared
from operations.preflight import Resolved, Unusable, look_around

_OBJECTS = {"nodes", "networkDns", "settings", "unchecked", "topics", "metrics"}


def settings() -> Settings:
    """The judged configuration; a RunError says everything that is wrong with it."""
    config = pulumi.Config()
    prefix = f"{pulumi.get_project()}:"
    # All keys of the project and not the known ones only: a misspelt key is told, too.
    keys = [key.removeprefix(prefix) for key in pulumi.runtime.config.CONFIG.get() if key.startswith(prefix)]
    if secret := [key for key in keys if pulumi.runtime.config.is_config_secret(prefix + key)]:
        raise pulumi.RunError(str(ConfigurationError([_plain(key) for key in secret])))
    return judged({key: config.get_object(key) if key in _OBJECTS else config.get(key) for key in keys})


def _plain(key: str) -> Problem:
    expected = "plain values: what is configured stands in the state, in previews and on the nodes as it is"
    return Problem(key, "a secret", expected, f"Pulumi.{pulumi.get_stack()}.yaml without what begins with `secure:`")


def judged(raw: Mapping[str, Any]) -> Settings:
    """The settings that those values say; a RunError says everything that is wrong with them."""
    try:
        return read(raw)
    except ConfigurationError as error:
        raise pulumi.RunError(str(error)) from None


def existing() -> list[dict[str, Any]]:
    """The resources that the state holds before this run."""
    # Read here and not by a StackReference: that would be read while the engine writes the same state.
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    try:
        return stack_state.resources(stack)
    except stack_state.NotReadable as error:
        raise pulumi.RunError(str(error)) from None


def surroundings(settings: Settings) -> Resolved:
    """What the operator's computer has to have. A RunError says what is not there, or which part of an existing
    cluster the settings would make another one."""
    state = existing()
    names = MachineNames(pulumi.get_project(), pulumi.get_stack())
    before, known = topic_plan.earlier(state), identity.earlier(state)
    wanted = {**identity.of(settings), **identity.ground(settings, names)}
    formatted = emptied.formatted(state)
    changes = identity.refusals(known, wanted, formatted=bool(formatted))
    small = pending_replacement.too_small(state, settings, os.environ.get(pending_replacement.CHOSEN, ""))
    _refuse([*changes, *topics.refusals(before, settings), *(f"  - {problem}" for problem in small)])
    try:
        found = look_around(settings, state, names)
    except (Unusable, NotCleared) as error:
        raise pulumi.RunError(str(error)) from None
    # One that doesn't answer is no other hypervisor: that was told above.
    _refuse(identity.refusals(known, {"libvirtUri": found.uri}, formatted=bool(formatted)))
    switched = switch.warnings(switch.left_in(state), attempt.mode(state), topology.plan(settings))
    last = left.before(state, settings.mode)
    gone = retention_warnings.warnings(last.defaults, before, settings)
    for warning in (*found.warnings, *switched, *topics.warnings(before, settings), *gone):
        pulumi.log.warn(warning)
    return replace(
        found,
        cluster_id=settings.cluster_id or identity.configured_cluster_id(state),
        kinds=pending_replacement.kinds(state, settings, found.replaced),
        topics_before=before,
        before=last,
        formatted=formatted,
        image_volume=attempt.image_volume(state),
        again=attempt.mark(state, datetime.now(UTC).isoformat(), told=bool(os.environ.get(attempt.AGAIN))),
    )


def _refuse(changes: list[str]) -> None:
    if changes:
        raise pulumi.RunError("\n".join(["this change is refused; nothing was changed:", *changes]))
