"""The schema of the package, as `pulumi package get-schema` prints it: made of the configuration's own shapes.

Knows how Pulumi spells types. Refuses to know the keys: names and types are those of `model/settings.py`, their sentences are
handed in.
"""

from collections.abc import Mapping
from typing import Any

from model.settings import Settings

PACKAGE = "kafka-cluster"
COMPONENT = f"{PACKAGE}:index:Cluster"
_REF = "#/$defs/"
_OUTPUTS = {
    "bootstrapServers": "What a client needs, in one line: every broker's address and port. Known once the cluster runs.",
    "clusterId": "The KRaft cluster's id, configured or made once.",
}


def package_schema(version: str, sentences: Mapping[str, str]) -> dict[str, Any]:
    """The schema. `sentences` say of each key of the configuration what it is for."""
    shape = Settings.model_json_schema(by_alias=True)
    shapes = shape["$defs"]
    objects = {name: part for name, part in shapes.items() if part["type"] == "object"}
    inputs = _properties(shape["properties"], shapes)
    for key, sentence in sentences.items():
        inputs[key]["description"] = sentence
    return {
        "name": PACKAGE,
        "version": version,
        "description": "A Kafka cluster on virtual machines or on machines that exist.",
        "types": {_token(name): _type(part, shapes) for name, part in objects.items()},
        "resources": {
            COMPONENT: {
                "isComponent": True,
                "type": "object",
                "description": "A whole cluster; at most one in a stack.",
                "inputProperties": inputs,
                "requiredInputs": ["nodes"],
                "properties": {name: {"type": "string", "description": text} for name, text in _OUTPUTS.items()},
                "required": list(_OUTPUTS),
            }
        },
    }


def _token(name: str) -> str:
    return f"{PACKAGE}:index:{name.removesuffix('Settings')}"


def _type(part: Mapping[str, Any], shapes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": _properties(part["properties"], shapes),
        "required": sorted(part.get("required", [])),
    }


def _properties(found: Mapping[str, Any], shapes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: _spelled(entry, shapes) for name, entry in found.items()}


def _spelled(entry: Mapping[str, Any], shapes: Mapping[str, Any]) -> dict[str, Any]:
    """A type as Pulumi spells it. Everything is plain: what is judged at the door has to be known there."""
    if "anyOf" in entry:
        (entry,) = [choice for choice in entry["anyOf"] if choice.get("type") != "null"]
    reference = entry.get("$ref", "").removeprefix(_REF)
    if reference and shapes[reference]["type"] == "object":
        return {"$ref": f"#/types/{_token(reference)}", "plain": True}
    kind = shapes[reference]["type"] if reference else entry["type"]
    inner = {"items": "items", "additionalProperties": "additionalProperties"}
    return {"type": kind, "plain": True} | {
        ours: _spelled(entry[theirs], shapes) for theirs, ours in inner.items() if theirs in entry
    }
