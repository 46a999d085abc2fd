"""Where this project keeps things on the operator's computer.

Knows directories and the environment variables that move them. Refuses to know what is kept in them.
Standard library only: it is imported before the virtual environment exists.
"""

import os
import shlex
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def _directory(override: str, xdg: str, fallback: str) -> Path:
    chosen = os.environ.get(override)
    if chosen:
        return Path(chosen).expanduser().resolve()
    base = os.environ.get(xdg) or fallback
    return Path(base).expanduser() / "kafka-cluster"


def cache() -> Path:
    """What can be made again: built programs, images, archives."""
    return _directory("KAFKA_CLUSTER_CACHE", "XDG_CACHE_HOME", "~/.cache")


def home() -> Path:
    """What must be kept: stack state, passphrase, the lab's disks."""
    return _directory("KAFKA_CLUSTER_HOME", "XDG_DATA_HOME", "~/.local/share")


def pulumi_home() -> Path:
    """The PULUMI_HOME of this project: plugins of our own, apart from the user's."""
    return home() / "pulumi"


def backend() -> Path:
    """The folder of Pulumi's file backend."""
    return home() / "state"


def passphrase_file() -> Path:
    """The generated passphrase of the stacks' secrets, mode 0600."""
    return home() / "passphrase"


def labs() -> Path:
    """One folder for each embedded lab, by the lab's name."""
    return home() / "lab"


def environment() -> dict[str, str]:
    """What Pulumi needs to know of these places. A backend or passphrase of the user's own is left alone."""
    wanted = {
        "PULUMI_HOME": str(pulumi_home()),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    if "PULUMI_BACKEND_URL" not in os.environ:
        # A check sum in a file of its own is what a kill leaves half written: toolchain/torn_state.py.
        wanted["PULUMI_BACKEND_URL"] = f"file://{backend()}?metadata=skip"
    if not {"PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"} & set(os.environ):
        wanted["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(passphrase_file())
    return wanted


if __name__ == "__main__":
    for name, value in environment().items():
        print(f"export {name}={shlex.quote(value)}")
