"""Reads what a published Python SDK asks of its plugin, and what a plugin's schema serves, in one and the same form.

Knows how Pulumi writes down properties on both sides. Refuses to know which package is compared.
"""

import collections.abc
import enum
import importlib
import inspect
import json
import pkgutil
import re
import types
import typing
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi import _types as generated

PRIMITIVES = {str: "string", int: "integer", float: "number", bool: "boolean", typing.Any: "any", object: "any"}
REFERENCES = {
    "pulumi.json#/Any": "any",
    "pulumi.json#/Asset": "asset",
    "pulumi.json#/Archive": "archive",
}


@dataclass
class Shape:
    """The properties of a resource, a function's side, or an object."""

    properties: dict[str, str] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)


@dataclass
class Package:
    """Everything a package has, by token; objects and enums by short names, as an SDK knows no tokens of them."""

    inputs: dict[str, Shape] = field(default_factory=dict)
    outputs: dict[str, Shape] = field(default_factory=dict)
    arguments: dict[str, Shape] = field(default_factory=dict)
    results: dict[str, Shape] = field(default_factory=dict)
    objects: dict[str, Shape] = field(default_factory=dict)
    enums: dict[str, set[str]] = field(default_factory=dict)


def served(schema: dict[str, Any]) -> Package:
    """What a plugin's schema.json says."""
    package = Package()
    for token, resource in schema["resources"].items():
        package.inputs[token] = _served_shape(resource.get("inputProperties"), resource.get("requiredInputs"))
        package.outputs[token] = _served_shape(resource.get("properties"), resource.get("required"))
    for token, function in schema["functions"].items():
        for side, shapes in (("inputs", package.arguments), ("outputs", package.results)):
            shapes[token] = _served_shape(function[side].get("properties"), function[side].get("required"))
    for token, described in schema["types"].items():
        if "enum" in described:
            package.enums[_short(token)] = {choice["value"] for choice in described["enum"]}
        else:
            package.objects[_short(token)] = _served_shape(described["properties"], described.get("required"))
    return package


def _served_shape(properties: dict[str, Any] | None, required: list[str] | None) -> Shape:
    shape = {name: _served_type(spec) for name, spec in (properties or {}).items()}
    return Shape(shape, set(required or ()))


def _served_type(spec: dict[str, Any]) -> str:
    if "$ref" in spec:
        return REFERENCES.get(spec["$ref"], _short(spec["$ref"]))
    if spec["type"] == "array":
        return f"[{_served_type(spec['items'])}]"
    if spec["type"] == "object":
        return f"{{{_served_type(spec['additionalProperties'])}}}"
    return str(spec["type"])


def _short(token: str) -> str:
    return token.rpartition(":")[2]


def published(sdk: types.ModuleType) -> Package:
    """What all modules of an SDK ask for."""
    package = Package()
    for found in pkgutil.walk_packages(sdk.__path__, f"{sdk.__name__}."):
        module = importlib.import_module(found.name)
        for name, member in list(vars(module).items()):
            if getattr(member, "__module__", None) == module.__name__:
                _add(package, module, name, member)
    for resource in [*package.inputs, "Provider"]:
        package.objects.pop(_short(resource), None)
    return package


def _add(package: Package, module: types.ModuleType, name: str, member: Any) -> None:
    if inspect.isfunction(member) and hasattr(module, f"{name}_output"):
        _add_function(package, member)
    elif not inspect.isclass(member) or issubclass(member, pulumi.ProviderResource):
        return
    elif issubclass(member, pulumi.CustomResource):
        _add_resource(package, member, getattr(module, f"{name}Args"))
    elif issubclass(member, enum.Enum):
        package.enums[name] = {choice.value for choice in member}
    elif generated.is_input_type(member) and not name.startswith("_"):
        package.objects[name.removesuffix("Args")] = _asked_inputs(member)


def _token(code: Any) -> str:
    found = re.search(r"'(\w+:[\w/]+:\w+)'", inspect.getsource(code))
    assert found, f"no token in {code}"
    return found[1]


def _add_resource(package: Package, resource: Any, inputs: Any) -> None:
    token = _token(resource._internal_init)
    package.inputs[token] = _asked_inputs(inputs)
    package.outputs[token] = _asked_outputs(resource)


def _add_function(package: Package, function: Any) -> None:
    hints = _hints(function)
    names = dict(re.findall(r"__args__\['(\w+)'\] = (\w+)", inspect.getsource(function)))
    token = _token(function)
    package.arguments[token] = _asked_shape({name: hints[python] for name, python in names.items()})
    package.results[token] = _asked_outputs(hints["return"])


def _asked_inputs(cls: Any) -> Shape:
    names = generated.input_type_py_to_pulumi_names(cls)
    parameters = {name: given for name, given in inspect.signature(cls).parameters.items() if name in names}
    hints = _hints(cls.__init__)
    shape = _asked_shape({names[name]: hints[name] for name in parameters})
    needed = {names[name] for name, given in parameters.items() if given.default is inspect.Parameter.empty}
    return Shape(shape.properties, needed)


def _asked_outputs(cls: Any) -> Shape:
    getters = {name: getter.fget for _, name, getter in generated._py_properties(cls)}
    return _asked_shape({name: _hints(getter)["return"] for name, getter in getters.items()})


def _hints(code: Any) -> dict[str, Any]:
    """An SDK's annotations hold pulumi.Input[T], which names Output[T] without saying where both are from."""
    return typing.get_type_hints(code, {**code.__globals__, "Output": pulumi.Output, "T": Any})


def _asked_shape(hints: dict[str, Any]) -> Shape:
    return Shape(
        {name: asked_type(hint) for name, hint in hints.items()},
        {name for name, hint in hints.items() if not _optional(hint)},
    )


def _optional(hint: Any) -> bool:
    if typing.get_origin(hint) is pulumi.Output:
        hint = typing.get_args(hint)[0]
    return type(None) in typing.get_args(hint)


def asked_type(hint: Any) -> str:
    """The form of one annotation of the SDK."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in PRIMITIVES:
        return PRIMITIVES[hint]
    if origin is collections.abc.Sequence:
        return f"[{asked_type(arguments[0])}]"
    if origin is collections.abc.Mapping:
        return f"{{{asked_type(arguments[1])}}}"
    if origin is pulumi.Output:
        return asked_type(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return _asked_union(arguments)
    if hint in (pulumi.Asset, pulumi.Archive):
        return str(hint.__name__).lower()
    return str(hint.__name__).removesuffix("Args")


def _asked_union(arguments: tuple[Any, ...]) -> str:
    """An Input[T] is a union of T with everything that may become T, and so is an optional one."""
    plain = [
        argument
        for argument in arguments
        if argument is not type(None)
        and typing.get_origin(argument) not in (pulumi.Output, collections.abc.Awaitable)
        and not typing.is_typeddict(argument)
    ]
    if pulumi.Asset in plain:
        return "asset"
    (only,) = {asked_type(argument) for argument in plain}
    return only


def defaults(cls: type, **needed: Any) -> dict[str, Any]:
    """The values that the SDK itself fills in."""
    made = cls(**needed)
    names = generated.input_type_py_to_pulumi_names(cls)
    values = {names[name]: getattr(made, name) for name in names if name not in needed}
    return {name: value for name, value in values.items() if value is not None}


@dataclass
class Marks:
    """The inputs whose change replaces a resource, and those that are kept secret."""

    replacing: set[str]
    secret: set[str]


def marks(resource: Any) -> Marks:
    """The options that the SDK itself gives a resource."""
    code = inspect.getsource(resource._internal_init)
    lists = {
        option: set(re.findall(r'"([^"]+)"', "".join(re.findall(rf"{option}=\[(.*)\]\)", code))))
        for option in ("replace_on_changes", "additional_secret_outputs")
    }
    replacing = {path.removesuffix("[*]") for path in lists["replace_on_changes"]}
    return Marks(replacing, lists["additional_secret_outputs"])


def readable(package: Package) -> str:
    """For a comparison whose difference can be read."""
    return json.dumps(
        package,
        default=lambda value: sorted(value) if isinstance(value, set) else vars(value),
        indent=1,
        sort_keys=True,
    )
