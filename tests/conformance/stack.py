"""Runs the real Pulumi CLI on a small Python program, apart from the operator's own Pulumi.

Knows directories and environment. Refuses to know any resource.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from computer import places


class UpFailed(Exception):
    """The CLI failed; the text is what it printed."""


@dataclass(frozen=True, slots=True)
class Stack:
    """One project with one stack in a directory of its own."""

    folder: Path
    environment: dict[str, str]

    def write(self, program: str) -> None:
        """Replace the program."""
        (self.folder / "__main__.py").write_text(program)

    def run(self, *arguments: str) -> str:
        """Run the CLI; what it printed."""
        command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise UpFailed(done.stdout + done.stderr)
        return done.stdout + done.stderr

    def up(self, *arguments: str) -> str:
        """Bring the stack up without a preview before."""
        return self.run("up", "--yes", "--skip-preview", *arguments)

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        return dict(json.loads(self.run("stack", "output", "--json")))


def create(folder: Path, programs_bin: Path) -> Stack:
    """A new stack, with the project's plugins and a backend and PULUMI_HOME of its own."""
    home = folder / "home"
    home.mkdir()
    (home / "plugins").symlink_to(places.pulumi_home() / "plugins")
    (folder / "state").mkdir()
    project = folder / "project"
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: conformance\nruntime: python\n")
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{programs_bin}:{os.environ['PATH']}",
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": f"file://{folder}/state",
        "PULUMI_CONFIG_PASSPHRASE": "conformance",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    stack = Stack(project, environment)
    stack.run("stack", "init", "try")
    return stack
