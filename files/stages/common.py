# What every stage program on a machine needs. It is sent ahead of the stage's own text, and the call of
# main() with the plan is the last line: a program that arrives cut off does nothing at all.
# Standard library of Python 3.9 and newer only; it runs as root.

import grp
import hashlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path

FIRST_SECONDS, EVERY_SECONDS = 2, 5
# The command that a stage is run by ends it after that.
MOST_SECONDS = 1800


class Refused(Exception):
    """The machine is not as the plan needs it, and going on could lose something."""


def say(text):
    print(text, flush=True)


def is_first():
    """Whether the stage runs for the first time, as the state knows it."""
    return sys.argv[1:] == ["first"]


def run(*command, check=True, stdin=None, **more):
    """Runs a command; a failure carries the command's own last words."""
    done = patiently(command, stdin, more)
    if check and done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()[-15:]
        raise Refused(f"`{' '.join(command)}` ended with {done.returncode}:\n" + "\n".join(words))
    return done


def patiently(command, stdin, more):
    """Runs a command to its end, and says so when that takes a while. On standard error: an answer may be read. Whoever
    would hear it may be gone: what was stopped is started again nevertheless."""
    ends = {"stdin": subprocess.PIPE if stdin is not None else None, "stdout": subprocess.PIPE}
    began, pause = time.monotonic(), FIRST_SECONDS
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **ends, **more) as process:
        while True:
            try:
                out, words = process.communicate(stdin, timeout=pause)
                return subprocess.CompletedProcess(command, process.returncode, out, words)
            except subprocess.TimeoutExpired:
                stdin, pause = None, EVERY_SECONDS  # it was given already
                took = f"{time.monotonic() - began:.0f} s of at most {MOST_SECONDS} s for the whole stage"
                with suppress(OSError):
                    print(f"waiting for `{' '.join(command)}` ({took})", file=sys.stderr, flush=True)


def succeeds(*command):
    return run(*command, check=False).returncode == 0


def write(path, content, owner="root", group="root", mode="0644"):
    """Puts a file in place as a whole or not at all; answers whether anything changed."""
    path = Path(path)
    uid, gid = pwd.getpwnam(owner).pw_uid, grp.getgrnam(group).gr_gid
    bits = int(mode, 8)
    if path.is_file() and not path.is_symlink():
        now = path.stat()
        same = (now.st_uid, now.st_gid, now.st_mode & 0o7777) == (uid, gid, bits)
        if same and path.read_text() == content:
            return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        file.write(content)
        os.fchown(file.fileno(), uid, gid)
        os.fchmod(file.fileno(), bits)
        file.flush()
        os.fsync(file.fileno())
    os.replace(name, path)
    return True


def sha512(path):
    digest = hashlib.sha512()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def uploaded(plan, thing):
    """The file that was uploaded, which has the content that was planned."""
    file, wanted = Path(os.path.expanduser(f"~{plan['login']}")) / thing["upload"], thing["sha512"]
    got = sha512(file) if file.is_file() else "no file"
    if got != wanted:
        raise Refused(f"{file} has the SHA-512 {got}, expected {wanted}; it was not installed")
    return file


def read_json(path):
    try:
        return json.loads(Path(path).read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise Refused(f"{path} is not readable as JSON ({error}); nothing was changed") from None


def read_properties(path):
    """A properties file that Kafka wrote, such as meta.properties; None when there is none."""
    path = Path(path)
    if not path.is_file():
        return None
    lines = (line.partition("=") for line in path.read_text().splitlines() if not line.startswith("#"))
    return {key.strip(): value.strip() for key, _, value in lines if key.strip()}


def unit_property(unit, name):
    return run("systemctl", "show", "--value", "-p", name, unit).stdout.strip()


def is_active(unit):
    return unit_property(unit, "ActiveState") in ("active", "activating", "reloading", "deactivating")


def call(main, plan):
    # Whatever the login is set to: everybody may pass through the folders that are made here, and programs answer in the
    # words that are looked for.
    os.umask(0o022)
    os.environ["LC_ALL"] = "C.UTF-8"
    # As Python itself does with SIGPIPE: a caller that is cut off ends nothing half-way.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        main(plan)
    except Refused as refusal:
        sys.exit(f"{plan['node']}: stage '{plan['stage']}': {refusal}")
    except Exception as error:
        traceback.print_tb(error.__traceback__)
        sys.exit(f"{plan['node']}: stage '{plan['stage']}': {type(error).__name__}: {error}")
