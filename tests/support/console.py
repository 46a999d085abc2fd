"""Kafka's own console tools, run on the operator's computer from the same archive that the machines got.

Knows how to unpack and to call them. Refuses to know what their answers mean.
"""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from archives import archive
from computer import places
from model.settings import Settings

# One tool at a time asks little, and is over before a faster compiler would have paid for itself.
JAVA = {"KAFKA_HEAP_OPTS": "-Xmx192M", "KAFKA_JVM_PERFORMANCE_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}


class NoTools(Exception):
    """The tools can't be run on this computer; the text says what to do."""


@dataclass(frozen=True)
class ConsoleTools:
    """The tools of one unpacked archive. `scratch` takes what they log."""

    home: Path
    scratch: Path
    seconds: float

    def start(self, tool: str, *arguments: str) -> subprocess.Popen[str]:
        """Starts a tool with its ends in the caller's hands."""
        environment = {**os.environ, **JAVA, "LOG_DIR": str(self.scratch)}
        return subprocess.Popen(
            [self.home / "bin" / tool, *arguments],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, running: subprocess.Popen[str], typed: str = "") -> str:
        """Types into a started tool, and answers what it printed. A failure carries its last words."""
        try:
            out, err = running.communicate(typed, timeout=self.seconds)
        except subprocess.TimeoutExpired:
            running.kill()
            out, err = running.communicate()
            raise AssertionError(
                f"`{_words(running)}` gave no answer in {self.seconds:.0f} s:\n{_tail(out, err)}"
            ) from None
        assert running.returncode == 0, f"`{_words(running)}` ended with {running.returncode}:\n{_tail(out, err)}"
        return out

    def run(self, tool: str, *arguments: str, typed: str = "") -> str:
        """Runs a tool to its end, and answers what it printed."""
        return self.finish(self.start(tool, *arguments), typed)


def _words(running: subprocess.Popen[str]) -> str:
    program, *arguments = (str(word) for word in running.args)  # type: ignore[union-attr]
    return " ".join([Path(program).name, *arguments])


def _tail(*texts: str) -> str:
    return "\n".join("\n".join(texts).strip().splitlines()[-15:])


def tools(settings: Settings, scratch: Path, seconds: float) -> ConsoleTools:
    """The tools of the configured Kafka, unpacked once into the cache."""
    if shutil.which("java") is None:
        raise NoTools("Kafka's console tools need Java on this computer: apt-get install openjdk-17-jre-headless")
    source = None if settings.archive == "auto" else settings.archive
    found = archive.cached(settings.kafka_version, source, settings.archive_sha512 or None)
    if found is None:
        raise NoTools(f"the archive of Kafka {settings.kafka_version} is not in the cache: make setup")
    home = places.cache() / "console-tools" / found.sha512[:16]
    if not home.is_dir():
        _unpack(found.path, home)
    (release,) = home.iterdir()
    return ConsoleTools(release, scratch, seconds)


def _unpack(file: Path, home: Path) -> None:
    """Whole or not at all; of two that unpack at once the first one wins."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=".partial-") as partial:
        fresh = Path(partial) / "home"
        fresh.mkdir()
        subprocess.run(["tar", "-xzf", file, "-C", fresh, "--no-same-owner"], check=True)
        try:
            fresh.rename(home)
        except OSError:
            if not home.is_dir():
                raise
