"""Asks for metrics as Prometheus does.

Knows the text format as far as a test needs it. Refuses to know which metrics there should be.
"""

import re
import urllib.error
import urllib.request
from dataclasses import dataclass, field

SECONDS = 10.0
_LINE = re.compile(r"(\w+)(\{[^}]*\})? (\S+)")


@dataclass(frozen=True)
class Told:
    """Every number by its name and labels, or why there is none."""

    samples: list[tuple[str, str, float]] = field(default_factory=list)
    fault: str = ""

    @property
    def names(self) -> set[str]:
        """The names of what was told."""
        return {name for name, _, _ in self.samples}

    def total(self, name: str) -> float:
        """A number's sum over its labels."""
        return sum(value for each, _, value in self.samples if each == name)


def read(address: str, port: int, patience: int = 1) -> Told:
    """What is told at that place."""
    try:
        with urllib.request.urlopen(f"http://{address}:{port}/metrics", timeout=SECONDS * patience) as answer:
            text = answer.read().decode()
    except (urllib.error.URLError, OSError) as error:
        return Told(fault=str(error))
    return told(text)


def told(text: str) -> Told:
    """The numbers of a text in Prometheus' format."""
    found = (_LINE.match(line) for line in text.splitlines() if not line.startswith("#"))
    return Told([(line[1], line[2] or "", float(line[3])) for line in found if line])
