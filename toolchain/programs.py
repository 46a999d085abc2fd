"""Provides the four Pulumi programs: the CLI, its Python language host, and the plugins command and libvirt.

Knows the sources and their order: an installed Pulumi of the tested version, official binaries, Go modules.
Refuses to know how Go builds (golang.py) and what the programs are used for.

    python3 toolchain/programs.py              provide what is missing
    python3 toolchain/programs.py --print-bin  the CLI's directory; fails where it is not there yet

KAFKA_CLUSTER_PULUMI=own takes the project's own programs, whatever is installed or can be downloaded.
KAFKA_CLUSTER_PULUMI_RELEASES names a mirror of the official binaries.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

if not __package__:  # run as a script, before there is any environment
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from computer import caches, places, telling
from toolchain import golang, pins

CHOICE = "KAFKA_CLUSTER_PULUMI"
RELEASES = "https://get.pulumi.com/releases"
MIRROR = "KAFKA_CLUSTER_PULUMI_RELEASES"
REACH_SECONDS = 5.0
FETCH_SECONDS = 1800.0
KEY_DIGITS = 12
OFFICIAL, OWN = "official", "own"
USE_OWN = f"let this project build its own: `export {CHOICE}={OWN}`, then `make setup`"
OFFICIAL_ARCHITECTURES = {"amd64": "x64", "arm64": "arm64"}
MODULES = Path(__file__).resolve().parent / "go"
CLI, HOST, EXEC = "pulumi", "pulumi-language-python", "pulumi-language-python-exec"
SHIMS = ("toolchain", "shims")
SDK = "github.com/pulumi/pulumi/sdk/v3"


class ProgramsError(Exception):
    """The programs can't be had; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Program:
    """One program that is built from the module in go/<folder>."""

    name: str
    folder: str
    package: str
    variables: tuple[tuple[str, str], ...] = ()
    patches: tuple[golang.Patch, ...] = field(default=(), repr=False)

    def build(self, go: golang.Go, directory: Path) -> None:
        """Build it into a directory."""
        print(f"building {self.name} from Go modules", flush=True)
        began = time.monotonic()
        go.build(MODULES / self.folder, self.package, directory / self.name, dict(self.variables), self.patches)
        print(f"built {self.name} in {time.monotonic() - began:.0f} s", flush=True)

    def key(self) -> str:
        """Another key for other sources, pins or flags."""
        patched = repr(self.patches) if self.patches else ""
        digest = hashlib.sha256((patched + repr((self, golang.FLAGS, pins.GO_FETCHED, golang.architecture()))).encode())
        for path in sorted(path for path in (MODULES / self.folder).rglob("*") if path.is_file()):
            digest.update(f"{path.relative_to(MODULES)}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
        return digest.hexdigest()[:KEY_DIGITS]


# The first data of a download may overtake the answer that the download has begun, and one more packet follows the last
# data. The client library takes both for something else: the download is empty, or the reader of the connection waits
# for ever with a lock in its hands, and so does everybody else.
DOWNLOADS = golang.Patch(
    "github.com/digitalocean/go-libvirt",
    "rpc.go",
    (
        ("\tStatus  uint32\n}\n", "\tStatus  uint32\n\tStream  bool\n}\n"),
        ("Status: h.Status})", "Status: h.Status, Stream: h.Type == socket.Stream})"),
        ("c := make(chan response)", "c := make(chan response, 16)"),
        (
            "\tresp, err := l.getResponse(c)\n\tif err != nil {\n\t\treturn resp, err\n\t}\n\n\tif out != nil {",
            "\tresp, err := l.getResponse(c)\n\tended := false\n\tfor err == nil && resp.Stream && in != nil {\n"
            "\t\tended = len(resp.Payload) == 0\n\t\tif _, err = in.Write(resp.Payload); err == nil {\n"
            "\t\t\tresp, err = l.getResponse(c)\n\t\t}\n\t}\n"
            "\tif err != nil || ended {\n\t\treturn resp, err\n\t}\n\n\tif out != nil {",
        ),
    ),
)
LANGUAGE_HOST = Program(HOST, "language-host", f"{SDK}/python/cmd/{HOST}")
PULUMI = Program(
    CLI,
    "cli",
    "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    ((f"{SDK}/go/common/version.Version", f"v{pins.PULUMI}"),),
)
PLUGINS = {
    "command": Program("pulumi-resource-command", "command", ".", (("main.version", pins.PLUGINS["command"]),)),
    "libvirt": Program(
        "pulumi-resource-libvirt",
        "libvirt",
        "./plugin",
        (("kafka-cluster/toolchain/libvirt.Version", pins.PLUGINS["libvirt"]),),
        (DOWNLOADS,),
    ),
}


def ensure() -> Path:
    """Provide whatever is missing; the directory that holds the CLI and its language host."""
    with caches.alone(_shelf(), "the Pulumi programs"):  # a second one waits, and then finds them
        _prepare_home()
        directory = _present(tell=True) or _official_cli() or _built_cli()
        for name in PLUGINS:
            _ensure_plugin(directory / CLI, name)
        golang.clean()
    return directory


def _prepare_home() -> None:
    """A PULUMI_HOME that has no folder of logs, where nobody made one: the CLI writes all it handles into it, whether
    somebody asks for that or not, up to half a gigabyte; and that is a fifth of the time of a run. It does without where
    it can't make the folder, and there is no other way to ask it to."""
    logs = places.pulumi_home() / "logs"
    logs.parent.mkdir(parents=True, exist_ok=True)
    if not logs.exists():
        logs.write_text(
            "So that Pulumi keeps no log of each run. To have them: put a folder in the place of this file.\n"
        )


def bin_dir() -> Path:
    """The directory that holds the CLI and its language host, without providing anything."""
    directory = _present()
    if not directory:
        raise ProgramsError(f"Pulumi {pins.PULUMI} is not provided yet: run `make setup`")
    return directory


def _present(*, tell: bool = False) -> Path | None:
    """What is there already. `tell`: say of an installed Pulumi that is not used why."""
    kept = [_own_directory()] if _own_wanted() else [_official_directory(), _own_directory()]
    installed = None if _own_wanted() else _installed(tell)
    return installed or next((directory for directory in kept if directory.is_dir()), None)


def _own_wanted() -> bool:
    choice = os.environ.get(CHOICE, "")
    if choice not in ("", OWN):
        raise ProgramsError(f"{CHOICE} is {choice!r}; expected nothing, or {OWN!r} for the project's own")
    return choice == OWN


def _shelf() -> Path:
    return places.cache() / "toolchain"


def _official_directory() -> Path:
    return _shelf() / f"pulumi-{pins.PULUMI}-{OFFICIAL}"


def _own_directory() -> Path:
    both = hashlib.sha256((PULUMI.key() + LANGUAGE_HOST.key()).encode()).hexdigest()
    return _shelf() / f"pulumi-{pins.PULUMI}-{both[:KEY_DIGITS]}"


@contextmanager
def _whole(destination: Path) -> Iterator[Path]:
    """A directory to fill, which becomes the destination only when it is filled."""
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".unfinished-") as temporary:
        filled = Path(temporary) / "whole"
        filled.mkdir()
        yield filled
        filled.rename(destination)


def _is_ours(folder: Path) -> bool:
    """Whether a folder holds what was built before, or is what a shell that any checkout prepared finds first."""
    return folder.is_relative_to(_shelf().resolve()) or folder.parts[-2:] == SHIMS


def _installed(tell: bool) -> Path | None:
    """The directory of the user's own Pulumi. One that this project is not tested with is left alone."""
    others = [part for part in os.get_exec_path() if not _is_ours(Path(part).resolve())]
    found = shutil.which(CLI, path=os.pathsep.join(others))
    if not found:
        return None
    quick = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    done = subprocess.run([found, "version"], env=quick, capture_output=True, text=True)
    version = done.stdout.strip().removeprefix("v") or f"no version: {done.stderr.strip()}"
    if version != pins.PULUMI:
        if tell:
            print(
                f"{found} is {version} and is not used: this project is tested with Pulumi {pins.PULUMI} only, and takes"
                " one of its own. Yours stays as it is",
                flush=True,
            )
        return None
    directory = Path(found).parent
    missing = [name for name in (HOST, EXEC) if not os.access(directory / name, os.X_OK)]
    if missing:
        raise ProgramsError(
            f"{found} comes without {' and '.join(missing)}.\nInstall Pulumi {pins.PULUMI} whole, or {USE_OWN}."
        )
    return directory


@cache
def _official_reached() -> bool:
    """Asked once a run; a refusal is final."""
    if _own_wanted():
        return False
    try:
        with _opened(_official_cli_address()):
            print(f"official binaries: from {_releases()}", flush=True)
            return True
    except OSError as refusal:
        print(f"official binaries: {_releases()} is not reached ({refusal}); building instead", flush=True)
        return False


def _releases() -> str:
    return os.environ.get(MIRROR, RELEASES)


def _official_cli_address() -> str:
    architecture = OFFICIAL_ARCHITECTURES[golang.architecture()]
    return f"{_releases()}/sdk/pulumi-v{pins.PULUMI}-linux-{architecture}.tar.gz"


def _official_plugin_address(name: str) -> str:
    file = f"pulumi-resource-{name}-v{pins.PLUGINS[name]}-linux-{golang.architecture()}.tar.gz"
    return f"{_releases()}/plugins/{file}"


def _opened(address: str) -> Any:
    return urllib.request.urlopen(address, timeout=REACH_SECONDS)


def _download(address: str, file: Path) -> None:
    try:
        with file.open("wb") as kept, _opened(address) as answer:
            telling.copied(answer, kept, address, FETCH_SECONDS)
    except OSError as failure:
        raise ProgramsError(f"{address}: {failure}.\nTry again, or {USE_OWN}.") from failure


def _official_cli() -> Path | None:
    if not _official_reached():
        return None
    with tempfile.TemporaryDirectory(dir=_shelf()) as temporary, _whole(_official_directory()) as filled:
        archive = Path(temporary) / "pulumi.tar.gz"
        _download(_official_cli_address(), archive)
        with tarfile.open(archive) as content:
            for name in (CLI, HOST, EXEC):
                # Not `extract`: without a filter it is unsafe, and Debian 12's Python has none.
                program = content.extractfile(f"{CLI}/{name}")
                if program is None:
                    raise ProgramsError(f"{_official_cli_address()}: {CLI}/{name} is no file in it; {USE_OWN}.")
                with program, (filled / name).open("wb") as kept:
                    shutil.copyfileobj(program, kept)
                (filled / name).chmod(0o755)
    return _official_directory()


def _built_cli() -> Path:
    go = golang.provide()
    with _whole(_own_directory()) as filled:
        LANGUAGE_HOST.build(go, filled)
        PULUMI.build(go, filled)
        sdk = go.module_directory(MODULES / PULUMI.folder, SDK)
        shutil.copyfile(sdk / "python" / "cmd" / EXEC, filled / EXEC)
        (filled / EXEC).chmod(0o755)
    return _own_directory()


def _ensure_plugin(cli: Path, name: str) -> None:
    program = PLUGINS[name]
    installed = places.pulumi_home() / "plugins" / f"resource-{name}-v{pins.PLUGINS[name]}"
    origin = installed.with_name(f"{installed.name}.origin")
    known = {program.key()} if _own_wanted() else {program.key(), OFFICIAL}
    if installed.is_dir() and origin.is_file() and origin.read_text() in known:
        return
    with tempfile.TemporaryDirectory(dir=_shelf()) as temporary:
        archive = Path(temporary) / f"{program.name}.tar.gz"
        if _official_reached():
            _download(_official_plugin_address(name), archive)
            source = OFFICIAL
        else:
            _pack(_built_plugin(program), archive)
            source = program.key()
        _install_plugin(cli, name, archive)
    origin.write_text(source)


def _built_plugin(program: Program) -> Path:
    directory = _shelf() / f"{program.name}-{program.key()}"
    if not directory.is_dir():
        with _whole(directory) as filled:
            program.build(golang.provide(), filled)
    return directory / program.name


def _pack(program: Path, archive: Path) -> None:
    with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
        packed.add(program, program.name)


def _install_plugin(cli: Path, name: str, archive: Path) -> None:
    version = pins.PLUGINS[name]
    words = ["plugin", "install", "resource", name, version, "--file", str(archive), "--reinstall"]
    command = [str(cli), *words]
    environment = os.environ | {"PULUMI_HOME": str(places.pulumi_home()), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise ProgramsError(f"{' '.join(command)} failed ({done.returncode}):\n{done.stderr.strip()}")
    print(f"installed plugin {name} {version} in {places.pulumi_home()}", flush=True)


def main() -> int:
    """Do what the command line says; 0 when the programs are there."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--print-bin", action="store_true", help="print the CLI's directory; provide nothing")
    arguments = parser.parse_args()
    try:
        if arguments.print_bin:
            print(bin_dir())
        else:
            print(f"pulumi {pins.PULUMI}: {ensure()}")
    except (ProgramsError, golang.GoError, telling.StillHeld) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
