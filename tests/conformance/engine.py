"""An engine in miniature: runs a resource plugin, asks it over gRPC as the real engine does, and keeps what it logs.

Knows the protocol between engine and plugin. Refuses to know any resource.
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2, json_format, struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
STARTED_SECONDS = 20.0

Properties = dict[str, Any]


def secret(value: Any) -> Properties:
    """A value that the engine keeps secret."""
    return {SIGNATURE: SECRET, "value": value}


def is_secret(value: Any) -> bool:
    """Whether a plugin returned a value as a secret."""
    return isinstance(value, dict) and value.get(SIGNATURE) == SECRET


def plain(value: Any) -> Any:
    """A value without the marks of secrets, at any depth."""
    if is_secret(value):
        return plain(value["value"])
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def text_asset(text: str, digest: str) -> Properties:
    """A StringAsset as the engine sends it: with the hash of its content."""
    return {SIGNATURE: ASSET, "text": text, "hash": digest}


def file_asset(path: Path, digest: str) -> Properties:
    """A FileAsset."""
    return {SIGNATURE: ASSET, "path": str(path), "hash": digest}


def file_archive(path: str, digest: str) -> Properties:
    """A FileArchive."""
    return {SIGNATURE: ARCHIVE, "path": path, "hash": digest}


@dataclass(frozen=True, slots=True)
class Diff:
    """What the plugin decided about a change."""

    changed: set[str]
    replaces: set[str]
    deletes_first: bool


class Failed(Exception):
    """The plugin refused or failed; the text is what an operator would read."""


@dataclass
class Log(engine_pb2_grpc.EngineServicer):
    """Takes what the plugin logs."""

    lines: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def Log(self, request: engine_pb2.LogRequest, _: grpc.ServicerContext) -> empty_pb2.Empty:
        """One call of the protocol."""
        kept = self.warnings if request.severity >= engine_pb2.WARNING else self.lines
        kept.append(request.message)
        return empty_pb2.Empty()

    def clear(self) -> None:
        """Forget everything."""
        self.lines.clear()
        self.warnings.clear()


@dataclass
class Plugin:
    """A running plugin."""

    process: subprocess.Popen[str]
    stub: provider_pb2_grpc.ResourceProviderStub
    log: Log

    def version(self) -> str:
        """What it calls itself."""
        return str(self.stub.GetPluginInfo(empty_pb2.Empty()).version)

    def check(self, token: str, inputs: Properties) -> Properties:
        """The inputs as the plugin wants to have them later: with defaults and secrets."""
        answer = self._call("Check", provider_pb2.CheckRequest(urn=_urn(token), news=_struct(inputs)))
        if answer.failures:
            raise Failed("\n".join(f"{failure.property}: {failure.reason}" for failure in answer.failures))
        return _properties(answer.inputs)

    def diff(self, token: str, state: Properties, inputs: Properties) -> Diff:
        """What a change of the inputs leads to."""
        request = provider_pb2.DiffRequest(id="id", urn=_urn(token), olds=_struct(state), news=_struct(inputs))
        answer = self._call("Diff", request)
        replacing = {
            name
            for name, change in answer.detailedDiff.items()
            if provider_pb2.PropertyDiff.Kind.Name(change.kind).endswith("REPLACE")
        }
        return Diff(set(answer.detailedDiff), replacing, answer.deleteBeforeReplace)

    def create(self, token: str, inputs: Properties, preview: bool = False, seconds: float = 0) -> Properties:
        """The state of a new resource. `seconds` are its time limit, if it has one."""
        checked = _struct(self.check(token, inputs))
        request = provider_pb2.CreateRequest(
            urn=_urn(token), properties=checked, preview=preview, name="tried", timeout=seconds
        )
        return _properties(self._call("Create", request).properties)

    def update(self, token: str, state: Properties, inputs: Properties) -> Properties:
        """The state of a changed resource."""
        checked = _struct(self.check(token, inputs))
        request = provider_pb2.UpdateRequest(id="id", urn=_urn(token), olds=_struct(state), news=checked)
        return _properties(self._call("Update", request).properties)

    def delete(self, token: str, state: Properties) -> None:
        """Delete a resource."""
        self._call("Delete", provider_pb2.DeleteRequest(id="id", urn=_urn(token), properties=_struct(state)))

    def invoke(self, token: str, arguments: Properties) -> Properties:
        """The result of a function."""
        answer = self._call("Invoke", provider_pb2.InvokeRequest(tok=token, args=_struct(arguments)))
        return _properties(getattr(answer, "return"))

    def cancel(self) -> None:
        """What the engine does when the operator interrupts it."""
        self.stub.Cancel(empty_pb2.Empty())

    def _call(self, name: str, request: Any) -> Any:
        try:
            return getattr(self.stub, name)(request)
        except grpc.RpcError as error:
            raise Failed(error.details()) from error


@contextmanager
def running(program: Path, directory: Path) -> Iterator[Plugin]:
    """A plugin for the time of a block, started in a directory as the engine starts it in the project's."""
    log = Log()
    server = grpc.server(futures.ThreadPoolExecutor())
    engine_pb2_grpc.add_EngineServicer_to_server(log, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    command = [str(program), f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        address = f"127.0.0.1:{int(process.stdout.readline())}"
        with grpc.insecure_channel(address) as channel:
            grpc.channel_ready_future(channel).result(STARTED_SECONDS)
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            yield Plugin(process, stub, log)
    finally:
        process.terminate()
        process.wait()
        server.stop(None)


def await_that(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Poll until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@contextmanager
def cancelled_when(plugin: Plugin, condition: Callable[[], bool]) -> Iterator[None]:
    """Cancel what runs in a block as soon as a condition holds."""

    def watch() -> None:
        await_that(condition)
        plugin.cancel()

    with futures.ThreadPoolExecutor() as watching:
        watched = watching.submit(watch)
        yield
        watched.result()


def _urn(token: str) -> str:
    return f"urn:pulumi:test::conformance::{token}::tried"


def _struct(properties: Properties) -> struct_pb2.Struct:
    return json_format.ParseDict(properties, struct_pb2.Struct())


def _properties(struct: struct_pb2.Struct) -> Properties:
    return dict(json_format.MessageToDict(struct))
