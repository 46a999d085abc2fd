"""Sets everything up, from a bare Debian 12: `python3 toolchain/setup.py`.

Knows which phases there are and which can run side by side. Refuses to know how any of them works. Every phase
is a no-op when its result is there, so it is run before every verb that needs something. Standard library only.
"""

import sys

# Before anything is imported that an older Python can't read. This file itself can be read by 3.8.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        f"set-up needs Python 3.11 or newer, and {sys.executable} is {sys.version.split()[0]}:"
        " name a newer one, as in `make setup PYTHON=/usr/bin/python3.11`"
    )
if not sys.platform.startswith("linux"):
    sys.exit(f"set-up needs Linux, and this computer is {sys.platform}: run it on a Linux, such as a virtual machine")

import argparse
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from computer import apt, host, places
from computer.commands import CommandFailed
from computer.telling import telling
from images import recipe
from lab import libvirt, machines
from model.kafka_keys import SUPPORTED_VERSIONS
from toolchain import beforehand
from toolchain.selected import names_image, on_hosts

VENV = places.CHECKOUT / ".venv"
LOCK = places.CHECKOUT / "requirements.lock"

# Read whenever Python starts: the checkout on the path, and how it looks for garbage. The programs of an `up` live for a
# moment and load thousands of things that are never garbage. To look through them while they load and once more at the
# end was a third of such a program's time. What lives longer still looks, when so many more things were made than ended.
STARTS_WITH = f"{places.CHECKOUT}\nimport atexit, gc; gc.set_threshold(50_000); atexit.register(gc.freeze)\n"

# What an `up` loads of this checkout.
ROOMS = (
    "archives",
    "components",
    "computer",
    "files",
    "images",
    "kafka_cluster",
    "lab",
    "model",
    "operations",
    "toolchain",
)

Say = Callable[[str], None]
# When the phase that runs in a thread is to be over, by the thread.
_DEADLINES: dict[int, float] = {}
_LONGEST = 7200.0
_LAST_WORDS_SECONDS = 10


class PhaseFailed(Exception):
    """A phase ended with an error; what it printed stands above."""


def packages(say: Say) -> None:
    """What every set-up has of apt, in one go: apt allows one at a time. What an image is built with comes with the build."""
    # An embedded libvirt is of use to root only.
    embedded = os.geteuid() == 0 and host.system_libvirt() is None
    _install(say, {*libvirt.CLIENT_PACKAGES, *(libvirt.PACKAGES if embedded else ())})


def packages_for_hosts(say: Say) -> None:
    """The same without any libvirt: the machines are there already."""
    _install(say, set())


def _install(say: Say, hypervisor: set[str]) -> None:
    wanted = {"python3-venv", "openssh-client", "maven", *hypervisor}
    absent = apt.missing(sorted(wanted - _there_already()))
    if absent:
        say(f"installing {len(absent)} packages: {' '.join(absent)}")
        apt.ensure(absent)


def test_packages(say: Say) -> None:
    """What only the tests need: an sshd to talk to, machines at native speed, a client of Kafka that is not Java's, and a
    browser with letters to look at pages."""
    absent = apt.missing(["openssh-server", *machines.PACKAGES, "kcat", "chromium", "fonts-dejavu-core"])
    if absent:
        say(f"installing {' '.join(absent)}")
        apt.ensure(absent)


def _there_already() -> set[str]:
    """Packages whose program is there in another way, such as an own Maven or Python."""
    found = {package for package, program in apt.PROGRAM_OF.items() if shutil.which(program)}
    if subprocess.run([sys.executable, "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0:
        found.add("python3-venv")
    return found


def python(say: Say) -> None:
    """The virtual environment with what requirements.lock pins, and this checkout on its path."""
    libraries(say)
    _compile(say, *(room for room in ROOMS if (places.CHECKOUT / room).is_dir()))


def libraries(say: Say) -> None:
    """What others wrote."""
    stamp = VENV / "compiled-from"
    wanted = LOCK.read_text(encoding="utf-8") + STARTS_WITH
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    if not (VENV / "bin" / "python").exists():
        _run(say, sys.executable, "-m", "venv", str(VENV))
    pip = str(VENV / "bin" / "pip")
    _run(say, pip, "install", "--quiet", "--no-compile", "--require-hashes", "--requirement", str(LOCK))
    (site,) = VENV.glob("lib/python3*/site-packages")
    (site / "kafka_cluster.pth").write_text(STARTS_WITH, encoding="utf-8")
    _compile(say, str(site))
    stamp.write_text(wanted, encoding="utf-8")


def _compile(say: Say, *folders: str) -> None:
    """Byte code on all processors at once, and not file by file by whoever imports first, or by everybody where a user has
    switched off that it is kept."""
    _run(say, str(VENV / "bin" / "python"), "-m", "compileall", "-qq", "-j", "0", *folders)


def programs(say: Say) -> None:
    """The Pulumi CLI, its language host and the two plugins."""
    _run(say, sys.executable, str(places.CHECKOUT / "toolchain" / "programs.py"))


def archive(say: Say) -> None:
    """The Kafka archive."""
    _run(say, sys.executable, str(places.CHECKOUT / "archives" / "archive.py"))


def other_archives(say: Say) -> None:
    """Those of Kafka's other versions, which tests ask what each accepts."""
    for version in SUPPORTED_VERSIONS[1:]:
        _run(say, sys.executable, str(places.CHECKOUT / "archives" / "archive.py"), "--version", version)


def metrics(say: Say) -> None:
    """What nodes tell their metrics by, and what watches them. `make up` fetches what it needs itself."""
    _run(say, sys.executable, str(places.CHECKOUT / "archives" / "metrics.py"), "--prometheus")


def image(say: Say) -> None:
    """The guest image."""
    if not recipe.image().is_built() and os.geteuid() != 0:
        here, cache = shlex.quote(str(places.CHECKOUT)), shlex.quote(f"KAFKA_CLUSTER_CACHE={places.cache()}")
        raise PhaseFailed(
            "only root can build the guest image, once. Into your cache, and then `make setup` again:"
            f" `cd {here} && sudo env {cache} {shlex.quote(sys.executable)} -B -m images build`"
        )
    _run(say, sys.executable, "-m", "images", "build")


def shared_classes(say: Say) -> None:
    """Kafka's classes as Java maps them into memory."""
    _run(say, sys.executable, str(places.CHECKOUT / "images" / "shared_classes.py"))


def secret(say: Say) -> None:
    """The passphrase of the stacks' secrets, and the folder of their state."""
    places.backend().mkdir(parents=True, exist_ok=True)
    file = places.passphrase_file()
    if not file.exists():
        say(f"a passphrase is made: {file}")
        # It appears whole, and never in the place of another one: without it nobody reads the state again.
        with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=".passphrase-") as made:
            made.write(secrets.token_urlsafe(32) + "\n")
            made.flush()
            os.fsync(made.fileno())
            with suppress(FileExistsError):
                os.link(made.name, file)


def _run(say: Say, *command: str) -> None:
    """Runs a program and says each line it prints. It is ended with the time of its phase."""
    with subprocess.Popen(
        command, cwd=places.CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        left = _DEADLINES.get(threading.get_ident(), float("inf")) - time.monotonic()
        with _ended_in(process, min(left, _LONGEST)):
            for line in process.stdout or ():
                say(line.rstrip())
            process.wait()
    if process.returncode != 0:
        raise PhaseFailed(f"`{' '.join(command)}` ended with {process.returncode}")


@contextmanager
def _ended_in(process: "subprocess.Popen[str]", seconds: float) -> Iterator[None]:
    """It is ended after so many seconds, as Ctrl-C does, so that it ends what it has started itself; then by force."""
    ends = [
        threading.Timer(seconds, process.send_signal, [signal.SIGINT]),
        threading.Timer(seconds + _LAST_WORDS_SECONDS, process.kill),
    ]
    for end in ends:
        end.daemon = True
        end.start()
    try:
        yield
    finally:
        for end in ends:
            end.cancel()


class Progress:
    """Says what each phase does, since when, and how long it took."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self.failures: list[str] = []

    def say(self, phase: str, text: str) -> None:
        with self._lock:
            print(f"[{time.monotonic() - self._started:5.0f} s] {phase}: {text}", flush=True)

    def run(self, phase: Callable[[Say], None]) -> None:
        """Runs one phase; its failure is kept, so that the others can go on."""
        name, started = phase.__name__, time.monotonic()
        try:
            _DEADLINES[threading.get_ident()] = started + MOST_SECONDS[name]
            with telling(f"phase {name}", MOST_SECONDS[name]) as heard:

                def say(text: str) -> None:
                    heard()
                    self.say(name, text)

                phase(say)
        except (PhaseFailed, CommandFailed, OSError, ValueError) as error:
            self.failures.append(f"{name}: {error}")
            self.say(name, f"failed: {error}")
        else:
            self.say(name, f"done in {time.monotonic() - started:.1f} s")


PHASES: dict[str, Callable[[Say], None]] = {
    phase.__name__: phase
    for phase in (
        packages, packages_for_hosts, test_packages, secret, python, programs, archive, other_archives, metrics,
        image, shared_classes,
    )
}  # fmt: skip
WHEN_ASKED_FOR = ("packages_for_hosts", "test_packages", "other_archives", "metrics")
# What a phase may take. On two processors and from empty caches the longest takes a tenth of it.
MOST_SECONDS = dict.fromkeys(PHASES, 2 * apt.STEP_SECONDS) | dict.fromkeys(
    ("programs", "image", "shared_classes"), _LONGEST
)
SIDE_BY_SIDE = ("python", "programs", "archive", "other_archives", "image", "shared_classes")
# Whose end a phase among those waits for: the image carries the archive where there is one. Shared classes are nothing
# without both.
AFTER = {"other_archives": ("archive",), "image": ("archive",), "shared_classes": ("archive", "image")}


def _run_together(names: list[str], progress: Progress) -> None:
    """Each begins when those that it needs have ended."""
    threads: dict[str, threading.Thread] = {}

    def run(name: str) -> None:
        for needed in AFTER.get(name, ()):
            if needed in threads:
                threads[needed].join()
        if name != "shared_classes" or not progress.failures:
            progress.run(PHASES[name])

    for name in names:
        threads[name] = threading.Thread(target=run, args=(name,))
    for thread in threads.values():
        thread.start()
    for thread in threads.values():
        thread.join()


def main() -> int:
    """Runs the phases that are asked for, or all; the exit status is 1 when one failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("phases", nargs="*", metavar="PHASE", help=f"some of {', '.join(PHASES)}")
    parser.add_argument("--stack", default="", help="the stack that it is for")
    arguments = parser.parse_args()
    hosts = on_hosts(places.CHECKOUT, arguments.stack)
    imageless = hosts or names_image(places.CHECKOUT, arguments.stack)
    needless = {*WHEN_ASKED_FOR, *(["image"] if imageless else [])}
    asked = arguments.phases or [name for name in PHASES if name not in needless]
    if hosts:
        asked = ["packages_for_hosts" if name == "packages" else name for name in asked]
    unknown = sorted(set(asked) - set(PHASES))
    if unknown:
        parser.error(f"unknown phase {', '.join(unknown)}; expected some of {', '.join(PHASES)}")
    try:
        beforehand.refuse_sudo()
        if "image" in asked:
            beforehand.refuse_image_elsewhere()
    except beforehand.Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    progress = Progress()
    for name in asked:
        if name not in SIDE_BY_SIDE and not progress.failures:
            progress.run(PHASES[name])
    if not progress.failures:
        _run_together([name for name in SIDE_BY_SIDE if name in asked], progress)
    for failure in progress.failures:
        print(f"setup failed in {failure}", file=sys.stderr)
    return 1 if progress.failures else 0


if __name__ == "__main__":
    sys.exit(main())
