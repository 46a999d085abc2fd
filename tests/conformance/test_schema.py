"""What the plugins serve is what the published Python SDKs ask for, name for name, and nothing beyond it."""

import importlib.metadata
import json
import subprocess
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pulumi_command
import pulumi_libvirt
import pytest
from pulumi_command import remote

from computer import places
from tests.conformance import engine, installed, published
from toolchain import pins, programs

# The bridge adds it to every provider for the engine's own use; no SDK has it.
BRIDGE_OWN = "pulumi:providers:libvirt/terraformConfig"


@cache
def served_schema(name: str, programs_bin: Path) -> dict[str, Any]:
    command = [str(programs_bin / "pulumi"), "package", "get-schema", str(installed.plugin(name))]
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PULUMI_HOME": str(places.pulumi_home())}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("sdk", [pulumi_command, pulumi_libvirt], ids=lambda sdk: sdk.__name__)
def test_every_name_and_type_is_served_and_no_other(sdk: ModuleType, programs_bin: Path) -> None:
    package = published.served(served_schema(sdk.__name__.removeprefix("pulumi_"), programs_bin))
    for sides in (package.arguments, package.results):
        sides.pop(BRIDGE_OWN, None)
    for arguments in package.arguments.values():
        arguments.required.clear()  # an SDK's function takes all of its arguments as optional
    assert published.readable(package) == published.readable(published.published(sdk))


@pytest.mark.parametrize(
    ("token", "cls"),
    [
        ("command:remote:Connection", remote.ConnectionArgs),
        ("command:remote:ProxyConnection", remote.ProxyConnectionArgs),
    ],
)
def test_the_defaults_are_the_sdks(token: str, cls: type, programs_bin: Path) -> None:
    properties = served_schema("command", programs_bin)["types"][token]["properties"]
    given = {name: spec["default"] for name, spec in properties.items() if "default" in spec}
    assert given == published.defaults(cls, host="there")
    assert given == {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}


@pytest.mark.parametrize("name", ["local:Command", "remote:Command", "remote:CopyToRemote", "remote:CopyFile"])
def test_replacing_and_secret_inputs_are_the_sdks(name: str, programs_bin: Path) -> None:
    module, member = name.split(":")
    asked = published.marks(getattr(getattr(pulumi_command, module), member))
    inputs = served_schema("command", programs_bin)["resources"][f"command:{name}"]["inputProperties"]
    assert {name for name, spec in inputs.items() if spec.get("replaceOnChanges")} == asked.replacing
    assert {name for name, spec in inputs.items() if spec.get("secret")} == asked.secret


@pytest.mark.parametrize("name", pins.PLUGINS)
def test_the_plugins_call_themselves_what_the_sdks_ask_for(name: str, tmp_path: Path) -> None:
    with engine.running(installed.plugin(name), tmp_path) as plugin:
        assert plugin.version() == importlib.metadata.version(f"pulumi-{name}") == pins.PLUGINS[name]


def test_the_pins_agree_with_the_go_modules() -> None:
    cli = (programs.MODULES / "cli" / "go.mod").read_text()
    for module in (programs.SDK, "github.com/pulumi/pulumi/pkg/v3"):
        assert f"{module} v{pins.PULUMI} // indirect\n" in cli
    assert f"\ngo {pins.GO_OLDEST}\n" in cli
    assert importlib.metadata.version("pulumi") == pins.PULUMI
