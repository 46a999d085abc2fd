"""Builds programs from Go modules.

Knows how to find or fetch a Go that is new enough, and how a build is made repeatable.
Refuses to know what is built.

A fetched Go is the module golang.org/toolchain, checked by Go's checksum database like every module. Any
older Go can download it, so that Debian's own suffices to begin with.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from computer import apt, places
from computer.commands import CommandFailed
from computer.telling import telling
from toolchain import pins

FLAGS = ("-trimpath", "-buildvcs=false", "-mod=readonly")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
KNOWN_PLACES = ("usr/local/go/bin/go", "usr/lib/go*/bin/go")
UNSAFE = ("GOSUMDB", "GONOSUMDB", "GONOSUMCHECK", "GONOPROXY", "GOPRIVATE", "GOINSECURE")
BENDING = ("GOFLAGS", "GOROOT", *UNSAFE)
REMOVABLE = "-modcacherw"  # Go's module cache is read-only otherwise
LAST_LINES = 25
SHOWN_WORDS = 3
# One command of Go's; on two processors none has taken a tenth of it.
MOST_SECONDS = 5400.0


class GoError(Exception):
    """Go can't be had, or it couldn't build; the message holds its last words."""


@dataclass(frozen=True, slots=True)
class Patch:
    """Lines of a module's file that have to be others. Each old one stands in it once, or the build stops."""

    module: str
    file: str
    changes: tuple[tuple[str, str], ...]

    def apply(self, folder: Path) -> None:
        """Changes the file in a copy of the module."""
        path = folder / self.file
        text = path.read_text(encoding="utf-8")
        for old, new in self.changes:
            if text.count(old) != 1:
                raise GoError(f"{self.module}: {self.file} does not hold once: {old}")
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Go:
    """A Go command and whether it was fetched for this project."""

    command: Path
    fetched: bool

    def build(
        self, module: Path, package: str, output: Path, variables: Mapping[str, str], patches: Sequence[Patch] = ()
    ) -> None:
        """Build one package of a module into one file, with string variables set and other modules patched."""
        link = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in sorted(variables.items()))])
        command: list[str | Path] = [self.command, "build", *FLAGS, "-ldflags", link, "-o", output, package]
        with tempfile.TemporaryDirectory(prefix="kafka-cluster-go-") as temporary:
            source = self._patched(module, patches, Path(temporary)) if patches else module
            _run(command, source, self._environment())

    def _patched(self, module: Path, patches: Sequence[Patch], folder: Path) -> Path:
        """A copy of the module that is built from patched copies of others."""
        source = shutil.copytree(module, folder / "module")
        for number, patch in enumerate(patches):
            answer = _run([self.command, "mod", "download", "-json", patch.module], source, self._environment())
            copied = shutil.copytree(json.loads(answer)["Dir"], folder / f"patched{number}")
            for path in folder.rglob("*"):
                path.chmod(0o755)  # what comes from Go's module cache can be neither changed nor removed
            patch.apply(copied)
            _run([self.command, "mod", "edit", "-replace", f"{patch.module}={copied}"], source, self._environment())
        return source

    def module_directory(self, module: Path, name: str) -> Path:
        """Where the source of a module lies that another one is built from."""
        said = _run([self.command, "list", "-m", "-f", "{{.Dir}}", name], module, self._environment())
        return Path(said.strip())

    def _environment(self) -> dict[str, str]:
        environment = _environment(self.command)
        if self.fetched:
            environment |= {name: str(_work() / name.lower()) for name in ("GOMODCACHE", "GOCACHE")}
            environment["GOFLAGS"] = REMOVABLE
        return environment


def architecture() -> str:
    """This computer's architecture by Go's name."""
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise GoError(f"no programs for the architecture {machine}, only for {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[machine]


def provide() -> Go:
    """A Go that is new enough: an installed one, or the pinned one, fetched."""
    installed = _installed()
    if installed and _number(_version(installed)) >= _number(pins.GO_OLDEST):
        return Go(installed, fetched=False)
    kept = places.cache() / "toolchain" / f"go-{pins.GO_FETCHED}"
    if not kept.is_dir():
        _fetch(installed or _from_apt(), kept)
    return Go(kept / "bin" / "go", fetched=True)


def clean() -> None:
    """Remove what a fetched Go's builds leave behind, gigabytes; an installed Go's caches are its user's."""
    if _work().is_dir():
        print(f"removing what the builds leave in {_work()}", flush=True)
        shutil.rmtree(_work())


def _work() -> Path:
    return places.cache() / "toolchain" / "go-work"


def _installed() -> Path | None:
    on_path = shutil.which("go")
    found = [Path(on_path)] if on_path else []
    for place in KNOWN_PLACES:
        found += Path("/").glob(place)
    return max(found, key=lambda go: _number(_version(go)), default=None)


def _version(go: Path) -> str:
    said = _run([go, "version"], Path("/"), {**os.environ, "GOTOOLCHAIN": "local"})
    match = re.search(r"\bgo(\d+(?:\.\d+)*)", said)
    if not match:
        raise GoError(f"{go} version said {said!r}; expected for example 'go version go{pins.GO_OLDEST} …'")
    return match[1]


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _from_apt() -> Path:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise GoError(f"no Go here: install Go {pins.GO_OLDEST}, or an older one that can fetch it (golang-go)")
    print("installing golang-go with apt, to fetch a newer Go with it", flush=True)
    try:
        apt.ensure(["golang-go"])
    except CommandFailed as failure:
        raise GoError(str(failure)) from failure
    installed = _installed()
    if not installed:
        raise GoError("apt installed golang-go, but there is still no go command")
    return installed


def _fetch(older: Path, destination: Path) -> None:
    module = f"golang.org/toolchain@v0.0.1-go{pins.GO_FETCHED}.linux-{architecture()}"
    print(f"fetching Go {pins.GO_FETCHED} as a Go module ({older} is {_version(older)})", flush=True)
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".go-") as temporary:
        environment = _environment(older) | {"GOMODCACHE": temporary, "GOFLAGS": REMOVABLE}
        answer = _run([older, "mod", "download", "-json", module], Path(temporary), environment)
        unpacked = Path(json.loads(answer)["Dir"])
        _undo_module_form(unpacked)
        unpacked.rename(destination)


def _undo_module_form(goroot: Path) -> None:
    """A module can hold neither executables nor other modules, so these come without mode and name."""
    for program in [*goroot.glob("bin/*"), *goroot.glob("pkg/tool/*/*")]:
        program.chmod(0o755)
    for inner in goroot.rglob("_go.mod"):
        inner.rename(inner.with_name("go.mod"))


def _environment(go: Path) -> dict[str, str]:
    """The user's, without what would weaken checks, fetch from elsewhere than a proxy, or bend the build."""
    environment = {name: value for name, value in os.environ.items() if name not in BENDING}
    said = _run([go, "env", "GOPROXY"], Path("/"), environment).strip()
    proxies = [proxy for proxy in re.split(r"[,|]", said) if proxy not in ("direct", "off", "")]
    if not proxies:
        raise GoError(f"GOPROXY is {said!r}, which names no module proxy: unset it, or name one")
    return environment | {
        "GOPROXY": ",".join(proxies),
        "GOENV": "off",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }


def _run(command: list[str | Path], directory: Path, environment: Mapping[str, str]) -> str:
    words = list(map(str, command))
    try:
        with telling(f"`{' '.join(words[:SHOWN_WORDS])} …`", MOST_SECONDS):
            done = subprocess.run(
                words, cwd=directory, env=environment, capture_output=True, text=True, timeout=MOST_SECONDS
            )
    except subprocess.TimeoutExpired:
        raise GoError(f"`{' '.join(words)}` took longer than {MOST_SECONDS:.0f} s, and was ended") from None
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-LAST_LINES:])
        raise GoError(f"{' '.join(words)} in {directory} failed ({done.returncode}):\n{said}")
    return done.stdout
