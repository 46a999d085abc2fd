"""An engine that makes nothing and records what a program asks for: parents, dependencies, options, secrets.

Knows Pulumi's wire format and what the plugins would answer. Refuses to know what is right: that is the tests'.
"""

import asyncio
import itertools
import json
import logging
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pulumi
from google.protobuf import empty_pb2, struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime import mocks, rpc
from pulumi.runtime import settings as runtime_settings
from pulumi.runtime.proto import engine_pb2, resource_pb2
from pulumi.runtime.stack import run_in_stack

PROJECT = "kafka-cluster"
_SIGNATURE = rpc._special_sig_key
_SECRET = rpc._special_secret_sig
_ASSET = rpc._special_asset_sig
_STACK = "pulumi:pulumi:Stack"


@dataclass(frozen=True)
class Secret:
    """A value that the engine would keep encrypted."""

    value: Any


@dataclass(frozen=True)
class Asset:
    """A file that travels to a plugin."""

    path: str


@dataclass(frozen=True)
class Resource:
    """What was asked for."""

    urn: str
    type: str
    name: str
    parent: str
    custom: bool
    inputs: dict[str, Any] = field(hash=False)
    dependencies: frozenset[str]
    deleted_with: str
    protect: bool
    ignore_changes: frozenset[str]
    delete_before_replace: bool
    secret_outputs: frozenset[str]
    replace_on_changes: frozenset[str]
    provider: str

    @property
    def effective(self) -> dict[str, Any]:
        """The inputs whose change would do something."""
        return {key: value for key, value in self.inputs.items() if key not in self.ignore_changes}


def shown(value: Any) -> Any:
    """A value with its secrets opened."""
    if isinstance(value, Secret):
        return shown(value.value)
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    return [shown(item) for item in value] if isinstance(value, list) else value


def texts(value: Any, *, secret: bool = False) -> list[tuple[str, bool]]:
    """Every text inside a value, and whether it is secret."""
    if isinstance(value, Secret):
        return texts(value.value, secret=True)
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in [(key, secret), *texts(item, secret=secret)]]
    if isinstance(value, list):
        return [found for item in value for found in texts(item, secret=secret)]
    return [(value, secret)] if isinstance(value, str) else []


def _decoded(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _decoded_struct(value.struct_value)
    if kind == "list_value":
        return [_decoded(item) for item in value.list_value.values]
    return None if kind == "null_value" else getattr(value, str(kind))


def _decoded_struct(struct: struct_pb2.Struct) -> Any:
    fields = {key: _decoded(item) for key, item in struct.fields.items()}
    signature = fields.get(_SIGNATURE)
    if signature == _SECRET:
        return Secret(fields["value"])
    return Asset(fields["path"]) if signature == _ASSET else fields


def _encoded(value: Any) -> Any:
    if isinstance(value, Secret):
        return {_SIGNATURE: _SECRET, "value": _encoded(value.value)}
    if isinstance(value, dict):
        return {key: _encoded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_encoded(item) for item in value]
    return {_SIGNATURE: _ASSET, "path": value.path} if isinstance(value, Asset) else value


def _struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update({key: _encoded(value) for key, value in values.items()})
    return struct


Answer = Callable[[Resource], dict[str, Any]]


class _Monitor(mocks.MockMonitor):
    """The engine's end of the wire."""

    def __init__(self, engine: "Engine") -> None:
        super().__init__(mocks=None)  # type: ignore[arg-type]
        self._engine = engine

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """As the engine spells it: with the types of all parents below the stack."""
        above = parent.split("::")[2] if parent else ""
        chain = type_ if above in ("", _STACK) else f"{above}${type_}"
        return f"urn:pulumi:{self._engine.stack}::{PROJECT}::{chain}::{name}"

    def RegisterResource(self, request: Any) -> Any:
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == _STACK:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        resource = Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            parent=request.parent,
            custom=request.custom,
            inputs=_decoded_struct(request.object),
            dependencies=frozenset(request.dependencies),
            deleted_with=request.deletedWith,
            protect=request.protect,
            ignore_changes=frozenset(request.ignoreChanges),
            delete_before_replace=request.deleteBeforeReplace,
            secret_outputs=frozenset(request.additionalSecretOutputs),
            replace_on_changes=frozenset(request.replaceOnChanges),
            provider=request.provider,
        )
        self._engine.registered.append(resource)
        outputs = self._engine.answer(resource) if resource.custom else {}
        identity = outputs.pop("id", "")
        return resource_pb2.RegisterResourceResponse(urn=urn, id=identity, object=_struct(resource.inputs | outputs))

    def RegisterResourceOutputs(self, request: Any) -> Any:
        self._engine.outputs_of[request.urn] = _decoded_struct(request.outputs)
        return empty_pb2.Empty()


class _Log(mocks.MockEngine):
    def __init__(self, lines: list[tuple[str, str]]) -> None:
        super().__init__(logging.getLogger("recording"))
        self._lines = lines

    def Log(self, request: Any) -> None:
        self._lines.append((engine_pb2.LogSeverity.Name(request.severity).lower(), request.message))


class Engine:
    """One run of a program. `earlier` are the resources of the state; a preview knows no outputs yet."""

    def __init__(
        self,
        answer: Answer,
        *,
        stack: str = "dev",
        earlier: list[dict[str, Any]] | None = None,
        preview: bool = False,
    ) -> None:
        self._answer = answer
        self._preview = preview
        self.stack = stack
        self.earlier = earlier or []
        self.registered: list[Resource] = []
        self.outputs_of: dict[str, Any] = {}
        self.log: list[tuple[str, str]] = []

    def answer(self, resource: Resource) -> dict[str, Any]:
        """What the plugin would answer: nothing new in a preview."""
        return {} if self._preview else self._answer(resource)

    def run(self, program: Callable[[], object], config: Mapping[str, str]) -> "Engine":
        """Runs a program to its end, with a runtime of its own; what it raises is raised. In a thread, because the
        runtime keeps its state in a context, and looks at the whole stack of calls for every resource."""
        with ThreadPoolExecutor(1) as thread:
            thread.submit(self._run, program, config).result()
        return self

    def _run(self, program: Callable[[], object], config: Mapping[str, str]) -> None:
        runtime_settings.configure(
            mocks.MockSettings(  # type: ignore[no-untyped-call]
                monitor=_Monitor(self),
                engine=_Log(self.log),
                project=PROJECT,
                stack=self.stack,
                dry_run=self._preview,
                organization="organization",
                feature_support={},
                outputs=set(),
            )
        )
        runtime_settings.set_root_resource(None)  # type: ignore[arg-type]
        pulumi.runtime.set_all_config({f"{PROJECT}:{key}": value for key, value in config.items()})

        def main() -> None:
            program()

        asyncio.run(run_in_stack(main))

    # -- what was asked for ------------------------------------------------------------------------------------

    @property
    def resources(self) -> dict[str, Resource]:
        """Every resource by its URN."""
        return {resource.urn: resource for resource in self.registered}

    @property
    def custom(self) -> list[Resource]:
        """Those that a plugin would make."""
        return [resource for resource in self.registered if resource.custom]

    def of(self, type_: str) -> list[Resource]:
        """All of a type."""
        return [resource for resource in self.registered if resource.type == type_]

    def one(self, name: str, type_: str = "") -> Resource:
        """The only one of a name, of a type where names repeat."""
        (found,) = [r for r in self.registered if r.name == name and type_ in ("", r.type)]
        return found

    @property
    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        (urn,) = [urn for urn in self.outputs_of if f"::{_STACK}::" in urn]
        return dict(self.outputs_of[urn])

    def warnings(self) -> list[str]:
        """What was warned of."""
        return self.said("warning")

    def said(self, severity: str) -> list[str]:
        """What was logged with that severity."""
        return [message for what, message in self.log if what == severity]

    def ancestors(self, resource: Resource) -> set[str]:
        """The names of everything that has to be there before it."""
        known, open_ = set[str](), set(resource.dependencies)
        while open_:
            urn = open_.pop()
            known.add(urn)
            if urn in self.resources:
                open_ |= self.resources[urn].dependencies - known
        return {urn.rsplit("::", 1)[1] for urn in known}


# -- what the plugins answer -----------------------------------------------------------------------------------

PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nkey of {}\n-----END OPENSSH PRIVATE KEY-----\n"
PUBLIC = "ssh-ed25519 AAAA{} {}"
CLUSTER_ID = "A_D5kj5zTbi2EDTeXHDH3g"


def plugins(domain_type: str = "qemu") -> Answer:
    """The answers of both plugins. Ids are counted, so no two are alike."""
    counter = itertools.count(1)

    def answer(resource: Resource) -> dict[str, Any]:
        if resource.type == "command:local:Command":
            return {"id": f"local-{next(counter)}", **_streams(resource, _said(resource, domain_type))}
        if resource.type.startswith("command:remote:"):
            return {"id": f"remote-{next(counter)}", **_streams(resource, _told_by_a_machine(resource))}
        if resource.type.startswith("libvirt:"):
            return {"id": f"id-of-{shown(resource.inputs)['name']}"}
        assert resource.type.startswith("pulumi:providers:"), resource.type
        return {"id": f"id-of-{resource.name}"}

    return answer


def _streams(resource: Resource, stdout: str) -> dict[str, Any]:
    return {"stdout": Secret(stdout) if "stdout" in resource.secret_outputs else stdout, "stderr": ""}


def _told_by_a_machine(resource: Resource) -> str:
    """What a stage prints, as far as anybody reads it."""
    name = resource.name.removesuffix("-host-ready")
    return "" if name == resource.name else f"{name} is taken, machine machine-id-of-{name}\n"


def _said(resource: Resource, domain_type: str) -> str:
    """What `python -m operations VERB …` prints."""
    inputs = shown(resource.inputs)
    if inputs["create"] == "true":  # only its end does anything
        return ""
    match = re.fullmatch(r"exec python -m operations ([a-z-]+)((?: [A-Za-z0-9.-]+)*)", inputs["create"])
    assert match, f"not one of our commands: {inputs['create']!r}"
    verb, words = match[1], match[2].split()
    if verb == "keys":
        return json.dumps(
            {name: {"private": PRIVATE.format(name), "public": PUBLIC.format(name, name)} for name in words}
        )
    if verb == "ready":
        access = json.loads(inputs["stdin"])["access"]
        return f"{access['name']} is ready at {access['address']}, machine machine-id-of-{access['name']}\n"
    return {"domain-type": f"{domain_type}\n", "cluster-id": f"{CLUSTER_ID}\n"}.get(verb, "")
