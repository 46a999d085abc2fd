"""Debian packages on the operator's computer: which are missing, and how they get there.

Uses the computer's own package sources as they are. Where there is no apt, it knows the programs to look for instead.
Refuses to know what the packages are for.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterable

from computer.commands import CommandFailed, output
from computer.telling import telling

LOCK_SECONDS = 600
_PAUSE_SECONDS = 1.0
_OPTIONS = ("--option", f"DPkg::Lock::Timeout={LOCK_SECONDS}", "--quiet=2")
# How apt says that another one has the lock. Where the file can't be opened at all, it says so in other words.
_HELD = "Could not get lock"
# Each of the two steps of an installation, on the slowest line.
STEP_SECONDS = 1800

# What a package is installed for. A program of another origin does as well.
PROGRAM_OF = {
    "dnsmasq-base": "dnsmasq",
    "genisoimage": "mkisofs",
    "iproute2": "ip",
    "iptables": "iptables",
    "libvirt-clients": "virsh",
    "libvirt-daemon": "libvirtd",
    "maven": "mvn",
    "openssh-client": "ssh",
    "qemu-system-x86": "qemu-system-x86_64",
    "qemu-utils": "qemu-img",
    "xsltproc": "xsltproc",
}


def missing(packages: Iterable[str]) -> list[str]:
    """Those of the packages that are not installed, in their order. Without dpkg, those whose program is not on PATH."""
    wanted = list(packages)
    if shutil.which("dpkg-query") is None:
        return [package for package in wanted if shutil.which(PROGRAM_OF.get(package, package)) is None]
    asked = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *wanted]
    known = subprocess.run(asked, capture_output=True, text=True).stdout.splitlines()
    installed = {line.split()[0] for line in known if line.endswith(" installed")}
    return [package for package in wanted if package not in installed]


def ensure(packages: Iterable[str]) -> None:
    """Installs what is missing, without recommendations."""
    absent = missing(packages)
    if not absent:
        return
    if shutil.which("apt-get") is None:
        programs = ", ".join(PROGRAM_OF.get(package, package) for package in absent)
        raise CommandFailed(f"missing on PATH, and there is no apt here that could install what brings it: {programs}")
    if os.geteuid() != 0:
        raise CommandFailed(
            "these packages are missing and only root can install them:"
            f" `sudo apt-get install --no-install-recommends {' '.join(absent)}`"
        )
    print(f"apt: installing {' '.join(absent)}", flush=True)
    update()
    unattended = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", *_OPTIONS]
    output([*unattended, "install", "--yes", "--no-install-recommends", *absent], most=STEP_SECONDS)


def update(most: float = STEP_SECONDS) -> None:
    """Fetches the lists of packages. Their lock is another one than dpkg's: apt does not wait for it, and so we do."""
    if _updated(most):
        return
    deadline = time.monotonic() + LOCK_SECONDS
    with telling("apt's lists, which another program holds", LOCK_SECONDS):
        while not _updated(most, last=time.monotonic() > deadline):
            time.sleep(_PAUSE_SECONDS)


def _updated(most: float, *, last: bool = False) -> bool:
    """Whether they were fetched; not where another program holds them, which only the last try fails of."""
    try:
        output(["env", "LC_ALL=C", "apt-get", *_OPTIONS, "update"], most=most)
    except CommandFailed as failure:
        if last or _HELD not in str(failure):
            raise
        return False
    return True
