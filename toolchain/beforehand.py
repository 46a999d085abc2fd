"""What set-up is refused for before it does anything.

Knows who runs it, and whose the checkout is. Refuses to know the phases, and what can be mended by one of them. Standard
library only.
"""

import os
import pwd

from toolchain import places


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


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
