"""Provides what metrics need beside Kafka: Prometheus' agent for Java and Debian's node_exporter.

Knows where both come from, and the cache that they are kept in. Refuses to know what becomes of them on a machine
(`model/stages.py`). Maven Central's jar is checked by its pinned SHA-512, Debian's package by apt. Standard library only.
"""

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

if not __package__:  # run as a script, before there is any environment
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from archives import assemble
from computer import apt, caches, places, telling
from computer.commands import CommandFailed, output

AGENT = "jmx_prometheus_javaagent-1.0.1.jar"
AGENT_SHA512 = "f81d876e8110cbabd4a9cb3fe1740ec2d896ec4bce5cb5049a2d74c40f43781418cea246f40e6afdfabbdf0e162cb837625f496dedcb76aebbba53b6ae7cacba"
_COORDINATES = "io.prometheus.jmx:jmx_prometheus_javaagent:1.0.1"
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
NODE_EXPORTER = "prometheus-node-exporter"
PROMETHEUS, PROMTOOL = "prometheus", "promtool"
_STEP_SECONDS = 600.0
# Maven's is the assembly's own; the package's source is read, the package fetched and unpacked.
_SECONDS = assemble.STEP_SECONDS + 3 * _STEP_SECONDS + apt.LOCK_SECONDS


class MetricsError(Exception):
    """An agent can't be had; the text says why."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A file in the cache."""

    path: Path
    sha512: str


def cached() -> tuple[Piece, ...] | None:
    """Both, if the cache has them whole. Asks no network."""
    paths = [_root() / name for name in (AGENT, NODE_EXPORTER)]
    if not all(path.is_file() for path in paths):
        return None
    agent, exporter = (Piece(path, caches.sha512(path)) for path in paths)
    return (agent, exporter) if agent.sha512 == AGENT_SHA512 else None


def ensure() -> tuple[Piece, ...]:
    """Both, fetched unless they are there."""
    with caches.alone(_root(), "the metrics agents"):
        if not cached():
            with telling.telling("the metrics agents", _SECONDS), tempfile.TemporaryDirectory(dir=_root()) as folder:
                _fetch(Path(folder))
    found = cached()
    if not found:
        raise MetricsError(f"metrics: the cache {_root()} lost what was just fetched; run it again")
    return found


def promtool() -> Path | None:
    """Prometheus' own judge of alert rules, which only tests need; None when it was not fetched."""
    return _if_there(PROMTOOL)


def prometheus() -> Piece | None:
    """Prometheus itself, which a monitor and tests need; None when it was not fetched."""
    path = _if_there(PROMETHEUS)
    return Piece(path, caches.sha512(path)) if path else None


def _if_there(program: str) -> Path | None:
    path = _root() / program
    return path if path.is_file() else None


def ensure_prometheus() -> Piece:
    """Both, fetched unless they are there; Prometheus itself."""
    with caches.alone(_root(), "the metrics agents"):
        if not (promtool() and prometheus()):
            with telling.telling("Prometheus", _SECONDS), tempfile.TemporaryDirectory(dir=_root()) as folder:
                _fetch_programs(PROMETHEUS, Path(folder), PROMETHEUS, PROMTOOL)
                for program in (PROMETHEUS, PROMTOOL):
                    (Path(folder) / program).replace(_root() / program)
    found = prometheus()
    if not found:
        raise MetricsError(f"metrics: the cache {_root()} lost what was just fetched; run it again")
    return found


def _fetch(folder: Path) -> None:
    try:
        copy = [_COPY, f"-Dartifact={_COORDINATES}", f"-DoutputDirectory={folder}"]
        assemble.run(["mvn", "--batch-mode", "--quiet", "--strict-checksums", *copy])
        _fetch_programs(NODE_EXPORTER, folder, NODE_EXPORTER)
    except (assemble.AssemblyError, CommandFailed) as error:
        raise MetricsError(f"metrics: what they need can't be fetched: {error}") from error
    got = caches.sha512(folder / AGENT)
    if got != AGENT_SHA512:
        raise MetricsError(f"metrics: {AGENT} has the SHA-512 {got}, expected {AGENT_SHA512}; it is not used")
    for name in (NODE_EXPORTER, AGENT):
        (folder / name).replace(_root() / name)


def _fetch_programs(package: str, folder: Path, *programs: str) -> None:
    """Programs alone out of Debian's package: the package's own service would start, and listen on all addresses."""
    (folder / "deb").mkdir()
    apt.update(_STEP_SECONDS)
    fetch = ["apt-get", "--quiet=2", "--option", "APT::Sandbox::User=root", "download", package]
    done = subprocess.run(["timeout", str(_STEP_SECONDS), *fetch], cwd=folder / "deb", capture_output=True, text=True)
    packages = list((folder / "deb").glob("*.deb"))
    if done.returncode != 0 or len(packages) != 1:
        raise MetricsError(f"metrics: Debian's {package} can't be fetched: {done.stderr.strip()}")
    output(["dpkg-deb", "--extract", packages[0], folder / "unpacked"], most=_STEP_SECONDS)
    for program in programs:
        (folder / "unpacked" / "usr" / "bin" / program).replace(folder / program)


def _root() -> Path:
    return places.cache() / "metrics"


def main() -> int:
    """Fetches both, and says where they are."""
    parser = argparse.ArgumentParser(description="Fetch the metrics agents into the cache.")
    parser.add_argument("--prometheus", action="store_true", help="and Prometheus, for a monitor and for tests")
    asked = parser.parse_args()
    try:
        for piece in ensure():
            print(f"metrics: {piece.path}, sha512 {piece.sha512[:12]}…", flush=True)
        if asked.prometheus:
            print(f"prometheus: {ensure_prometheus().path}", flush=True)
    except (MetricsError, CommandFailed, telling.StillHeld) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
