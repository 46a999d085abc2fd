"""Builds the image of the recipe: a Debian root file system, as a tar archive and as a bootable disk.

Knows the tools and their order. Refuses to know what the image is for: whatever decides its content is in
`recipe` and in `overlay/`. A build happens in a folder of its own that is renamed when it is whole.
"""

import fcntl
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archives.archive import Archive
from computer import apt
from computer.commands import CommandFailed, logged, output
from images import disk, recipe

TOOLS = ("debian-archive-keyring", "fdisk", "e2fsprogs", "grub-pc-bin", "mmdebstrap", "qemu-utils", "tar")

# The settings of the computer's own apt that reach its package sources, and nothing else of it.
CARRIED_SETTINGS = ("Acquire::Check-", "Acquire::Force", "Acquire::Retries", "Acquire::http")

COPY_OVERLAY = (
    'tar --directory "{overlay}" --owner=root --group=root --mode=u=rwX,go=rX --create . '
    '| tar --directory "$1" --extract --no-overwrite-dir'
)

# Java from its class-data archive: without the archive every start would take longer, and nobody would see why.
PROVE_JAVA = 'chroot "$1" java -Xshare:on -version'


def build() -> recipe.Image:
    """Builds the image unless it is there, and returns it."""
    image = recipe.image()
    if image.is_built():
        return image
    if os.geteuid() != 0:
        raise CommandFailed("building the guest image needs root")
    apt.ensure(TOOLS)
    recipe.images().mkdir(parents=True, exist_ok=True)
    with _alone():
        if not image.is_built():
            _build_into(image.folder)
    return image


@contextmanager
def _alone() -> Iterator[None]:
    """Waits for other builds to end, and clears what a killed one left."""
    with (recipe.images() / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in recipe.images().glob(".building-*"):
            shutil.rmtree(left)
        yield


def _build_into(folder: Path) -> None:
    work = folder.with_name(f".building-{folder.name}")
    result = work / "result"
    result.mkdir(parents=True)
    log = recipe.images() / "build.log"
    log.write_text("")
    try:
        _make(recipe.Image(result), work, log)
        result.rename(folder)
    except CommandFailed as failure:
        raise CommandFailed(f"the guest image was not built (all of it in {log}): {failure}") from failure
    finally:
        shutil.rmtree(work)


def _make(image: recipe.Image, work: Path, log: Path) -> None:
    root = work / "root"
    with _step("packages unpacked"):
        _bootstrap(root, work, log)
        _finish(root, log)
    with _step("root file system archived"):
        logged(
            ["tar", "--directory", root, "--numeric-owner", "--xattrs", "--create", "--file", image.rootfs, "."], log
        )
    kafka = recipe.archive()
    with _step("bootable disk made"):
        if kafka:
            _carry(root, kafka, log)
        disk.make(root, image.disk, recipe.DISK_BYTES, work, log)
    (image.folder / "manifest.json").write_text(_manifest(root, image.disk, kafka).to_json())


def _carry(root: Path, kafka: Archive, log: Path) -> None:
    """Puts the Kafka archive where the stage that installs it looks first, and what it would be unpacked to."""
    folder, home = root / recipe.ARCHIVES[1:], root / recipe.UNPACKED[1:]
    folder.mkdir()
    shutil.copyfile(kafka.path, folder / kafka.path.name)
    logged(["tar", "--directory", home, "--no-same-owner", "--extract", "--gzip", "--file", kafka.path], log)
    (home / f"kafka_2.13-{kafka.version}" / recipe.MARK).write_text(f"{kafka.sha512}\n")


@contextmanager
def _step(done: str) -> Iterator[None]:
    begin = time.monotonic()
    yield
    print(f"image: {done} ({time.monotonic() - begin:.0f} s)", flush=True)


def _bootstrap(root: Path, work: Path, log: Path) -> None:
    command = ["env", f"TMPDIR={work}", "mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"]
    command += [f"--include={','.join(recipe.PACKAGES)}"]
    command += [f"--aptopt={setting}" for setting in _apt_settings()]
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in recipe.LEFT_OUT]
    command += [f"--essential-hook={COPY_OVERLAY.format(overlay=recipe.OVERLAY)}"]
    command += [f"--customize-hook={PROVE_JAVA}"]
    logged([*command, recipe.RELEASE, root, "-"], log, stdin="\n".join(apt_sources()))


def apt_sources() -> list[str]:
    """The computer's own sources of the release's packages, one line each."""
    fields = ["--format", "$(CODENAME) deb $(REPO_URI) $(RELEASE) $(COMPONENT)"]
    chosen = ["Created-By: Packages", "Origin: Debian"]
    found = output(["apt-get", "indextargets", *fields, *chosen]).splitlines()
    sources = [line.split(" ", 1)[1] for line in found if line.startswith(recipe.RELEASE)]
    if not sources:
        raise CommandFailed(
            f"apt on this computer has no source of Debian {recipe.RELEASE}: the guest image is built from the"
            " computer's own package sources, so a Debian 12 is needed (and `apt-get update` to have run)"
        )
    return sources


def _apt_settings() -> list[str]:
    settings = output(["apt-config", "dump", "--no-empty", "Acquire"]).splitlines()
    return [setting.rstrip(";") for setting in settings if setting.startswith(CARRIED_SETTINGS)]


def _finish(root: Path, log: Path) -> None:
    """Settles which units run, and takes out what must be each machine's or each computer's own."""
    for verb, units in ("enable", recipe.ENABLED), ("mask", recipe.MASKED):
        logged(["chroot", root, "systemctl", verb, *units], log)
    for key in root.glob("etc/ssh/ssh_host_*"):
        key.unlink()
    (root / "etc/apt/apt.conf.d/99mmdebstrap").unlink(missing_ok=True)


def _manifest(root: Path, disk_file: Path, kafka: Archive | None) -> recipe.Manifest:
    packages = output(["chroot", root, "dpkg-query", "--show", "--showformat", "${Package}=${Version}\n"]).splitlines()
    java = next(line.split("=", 1)[1] for line in packages if line.startswith("openjdk-17-jre-headless="))
    with disk_file.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    return recipe.Manifest(java, tuple(packages), checksum, kafka.sha512 if kafka else "")


def main(arguments: list[str]) -> int:
    """`build` makes the image, `path` says where this checkout's image lies."""
    if arguments not in (["build"], ["path"]):
        print("usage: python3 -m images build|path", file=sys.stderr)
        return 2
    if arguments == ["path"]:
        print(recipe.path())
        return 0
    try:
        print(f"image: {build().disk}")
    except CommandFailed as failure:
        print(f"image: {failure}", file=sys.stderr)
        return 1
    return 0
