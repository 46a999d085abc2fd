"""Takes the tables of Kafka's keys from Kafka itself: `python -m toolchain.kafka_table` writes model/kafka_tables/ anew.

Knows how to have a release's jars print their own documentation, and how to read it. Refuses to know what the keys are for.
A notation it has not met is an error, not a guess: a key would else pass unjudged.
"""

import argparse
import html
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from archives import archive
from computer import places
from model.kafka_keys import SUPPORTED_VERSIONS

FOLDER = places.CHECKOUT / "model" / "kafka_tables"
# The class that prints its own documentation, for the keys of a broker and for those of a topic.
PRINTERS = {"keys": "kafka.server.KafkaConfig", "topics": "org.apache.kafka.storage.internals.log.LogConfig"}
_KEY = re.compile(r'<h4><a id="([^"]+)">')
_ROW = re.compile(r"<tr><th>([^<]+):</th><td>(.*?)</td></tr>")
_RANGE = re.compile(r"\[(-?\d+),\.\.\.(?:,(-?\d+))?\]")
_CHOICE = re.compile(r"\[(\w[^\[\]]*)\]")
_PAIRS = "[partitionId]:[brokerId],[partitionId]:[brokerId],..."
_NUMBERS = ("int", "long", "short", "double")
_HUMAN = re.compile(r" \([^)]*\)$")

Entry = dict[str, Any]
Table = dict[str, Entry]
Tables = dict[str, Table]
"""One for each of PRINTERS"""


class UnknownNotation(Exception):
    """Kafka says something of a key in a way that this reader has not met."""


def main() -> int:
    argparse.ArgumentParser(description="Write model/kafka_tables/ anew from Kafka's own jars.").parse_args()
    write(FOLDER, {version: from_archive(archive.ensure(version).path) for version in SUPPORTED_VERSIONS})
    return 0


def write(folder: Path, tables: Mapping[str, Tables]) -> None:
    """One file for the versions that have the same tables, named by the first of them; others are removed."""
    texts = files(tables)
    for path in folder.glob("*.json"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
        print(f"kafka table: {folder / name}", flush=True)


def files(tables: Mapping[str, Tables]) -> dict[str, str]:
    """The text of every file by its name."""
    groups: list[tuple[list[str], Tables]] = []
    for version, table in tables.items():
        for versions, known in groups:
            if known == table:
                versions.append(version)
                break
        else:
            groups.append(([version], table))
    return {f"{versions[0]}.json": render(versions, table) for versions, table in groups}


def render(versions: Iterable[str], tables: Tables) -> str:
    """A line for each key, sorted, so that a difference between releases reads like one."""
    parts = [f'"versions": {json.dumps(list(versions))}']
    for name, table in tables.items():
        keys = ",\n".join(f"{json.dumps(key)}: {json.dumps(entry)}" for key, entry in sorted(table.items()))
        parts.append(f"{json.dumps(name)}: {{\n{keys}\n}}")
    return "{" + ",\n".join(parts) + "}\n"


def from_archive(path: Path) -> Tables:
    """The tables of the release in an archive."""
    with tempfile.TemporaryDirectory(prefix="kafka-table-") as folder:
        subprocess.run(["tar", "-xzf", path, "-C", folder, "--wildcards", "*.jar"], check=True)
        (libs,) = Path(folder).glob("*/libs")
        return {name: read(_printed(libs, printer)) for name, printer in PRINTERS.items()}


def _printed(libs: Path, printer: str) -> str:
    command = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", f"{libs}/*", printer]
    printed = subprocess.run(command, capture_output=True, text=True)
    if printed.returncode != 0:
        raise UnknownNotation(f"{printer} in {libs} ended with {printed.returncode}: {printed.stderr[-500:]}")
    return printed.stdout


def read(page: str) -> Table:
    """The table in Kafka's HTML: for each key type, default and what is valid; of a broker's keys also the update mode, of a
    topic's the broker's key that gives its default."""
    parts = _KEY.split(page)[1:]
    table = {key: _entry(key, dict(_ROW.findall(part))) for key, part in zip(parts[::2], parts[1::2], strict=True)}
    if not table:
        raise UnknownNotation(f"no key found in {page[:200]!r}")
    return table


def _entry(key: str, row: Mapping[str, str]) -> Entry:
    try:
        kind, valid = row["Type"], html.unescape(row["Valid Values"])
        default = _default(kind, html.unescape(row["Default"]))
        return {"type": kind, "default": default, **_place(row), **_valid(kind, valid)}
    except (KeyError, ValueError) as error:
        raise UnknownNotation(f"{key}: {error!r} in {dict(row)}") from error


def _place(row: Mapping[str, str]) -> Entry:
    if "Update Mode" in row:
        return {"update": row["Update Mode"]}
    server = row["Server Default Property"]
    return {} if server == "null" else {"server": server}


def _default(kind: str, text: str) -> str | None:
    if text == "null":
        return None
    if text == '""':
        return ""
    return _HUMAN.sub("", text) if kind in _NUMBERS else text


def _valid(kind: str, text: str) -> Entry:
    """Bounds, choices, or that it must not be empty; nothing when every value of the type is valid."""
    if not text:
        return {}
    if text in ("non-empty list", "non-empty string"):
        return {"filled": True}
    if text == "non-null string":
        return {}  # a value in a file is never null
    if text == _PAIRS:
        return {}  # what a reassignment sets and clears, and nobody else should
    bounds = _RANGE.fullmatch(text)
    if bounds and kind in _NUMBERS:
        least, most = bounds.groups()
        return {"least": int(least)} | ({"most": int(most)} if most else {})
    choices = _CHOICE.fullmatch(text)
    if choices and kind in ("string", "list"):
        return {"choices": choices[1].split(", ")}
    raise ValueError(f"valid values {text!r} of type {kind}")


if __name__ == "__main__":
    sys.exit(main())
