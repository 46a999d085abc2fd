"""Takes the picture of the page that watches anew: `python -m tests.support.watch_picture`, some five minutes.

A small cluster with clients at work, and one of its brokers killed two minutes before.
"""

import tempfile
import time
from pathlib import Path

from archives import metrics
from computer import places
from computer.waiting import wait_for
from tests.support import browser
from tests.support.machines import ground
from tests.support.traffic.beside import traffic

PICTURE = places.CHECKOUT / "docs" / "pictures" / "watch.png"
SIZE = (1280, 1260)
VICTIM = "kafka-server3"
# The charts show five minutes; an alert fires when its cause has lasted for one.
BEFORE_SECONDS, BEHIND_SECONDS = 120, 120


def lasting(what: str, seconds: float) -> None:
    """Lets so much time pass, and says so: there is nothing to look at but the clock."""
    until = time.monotonic() + seconds
    wait_for(what, lambda: time.monotonic() > until, seconds + 10)


def main() -> None:
    """Makes the cluster, hurts it, and keeps what the page shows."""
    metrics.ensure()
    with tempfile.TemporaryDirectory(prefix="picture-") as folder, ground("picture", Path(folder), count=4) as made:
        watcher = made.machines.inventory()["machines"][3]
        login = {"user": watcher["user"], "privateKeyFile": watcher["private_key_path"], "hostKey": watcher["host_key"]}
        monitor = {"address": watcher["address"], **login}
        nodes = made.stack.config()["nodes"][:3]
        made.stack.configure(nodes=nodes, heap="256M", metrics={"enabled": True, "monitor": monitor})
        made.stack.up()
        outputs = made.stack.outputs()
        with traffic(made.stack.prefix, outputs["bootstrap_servers"], "watched") as flowing:
            lasting("charts with something on them", BEFORE_SECONDS)
            made.machines.ssh(VICTIM, "sudo systemctl kill --signal=SIGKILL kafka && sudo systemctl stop kafka")
            lasting("an alert to fire", BEHIND_SECONDS)
            browser.picture(made.stack.prefix, f"{outputs['monitor']}?range=5m", PICTURE, SIZE)
            flowing.stop()
    print(f"drawn: {PICTURE.relative_to(places.CHECKOUT)}")


if __name__ == "__main__":
    main()
