"""Makes the archive of Kafka's classes that Java maps into memory instead of reading, checking and linking them jar by jar:
once for a Kafka archive and the Java of the guest image. (Java calls that class data sharing.)

Knows that Java takes such an archive only where its own build, the jars' paths, times and order are the same, and that what
is in it is what a broker and its tools loaded once. Refuses to know what becomes of it on a machine
(`files/stages/shared_classes.py`). Without it everything works, later. Standard library only.
"""

import hashlib
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

if not __package__:  # run as a script, before there is any environment
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from archives import archive as kafka_archive
from computer import caches, places, telling
from computer.commands import CommandFailed, logged
from images import recipe
from images.rootfs import unpacked

NAME = "kafka-classes.jsa.gz"
_PROGRAM = Path(__file__).with_name("shared-classes.sh")
_SECONDS = 1800.0
_MAKING = ".making-"


@dataclass(frozen=True, slots=True)
class SharedClasses:
    """An archive of classes in the cache, packed. `java` is the version that takes them, as its own release file says it."""

    path: Path
    sha512: str
    java: str


def cached(archive_sha512: str) -> SharedClasses | None:
    """That of a Kafka archive and this checkout's image, if the cache has it."""
    image = recipe.image()
    path = _folder(archive_sha512, image) / NAME if image.is_built() else None
    if path is None or not path.is_file():
        return None
    # Debian's package and what it says of itself differ by that.
    java = f"{image.manifest().java.replace('~', '-')}-Debian"
    return SharedClasses(path, path.with_suffix(".sha512").read_text(encoding="ascii"), java)


def ensure(archive: kafka_archive.Archive) -> SharedClasses | None:
    """The same, made unless it is there; None where there is no image whose Java could make it, or nobody who may."""
    image = recipe.image()
    if not image.is_built() or os.geteuid() != 0:
        return cached(archive.sha512)
    with caches.alone(_root(), "Kafka's classes", _MAKING):
        if not cached(archive.sha512):
            with telling.telling("Kafka's classes to be laid out for Java", _SECONDS):
                _make(archive, image)
    return cached(archive.sha512)


def _make(archive: kafka_archive.Archive, image: recipe.Image) -> None:
    """In a root of its own above the image's, and a network of its own in which nobody else's port is in the way."""
    lower = unpacked(image.rootfs)
    with tempfile.TemporaryDirectory(dir=_root(), prefix=_MAKING) as work:
        log = _root() / "make.log"
        log.write_text("", encoding="utf-8")
        alone = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"]
        logged([*alone, "sh", _PROGRAM, lower, work, archive.path, f"kafka_2.13-{archive.version}"], log, most=_SECONDS)
        made = Path(work) / NAME
        (Path(work) / made.with_suffix(".sha512").name).write_text(caches.sha512(made), encoding="ascii")
        folder = _folder(archive.sha512, image)
        folder.mkdir(parents=True, exist_ok=True)
        for file in (made.with_suffix(".sha512"), made):  # what is looked for comes last
            file.replace(folder / file.name)


def _folder(archive_sha512: str, image: recipe.Image) -> Path:
    """By all that decides the content."""
    decides = f"{archive_sha512} {image.manifest().java}\n".encode() + _PROGRAM.read_bytes()
    return _root() / hashlib.sha256(decides).hexdigest()[:16]


def _root() -> Path:
    return places.cache() / "shared-classes"


def main() -> int:
    """Makes that of the default archive, and says where it is."""
    found = kafka_archive.cached()
    try:
        made = ensure(found) if found else None
    except CommandFailed as failure:  # an archive of the user's own may hold what this does not expect
        print(f"shared classes: not made, so brokers and tools start later: {failure}", flush=True)
        return 0
    except telling.StillHeld as error:
        print(error, file=sys.stderr)
        return 1
    if made:
        print(f"shared classes: {made.path}", flush=True)
    else:
        print(
            "shared classes: not made, which needs root, the guest image and the Kafka archive; brokers start later",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
