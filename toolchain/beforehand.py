"""What set-up is refused for before it does anything.

Knows who runs it, whose the checkout is, and where an image can be built. Refuses to know the phases, and what can be
mended by one of them. Standard library only.
"""

import os
import platform
import pwd
import shutil
from contextlib import suppress

from computer import places
from computer.commands import CommandFailed
from images import build, recipe


class Refused(Exception):
    """Nothing was done; the message says what to do instead."""


def refuse_sudo() -> None:
    """Keeps root's files out of another user's checkout, and that user's stacks out of root's home."""
    owner = places.CHECKOUT.stat().st_uid
    if os.geteuid() != 0 or os.environ.get("SUDO_UID", "0") == "0" or owner == 0:
        return
    raise Refused(
        f"this checkout belongs to {_name(owner)}, and with sudo it is root who runs this: cache, state and passphrase"
        f" would come into root's home, and files of root's into the checkout. Run it as {_name(owner)}, without sudo:"
        " what needs root is named then, with its command. Only the embedded libvirt needs root for everything, and with"
        " it a checkout of root's own"
    )


def refuse_image_elsewhere() -> None:
    """Raises Refused where the guest image is still to be built, and this computer's apt is not one to build it from."""
    system: dict[str, str] = {}
    with suppress(OSError):
        system = platform.freedesktop_os_release()
    # A Debian of that release may not know its sources yet: the build asks for them.
    if recipe.image().is_built() or (system.get("ID"), system.get("VERSION_CODENAME")) == ("debian", recipe.RELEASE):
        return
    if shutil.which("apt-get"):
        with suppress(CommandFailed):
            build.apt_sources()
            return
    raise Refused(
        f"the guest image is built of the packages of Debian 12, which {system.get('PRETTY_NAME', 'this computer')} has no"
        " source of. Build it on a Debian 12, as root in a copy of this checkout: `python3 toolchain/setup.py archive"
        " image`. Bring the folder of what `python3 -m images path` says there, and name the disk in it in"
        " Pulumi.STACK.yaml: `kafka-cluster:image: /path/guest.qcow2`"
    )


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
