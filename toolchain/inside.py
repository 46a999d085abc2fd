"""Our own programs for a stack, in the lab's network where its machines are there: `kafka-cluster` and `pytest`.

Knows how a program is started for the stack that is selected. Refuses to know what it does then.

    python -m toolchain.inside MODULE ARGUMENT…
"""

import os
import sys

from lab import __main__ as lab_door
from lab import libvirt
from toolchain.selected import Asked, elsewhere, read, selected, whereabouts

# The module whose arguments may name a stack; the words of others mean something else.
_OURS = "operations"


def main(module: str, *arguments: str) -> int:
    """Becomes the program."""
    command = [sys.executable, "-m", module, *arguments]
    found = selected(read(arguments) if module == _OURS else Asked())
    if found and elsewhere(libvirt.chosen(), whereabouts(found)):
        os.execv(command[0], command)
    return lab_door.main(["run", "--or-outside", "--", *command])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
