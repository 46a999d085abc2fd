"""A Prometheus that watches a stack's cluster with the project's own configuration and rules, sped up.

Knows how it is started and asked. Refuses to know which alerts there should be.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from archives import metrics
from computer import places
from tests.support.stack import Stack

ADDRESS = "127.0.0.1:9090"
CONSOLES = places.CHECKOUT / "files/monitoring/consoles"
_ASK = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"


PAGE = f"http://{ADDRESS}/consoles/kafka.html"


class Watcher:
    """The running Prometheus. What it is asked is asked where it runs."""

    def __init__(self, stack: Stack) -> None:
        self._prefix = stack.prefix

    def alerts(self) -> set[str] | None:
        """The names of the alerts that fire; None while it does not answer."""
        answer = self._ask("alerts")
        return None if answer is None else {each["labels"]["alertname"] for each in answer["data"]["alerts"]}

    def targets(self) -> dict[str, str]:
        """Every place that is asked for metrics, and how that went."""
        answer = self._ask("targets?state=active")
        return {each["scrapeUrl"]: each["health"] for each in answer["data"]["activeTargets"]} if answer else {}

    def _ask(self, what: str) -> dict[str, Any] | None:
        command = [*self._prefix, sys.executable, "-c", _ASK, f"http://{ADDRESS}/api/v1/{what}"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            return None
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


@contextmanager
def watching(stack: Stack, folder: Path) -> Iterator[Watcher]:
    """Asks every second, and fires at once."""
    config = yaml.safe_load(stack.outputs()["prometheus"])
    config["global"] |= {"scrape_interval": "1s", "evaluation_interval": "1s"}
    rules = yaml.safe_load((places.CHECKOUT / "files/monitoring/alerts.yaml").read_text(encoding="utf-8"))
    for rule in rules["groups"][0]["rules"]:
        rule["for"] = "0s"
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    (folder / "alerts.yaml").write_text(yaml.safe_dump(rules))
    program = metrics.prometheus()
    assert program, "there is no Prometheus: python3 toolchain/setup.py metrics"
    options = [
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/tsdb",
        f"--web.console.templates={CONSOLES}",
    ]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [*stack.prefix, str(program.path), *options, f"--web.listen-address={ADDRESS}"], stdout=log, stderr=log
        )
        try:
            yield Watcher(stack)
        finally:
            process.terminate()
            process.wait()
