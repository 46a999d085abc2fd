"""Provides the Kafka archive: official, given by the user, or assembled where the official one can't be reached.

Knows where archives come from, their SHA-512 and the cache that is keyed by it.
Refuses to know how an archive is assembled (assemble.py) and what is done with it on a machine.
"""

import argparse
import http.client
import json
import re
import shutil
import sys
import tarfile
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

if not __package__:  # run as a script, before there is any environment
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from archives import assemble
from computer import apt, caches, places, telling
from computer.commands import CommandFailed

DEFAULT_VERSION = "3.6.0"
OFFICIAL = "https://archive.apache.org/dist/kafka/{version}/kafka_2.13-{version}.tgz"
# As published beside the official archives; for other versions the published file is asked.
PUBLISHED = {
    "3.6.0": "98d20f475bccc11eb3cf05362112c788eea7bfc88abddba66cfcfb48880d3bb9"
    "7918a90d44eb7c1720527bebca93dd231002b5159876f6ee8b7fcd91cc1b0644",
    "3.6.1": "1f063cd67463dd3bb5a5e06e7a1c2278db84bfc836a634fac7c9a005de66a42a"
    "c00b32f5e9bbdd22086605f73659efd4ce5bd1185196b02a743be0898daac55d",
    "3.6.2": "e5d5935df6e687898e71e583e8ea376275c6fbac2e7872e78f7c55ab25284855"
    "82362e3778678600c5368384437c1da6b3d612a748917f4b294c06ea160173ee",
}
REACH_SECONDS = 8.0
_FETCH_SECONDS = 1800.0
_PARTIAL = ".partial-"
EXAMPLE = "for example: archive: /path/kafka_2.13-3.6.0.tgz, archive: https://mirror.example/kafka_2.13-3.6.0.tgz"


class ArchiveError(Exception):
    """No archive can be had that may be used; the message names the config key and what to do."""


class Unreachable(Exception):
    """An address gives no answer, or not the file."""


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive in the cache."""

    version: str
    path: Path
    sha512: str
    kind: str
    """`official`, `given` (by the user's address or path) or `assembled` (from Maven Central)"""
    source: str

    def __str__(self) -> str:
        origin = {
            "official": "the official archive",
            "given": f"given as {self.source}",
            "assembled": "assembled from Maven Central, not the official archive",
        }[self.kind]
        return f"Kafka {self.version}: {origin}, sha512 {self.sha512[:12]}…, {self.path}"


def cached(version: str = DEFAULT_VERSION, source: str | None = None, sha512: str | None = None) -> Archive | None:
    """The archive that `ensure` would answer, if the cache has it. Asks no network and reads no archive."""
    entry = _index().get(_key(version, source))
    if entry is None or (sha512 or entry["sha512"]).lower() != entry["sha512"]:
        return None
    stamp = _stamp(entry["kind"], version, entry["source"])
    if stamp and stamp != entry["stamp"]:
        return None
    path = _place(version, entry["sha512"])
    return Archive(version, path, entry["sha512"], entry["kind"], entry["source"]) if path.is_file() else None


def ensure(version: str = DEFAULT_VERSION, source: str | None = None, sha512: str | None = None) -> Archive:
    """The archive of this version, fetched into the cache unless it is there whole."""
    expected = _judge(version, sha512)
    with caches.alone(_root(), "the Kafka archives", _PARTIAL):
        found = cached(version, source, expected)
        if found and is_whole(found):
            return found
        with tempfile.TemporaryDirectory(dir=_root(), prefix=_PARTIAL) as folder:
            fetched = Path(folder) / "archive.tgz"
            kind, origin = _fetch(version, source, expected, fetched)
            _check_content(version, origin, fetched)
            return _keep(version, source, kind, origin, fetched)


def is_whole(archive: Archive) -> bool:
    """Whether the cached file still has its checksum. Reads all of it."""
    return caches.sha512(archive.path) == archive.sha512


def _judge(version: str, sha512: str | None) -> str | None:
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise ArchiveError(f"kafkaVersion: got {version!r}, expected three numbers, for example: 3.6.0")
    if sha512 is None:
        return None
    if not re.fullmatch(r"[0-9a-fA-F]{128}", sha512):
        raise ArchiveError(
            f"archiveSha512: got {sha512!r} ({len(sha512)} characters), expected 128 hexadecimal digits, "
            "as `sha512sum kafka_2.13-3.6.0.tgz` prints them"
        )
    return sha512.lower()


def _fetch(version: str, source: str | None, expected: str | None, target: Path) -> tuple[str, str]:
    """Bring a checked archive to `target`; answers its kind and origin."""
    if source is None:
        return _fetch_default(version, expected, target)
    local = _local(source)
    if local:
        _copy(local, target)
    else:
        try:
            _download(source, target)
        except Unreachable as error:
            raise ArchiveError(
                f"archive: {source} can't be fetched: {error}. Expected an archive, {EXAMPLE}"
            ) from error
    origin = str(local or source)
    if expected:
        _check(target, expected, origin)
    else:
        _say(f"archiveSha512 is not set, so {origin} is taken as it is")
    return "given", origin


def _fetch_default(version: str, expected: str | None, target: Path) -> tuple[str, str]:
    address = OFFICIAL.format(version=version)
    try:
        published = expected or PUBLISHED.get(version) or _published(address)
        _say(f"fetching {address}")
        _download(address, target)
    except Unreachable as error:
        _say(f"the official archive can't be fetched ({error}): assembling one from Maven Central")
    else:
        _check(target, published, address)
        return "official", address
    try:
        with telling.telling("the Kafka archive to be assembled", assemble.MOST_SECONDS):
            # Here, as a change of assemble.py makes every archive that it made out of date.
            apt.ensure(package for program, package in assemble.PACKAGES.items() if shutil.which(program) is None)
            assemble.assemble(version, target)
    except (assemble.AssemblyError, CommandFailed) as error:
        raise ArchiveError(
            f"Kafka {version} could not be assembled from Maven Central: {error}\n"
            f"Give an archive by config instead, {EXAMPLE}"
        ) from error
    if expected:
        _check(target, expected, "the archive assembled from Maven Central")
    return "assembled", "Maven Central"


def _published(address: str) -> str:
    """The checksum in the .sha512 file beside an archive, written as `name: GROUPS OF HEX` or `hex  name`."""
    with _open(f"{address}.sha512") as answer:
        text = answer.read().decode("ascii", errors="replace")
    without_name = text.replace(address.rsplit("/", 1)[-1], "")
    found = re.search(r"[0-9a-f]{128}", re.sub(r"\s", "", without_name).lower())
    if not found:
        raise ArchiveError(
            f"archiveSha512: {address}.sha512 holds no SHA-512 but {text[:200]!r}; set archiveSha512 yourself"
        )
    return found[0]


def _download(address: str, target: Path) -> None:
    with _open(address) as answer, target.open("wb") as file:
        try:
            telling.copied(answer, file, address, _FETCH_SECONDS)
        except (OSError, http.client.HTTPException) as error:
            raise ArchiveError(
                f"archive: {address} broke off after {file.tell()} bytes: {error}. Run it again"
            ) from error
        announced = answer.headers["Content-Length"]
        if announced and file.tell() != int(announced):
            raise ArchiveError(f"archive: {address} broke off after {file.tell()} of {announced} bytes. Run it again")


def _open(address: str) -> http.client.HTTPResponse:
    """An open answer. The time limit covers the name's look-up and every one of its addresses, which urllib's own doesn't."""
    outcome: list[http.client.HTTPResponse | Exception] = []

    def ask() -> None:
        try:
            outcome.append(urllib.request.urlopen(address, timeout=REACH_SECONDS))
        except (OSError, http.client.HTTPException) as error:
            outcome.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(REACH_SECONDS)
    answer = outcome[0] if outcome else TimeoutError(f"no answer in {REACH_SECONDS:.0f} s")
    if isinstance(answer, Exception):
        reason = answer.reason if type(answer) is urllib.error.URLError else answer
        raise Unreachable(str(reason)) from answer
    return answer


def _copy(path: Path, target: Path) -> None:
    try:
        shutil.copyfile(path, target)
    except OSError as error:
        raise ArchiveError(
            f"archive: {path} can't be read: {error.strerror}. Expected an archive, {EXAMPLE}"
        ) from error


def _local(source: str) -> Path | None:
    """The path that a source names, or None for an address of another host."""
    parts = urllib.parse.urlsplit(source)
    if parts.scheme in ("http", "https"):
        return None
    if parts.scheme == "file":
        return Path(urllib.parse.unquote(parts.path))
    if parts.scheme:
        raise ArchiveError(f"archive: got {source!r}, expected a path or an http, https or file address, {EXAMPLE}")
    return Path(source).expanduser().absolute()


def _check(path: Path, expected: str, origin: str) -> None:
    got = caches.sha512(path)
    if got != expected:
        raise ArchiveError(
            f"archiveSha512: the checksum of {origin} is wrong, so it is not used.\n"
            f"  got      {got}\n  expected {expected}\n"
            "If the archive is the right one, set archiveSha512 to what was got; otherwise fetch it again."
        )


def _check_content(version: str, origin: str, path: Path) -> None:
    expected = f"kafka_2.13-{version}"
    try:
        with tarfile.open(path, "r:gz") as tar:
            first = tar.next()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ArchiveError(f"archive: {origin} is not a gzipped tar file: {error}. Expected {expected}.tgz") from error
    top = first.name.split("/")[0] if first else "nothing"
    if top != expected:
        raise ArchiveError(f"archive: {origin} holds {top}, expected {expected}, because kafkaVersion is {version}")


def _keep(version: str, source: str | None, kind: str, origin: str, fetched: Path) -> Archive:
    """Move a checked archive to its place and note it. The note comes last: what it names is whole."""
    sha512 = caches.sha512(fetched)
    path = _place(version, sha512)
    path.parent.mkdir(exist_ok=True)
    fetched.replace(path)
    entry = {"sha512": sha512, "kind": kind, "source": origin, "stamp": _stamp(kind, version, origin)}
    text = json.dumps(_index() | {_key(version, source): entry}, indent=2, sort_keys=True)
    draft = fetched.with_name("index.json")
    draft.write_text(text + "\n")
    draft.replace(_root() / "index.json")
    return Archive(version, path, sha512, kind, origin)


def _stamp(kind: str, version: str, source: str) -> str:
    """What makes a kept archive out of date when it changes: the recipe, or the user's own file. Empty: nothing does."""
    if kind == "assembled":
        return assemble.recipe(version)
    path = _local(source) if kind == "given" else None
    if path is None or not path.is_file():
        return ""
    return f"{path.stat().st_size} {path.stat().st_mtime_ns}"


def _index() -> dict[str, dict[str, str]]:
    path = _root() / "index.json"
    entries: dict[str, dict[str, str]] = json.loads(path.read_text()) if path.is_file() else {}
    return entries


def _key(version: str, source: str | None) -> str:
    return version if source is None else f"{version} from {_local(source) or source}"


def _place(version: str, sha512: str) -> Path:
    return _root() / sha512 / f"kafka_2.13-{version}.tgz"


def _root() -> Path:
    return places.cache() / "archives"


def _say(line: str) -> None:
    print(f"kafka archive: {line}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Fetch or assemble the Kafka archive into the cache.")
    parser.add_argument("--version", default=DEFAULT_VERSION)
    parser.add_argument("--source", metavar="ADDRESS_OR_PATH", help="instead of the official archive")
    parser.add_argument("--sha512", metavar="HEX", help="what the archive must have")
    asked = parser.parse_args()
    try:
        _say(str(ensure(asked.version, asked.source, asked.sha512)))
    except (ArchiveError, telling.StillHeld) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
