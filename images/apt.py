"""Debian packages on the operator's computer: which are missing, and how they get there.

Uses the computer's own package sources as they are. Refuses to know what the packages are for.
"""

import os
import subprocess
from collections.abc import Iterable

from images.commands import CommandFailed, output

LOCK_SECONDS = 600
# Each of the two steps of an installation, on the slowest line.
STEP_SECONDS = 1800


def missing(packages: Iterable[str]) -> list[str]:
    """Those of the packages that are not installed, in their order."""
    wanted = list(packages)
    asked = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *wanted]
    known = subprocess.run(asked, capture_output=True, text=True).stdout.splitlines()
    installed = {line.split()[0] for line in known if line.endswith(" installed")}
    return [package for package in wanted if package not in installed]


def ensure(packages: Iterable[str]) -> None:
    """Installs what is missing, without recommendations."""
    absent = missing(packages)
    if not absent:
        return
    if os.geteuid() != 0:
        raise CommandFailed(
            "these packages are missing and only root can install them:"
            f" `sudo apt-get install --no-install-recommends {' '.join(absent)}`"
        )
    print(f"apt: installing {' '.join(absent)}", flush=True)
    options = ["--option", f"DPkg::Lock::Timeout={LOCK_SECONDS}", "--quiet=2"]
    output(["apt-get", *options, "update"], most=STEP_SECONDS)
    unattended = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", *options]
    output([*unattended, "install", "--yes", "--no-install-recommends", *absent], most=STEP_SECONDS)
