"""Makes an archive like the official one out of Maven Central's jars and the launchers and config files of distribution/.

Knows the layout of a Kafka 3.6 release and how to write the same bytes from the same inputs.
Refuses to know caches, checksums and where an official archive might be had: that is archive.py.
"""

import gzip
import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

PARTS = Path(__file__).resolve().parent / "distribution"
PACKAGES = {"mvn": "maven", "java": "openjdk-17-jre-headless"}
COPY_JARS = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
VERSIONS = re.compile(r"3\.6\.\d+")
DEFAULT_HEAP = "-Xmx256M"
# Jars must carry the same time on every machine, or a class-data-sharing archive made on one is ignored on another.
TIMESTAMP = 1_700_000_000
# One program on the slowest line, and all three: what is missing of them is looked for and installed, then the jars.
STEP_SECONDS = 1200.0
MOST_SECONDS = 3 * STEP_SECONDS


class AssemblyError(Exception):
    """The archive could not be made; the message says what to do."""


def recipe(version: str) -> str:
    """A fingerprint of all that decides the archive's content, apart from what Maven Central answers."""
    digest = hashlib.sha256(version.encode())
    for path in [Path(__file__), *sorted(p for p in PARTS.rglob("*") if p.is_file())]:
        digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def assemble(version: str, target: Path) -> None:
    """Write the archive of one version to `target`."""
    if not VERSIONS.fullmatch(version):
        raise AssemblyError(
            f"kafkaVersion: got {version!r}, expected 3.6.x: the launchers of an assembled archive are written for it. "
            "For another version name the official archive, for example: archive: /path/kafka_2.13-3.7.0.tgz"
        )
    _install_programs()
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".jars-") as folder:
        libs = Path(folder)
        _copy_jars(version, libs)
        _write(version, _files(version, libs), target)


def launchers() -> dict[str, str]:
    """Every program of bin/ by file name, with its text."""
    table = tomllib.loads((PARTS / "launchers.toml").read_text())
    rendered = {
        f"{name}.sh": _fill((PARTS / "bin" / f"{template}.sh").read_text(), {"heap": DEFAULT_HEAP} | values)
        for template, programs in table.items()
        for name, values in programs.items()
    }
    as_they_are = ("kafka-run-class.sh", "zookeeper-shell.sh")
    return rendered | {name: (PARTS / "bin" / name).read_text() for name in as_they_are}


def _fill(template: str, values: dict[str, str]) -> str:
    return re.sub(r"@(\w+)@", lambda found: values[found[1]], template)


def _files(version: str, libs: Path) -> Iterator[tuple[str, bytes, int]]:
    """Path inside the archive, content and mode of every file."""
    jars = sorted(libs.glob("*.jar"))
    yield "ASSEMBLED", _marker(version, [jar.name for jar in jars]), 0o644
    for name, text in launchers().items():
        yield f"bin/{name}", text.encode(), 0o755
    for path in (PARTS / "config").rglob("*.properties"):
        yield str(path.relative_to(PARTS)), path.read_bytes(), 0o644
    for jar in jars:
        yield f"libs/{jar.name}", jar.read_bytes(), 0o644


def _marker(version: str, jars: list[str]) -> bytes:
    lines = [
        f"Apache Kafka {version} (Scala 2.13), assembled from the jars on Maven Central.",
        "This is not the official release archive: the programs in bin and the files in config are the kafka-cluster",
        "project's own, with the names, arguments and defaults of the official ones.",
        "",
        f"{len(jars)} jars:",
        *jars,
    ]
    return ("\n".join(lines) + "\n").encode()


def _write(version: str, files: Iterator[tuple[str, bytes, int]], target: Path) -> None:
    """A tar that depends on its content alone: sorted, one time stamp, owned by root, a gzip header without name and time."""
    top = f"kafka_2.13-{version}"
    content = {f"{top}/{path}": (data, mode) for path, data, mode in files}
    folders = {str(parent) for path in content for parent in Path(path).parents if parent.name}
    with (
        target.open("wb") as raw,
        # Jars are compressed already: more effort would cost seconds and save nothing.
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=1) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for path in sorted(folders | content.keys()):
            data, mode = content.get(path, (b"", 0o755))
            entry = tarfile.TarInfo(path)
            entry.type = tarfile.DIRTYPE if path in folders else tarfile.REGTYPE
            entry.mode, entry.size, entry.mtime = mode, len(data), TIMESTAMP
            entry.uname = entry.gname = "root"
            tar.addfile(entry, io.BytesIO(data))


def _copy_jars(version: str, libs: Path) -> None:
    pom = PARTS / "pom.xml"
    properties = [f"-Dkafka.version={version}", f"-DoutputDirectory={libs}", "-DincludeScope=runtime"]
    # Maven's own checksums are only a warning unless asked for strictly.
    run(["mvn", "--batch-mode", "--quiet", "--strict-checksums", "--file", str(pom), COPY_JARS, *properties])


def _install_programs() -> None:
    missing = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
    if missing:
        apt = ["apt-get", "--quiet", "--yes"]
        run([*apt, "update"])
        run([*apt, "install", "--no-install-recommends", *missing], DEBIAN_FRONTEND="noninteractive")


def run(command: list[str], **environment: str) -> None:
    """Run a program to its end; a failure carries the last lines that it said."""
    try:
        done = subprocess.run(
            command,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=STEP_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise AssemblyError(f"`{' '.join(command)}` took longer than {STEP_SECONDS:.0f} s, and was ended") from None
    if done.returncode != 0:
        last = "\n".join(done.stdout.strip().splitlines()[-15:])
        raise AssemblyError(f"{' '.join(command)}\nended with {done.returncode}. Its last lines:\n{last}")
