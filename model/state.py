"""What Pulumi's state says of a stack's resources, one by one.

Knows how `pulumi stack export` spells a resource: its URN, type, inputs and outputs. Refuses to know what any of them
stands for.
"""

from collections.abc import Iterable, Mapping
from typing import Any

Resource = Mapping[str, Any]


def name(resource: Resource) -> str:
    """The name that the program gave it, which its URN ends with; nothing where it has no URN."""
    return str(resource.get("urn", "")).rpartition("::")[2]


def inputs(resource: Resource) -> Mapping[str, Any]:
    """What the program asked for."""
    found: Mapping[str, Any] = resource.get("inputs", {})
    return found


def outputs(resource: Resource) -> Mapping[str, Any]:
    """What came of it."""
    found: Mapping[str, Any] = resource.get("outputs", {})
    return found


def by_name(resources: Iterable[Resource]) -> dict[str, Resource]:
    """Those that have a URN, by their names; of two with one name, the later one."""
    return {name(one): one for one in resources if "urn" in one}


def inputs_by_name(resources: Iterable[Resource]) -> dict[str, Mapping[str, Any]]:
    """What the program asked for of each of them."""
    return {name: inputs(one) for name, one in by_name(resources).items()}


def of_type(resources: Iterable[Resource], kind: str) -> list[Resource]:
    """Those of a type, in their order."""
    return [one for one in resources if one["type"] == kind]
