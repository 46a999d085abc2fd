"""Writes the generated tables of README.md and docs/ anew: `python -m toolchain.doc_tables`.

Knows Pulumi.yaml's keys, the program's outputs and the verbs of make, and what each output says. A table stands between
`<!-- table NAME -->` and `<!-- end -->`; a test fails when one is not what this would write.
"""

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

import files
from computer import places
from model import picture, topology
from model.kafka_limits import KAFKA_STOPS, Reason
from toolchain import doc_pictures

_TABLE = re.compile(r"(<!-- table (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
_OUTPUTS = {
    "bootstrap_servers": "What a client needs, in one line: every broker's address and port. Known once the cluster runs.",
    "mode": "`kraft` or `zookeeper`.",
    "cluster_id": "The KRaft cluster's id, configured or made once.",
    "nodes": "Every node's `name`, `id`, `address` and `roles`.",
    "readme": "The stack's page, in Markdown: what this cluster is, how it is reached, where things are, what to do when.",
    "prometheus": "A Prometheus' configuration for this cluster. Only where `metrics.enabled`.",
    "monitor": "The page that watches the cluster. Only where `metrics.monitor`.",
    "ssh": "For every node, the line that opens a shell on it.",
}


def configuration() -> str:
    """Every key of Pulumi.yaml, with type, default and sentence."""
    keys = yaml.safe_load((places.CHECKOUT / "Pulumi.yaml").read_text(encoding="utf-8"))["config"]
    rows = ((f"`{name}`", key["type"], _default(key["default"]), key["description"]) for name, key in keys.items())
    return _table(("key", "type", "default", "what it says"), rows)


def _default(value: object) -> str:
    if value in ("", [], {}):
        return "(nothing)"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"


def outputs() -> str:
    """Every output of the program; one that has no sentence here, or no export any more, is an error."""
    program = ast.parse((places.CHECKOUT / "__main__.py").read_text(encoding="utf-8"))
    exported = [
        str(node.args[0].value)
        for node in ast.walk(program)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "export"
        and isinstance(node.args[0], ast.Constant)
    ]
    if set(exported) != set(_OUTPUTS):
        raise ValueError(f"outputs without a sentence, or the other way round: {set(exported) ^ set(_OUTPUTS)}")
    return _table(("output", "what it is"), ((f"`{name}`", _OUTPUTS[name]) for name in exported))


def verbs() -> str:
    """Every verb of the Makefile with its help."""
    text = (places.CHECKOUT / "Makefile").read_text(encoding="utf-8")
    found = re.findall(r"^([a-z-]+):[^#\n]*## (.+)$", text, re.MULTILINE)
    return _table(("verb", "what it does"), ((f"`make {verb}`", words) for verb, words in found))


def refusals() -> str:
    """Every reason why an override is refused."""
    rows = ((reason.name.lower(), reason.value, "Kafka" if reason in KAFKA_STOPS else "we") for reason in Reason)
    return _table(("reason", "what it says", "who refuses"), rows)


def alerts() -> str:
    """Every alert, when it fires and what helps."""
    rules = yaml.safe_load(files.text("monitoring/alerts.yaml"))["groups"][0]["rules"]
    rows = ((f"`{r['alert']}`", _plain(r, "summary"), r["for"], _plain(r, "remedy")) for r in rules)
    return _table(("alert", "what it says", "after", "what to do"), rows)


def _plain(rule: Mapping[str, Any], annotation: str) -> str:
    """An annotation with words in the places of what differs from time to time."""
    text = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: found[1].upper(), rule["annotations"][annotation])
    return re.sub(r"\{\{ \$value[^}]*\}\}", "…", text)


def cluster() -> str:
    """A picture of the dev stack."""
    settings = doc_pictures.dev_settings()
    return f"```mermaid\n{picture.mermaid(topology.plan(settings), picture.network(settings))}```\n"


TABLES: dict[str, Callable[[], str]] = {
    table.__name__: table for table in (configuration, outputs, verbs, refusals, alerts, cluster)
}


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(" ".join(cell.split()) for cell in line) + " |\n" for line in lines)


def rendered(page: str) -> str:
    """A page with its tables as they have to be."""
    return _TABLE.sub(lambda found: found[1] + TABLES[found[2]]() + found[3], page)


def pages() -> list[Path]:
    """README.md and everything in docs/."""
    return [places.CHECKOUT / "README.md", *sorted((places.CHECKOUT / "docs").rglob("*.md"))]


if __name__ == "__main__":
    for path in pages():
        before = path.read_text(encoding="utf-8")
        after = rendered(before)
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(f"wrote {path.relative_to(places.CHECKOUT)}")
