"""A stack as Pulumi's CLI knows it: the one the user has selected, or one of the tests' own.

Knows the CLI's words and where its state lies. Refuses to know what the program makes.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import yaml

from computer import places
from model import handover
from model.handover import Handover
from toolchain import programs

_LAST_LINES = 25


class PulumiFailed(Exception):
    """A command of the CLI ended with an error; the text is the command and its last words."""


@dataclass(frozen=True)
class Stack:
    """A stack of the project in `project`. `prefix` is what every command starts with, such as the way into a network
    namespace; `environment` is the commands' own, or None for that of this process."""

    project: Path
    name: str
    prefix: tuple[str, ...] = ()
    environment: Mapping[str, str] | None = None

    @classmethod
    def selected(cls, project: Path, name: str | None) -> Self:
        """The stack by that name, else the one that `pulumi stack select` chose."""
        chosen = name or cls(project, "")._pulumi("stack", "--show-name").stdout.strip()
        return cls(project, chosen)

    def with_environment(self, **variables: str) -> Self:
        """The same stack, whose commands have these variables, too."""
        return replace(self, environment={**(self.environment or os.environ), **variables})

    def pulumi(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs a command of the CLI on this stack; PulumiFailed when it fails, unless the caller judges that."""
        return self._pulumi(*arguments, "--stack", self.name, check=check)

    def _pulumi(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = [*self.prefix, "pulumi", "--non-interactive", "--cwd", str(self.project), *arguments]
        try:
            done = subprocess.run(
                command, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
            )
        except FileNotFoundError:
            raise PulumiFailed(
                "pulumi is not on PATH: prepare this shell with the line that the README gives"
            ) from None
        if check and done.returncode != 0:
            words = _evidence(f"{done.stdout}\n{done.stderr}".strip())
            raise PulumiFailed(f"`pulumi {' '.join(arguments)}` ended with {done.returncode}: {words}")
        return done

    def outputs(self) -> dict[str, Any]:
        """What the last `up` left, secrets in plain text; nothing when there was none."""
        outputs: dict[str, Any] = json.loads(self.pulumi("stack", "output", "--json", "--show-secrets").stdout)
        return outputs

    def handover(self) -> Handover | None:
        """What the last `up` handed to `operations/`; None when there was none."""
        return handover.find(self.resources())

    def resources(self) -> list[dict[str, Any]]:
        """All that the state holds, secrets in plain text."""
        exported = json.loads(self.pulumi("stack", "export", "--show-secrets").stdout)
        return list((exported.get("deployment") or {}).get("resources") or [])

    def config(self) -> dict[str, Any]:
        """The stack's configuration with Pulumi.yaml's defaults, by the keys of Pulumi.yaml."""
        known = json.loads(self.pulumi("config", "--json", "--show-secrets").stdout)
        prefix = f"{self.project_name}:"
        return {
            key.removeprefix(prefix): entry.get("objectValue", entry.get("value"))
            for key, entry in known.items()
            if key.startswith(prefix)  # the rest is of Pulumi's own, or of another package's
        }

    def configure(self, **values: Any) -> None:
        """Sets config keys, None takes one away. Takes effect with the next `up`, as for everybody."""
        file = self.project / f"Pulumi.{self.name}.yaml"
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        config = document.setdefault("config", {})
        for key, value in values.items():
            config.pop(f"{self.project_name}:{key}", None)
            if value is not None:
                config[f"{self.project_name}:{key}"] = value
        file.write_text(yaml.safe_dump(document), encoding="utf-8")

    @property
    def project_name(self) -> str:
        """As Pulumi.yaml says it."""
        return str(yaml.safe_load((self.project / "Pulumi.yaml").read_text(encoding="utf-8"))["name"])

    def up(self, *options: str) -> str:
        """Brings the stack up, and answers what that printed."""
        return self.pulumi("up", "--yes", "--skip-preview", *options).stdout

    def destroy(self, *options: str) -> str:
        """Takes away all that the stack made, and answers what that printed."""
        return self.pulumi("destroy", "--yes", "--skip-preview", *options).stdout


def _evidence(text: str) -> str:
    """What went wrong: the engine says so before it lists the outputs, other commands do with their last words."""
    _, found, diagnostics = text.rpartition("\nDiagnostics:\n")
    if found:
        return diagnostics.partition("\nOutputs:")[0]
    return "\n".join(text.splitlines()[-_LAST_LINES:])


def stack_of_its_own(
    folder: Path,
    name: str,
    config: Mapping[str, Any],
    prefix: tuple[str, ...] = (),
    program: Path = places.CHECKOUT,
) -> Stack:
    """A new stack whose files, state and selection lie in `folder`: it runs the program of the checkout, or another one, but
    neither sees nor touches the user's stacks."""
    project = yaml.safe_load((program / "Pulumi.yaml").read_text(encoding="utf-8"))
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump({**project, "main": str(program)}), encoding="utf-8")
    (folder / f"Pulumi.{name}.yaml").write_text("config: {}\n", encoding="utf-8")
    (folder / "state").mkdir()
    stack = Stack(folder, name, prefix, environment_with(folder / "state"))
    stack.configure(**config)
    stack.pulumi("stack", "init")
    return stack


def environment_with(state: Path) -> dict[str, str]:
    """The project's own programs and plugins, a folder for the state, and nothing of the user's Pulumi."""
    outer = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")}
    path = [str(Path(sys.executable).parent), str(programs.bin_dir()), outer["PATH"]]
    return {
        **outer,
        "PATH": os.pathsep.join(path),
        "PULUMI_HOME": str(places.pulumi_home()),
        # As `. ./activate` has it: a kill tears the check sums that would else be written beside a state.
        "PULUMI_BACKEND_URL": f"{state.as_uri()}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE": "of a test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DEBUG_COMMANDS": "true",  # for --event-log
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
