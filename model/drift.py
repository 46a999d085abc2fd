"""What differs between a machine as it is and as the stages left it, and between running settings and planned ones.

Knows what the stages were told and what a machine or a broker says of itself. Refuses to know how either is asked, and
what is to be done about a difference.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from model import kafka_dynamic, properties, topics
from model.handover import LiveSettings
from model.kafka_dynamic import Seen
from model.kafka_table import lookup
from model.paths import Paths
from model.topic_plan import TopicPlan

_FACTS = ("content", "owner", "group", "mode")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as planned."""

    what: str
    found: str
    planned: str

    def __str__(self) -> str:
        return f"{self.what}: found {self.found or 'nothing'}, planned {self.planned or 'nothing'}"


def question(
    installed: Mapping[str, Any], configured: Mapping[str, Any], written_at_start: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The plan of a machine's account, from the plans of its stages and what its process writes (`stages`)."""
    mount = [installed["mount_unit"]] if installed["device"] else []
    return {
        "node": configured["node"],
        "stage": "drift",
        "files": [file["path"] for file in _placed(installed, configured)],
        "units": [*configured["services"], *configured["idle_services"], *mount],
        "kernel": list(installed["kernel"]),
        "users": installed["users"],
        "links": list(installed["links"]),
        "tools": installed["tools"],
        "pieces": [piece["path"] for piece in installed["pieces"]],
        "packages": installed["packages"],
        "home": installed["home"],
        "data": installed["data"],
        "owner_file": installed["owner_file"],
        "fingerprint_file": configured["fingerprint_file"],
        "running_fingerprint": configured["running_fingerprint"],
        "mode_file": Paths.mode_file,
        "written_at_start": written_at_start,
    }


def of_machine(
    installed: Mapping[str, Any], configured: Mapping[str, Any], account: Mapping[str, Any]
) -> list[Difference]:
    """What differs on a machine; `account` is its answer to the question."""
    files = _files(_placed(installed, configured), account)
    return [*_installed(installed, account), *files, *_services(installed, configured, account)]


def _placed(installed: Mapping[str, Any], configured: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The files that stages write: the configuration, the kernel's settings, the program behind Kafka's tools."""
    tools, lines = installed["tools"], "".join(f"{key} = {value}\n" for key, value in installed["kernel"].items())
    return [*configured["files"], _file(installed["sysctl"], lines), _file(tools["program"], tools["content"], "0755")]


def _file(path: str, content: str, mode: str = "0644") -> dict[str, str]:
    digest = hashlib.sha256(content.encode()).hexdigest()
    return {"path": path, "sha256": digest, "owner": "root", "group": "root", "mode": mode}


def _installed(plan: Mapping[str, Any], account: Mapping[str, Any]) -> Iterator[Difference]:
    yield from _unlike("kernel setting", account["kernel"], plan["kernel"])
    yield from _unlike("link", account["links"], plan["links"])
    yield from _unlike("/etc/hosts", account["hosts"], plan["hosts"])
    for user in plan["users"]:
        if user not in account["users"]:
            yield Difference("user", "", user)
    if '"17.' not in account["java"]:
        yield Difference("Java", account["java"], "version 17")
    for package in account["packages"]:
        yield Difference("package", "", package)
    if account["archive"] != plan["sha512"]:
        yield Difference(f"archive in {plan['home']}", account["archive"][:12], f"SHA-512 {plan['sha512'][:12]}…")
    for piece in plan["pieces"]:
        if account["pieces"][piece["path"]] != piece["sha512"]:
            found, planned = account["pieces"][piece["path"]][:12], f"SHA-512 {piece['sha512'][:12]}…"
            yield Difference(piece["path"], found, planned)
    for path in account["tools"]:
        yield Difference(path, "", f"a link to {plan['tools']['program']}")
    for path in account["touched"]:
        yield Difference(path, "a change since the archive was unpacked", "what the archive holds")
    if plan["device"] and not account["mounted"]:
        yield Difference(plan["data"], "no mounted volume", plan["device"])
    owner = account["owner"] or {}
    yield from _unlike("owner of the data:", {key: owner.get(key) for key in plan["owner"]}, plan["owner"])


def _files(files: Iterable[Mapping[str, Any]], account: Mapping[str, Any]) -> Iterator[Difference]:
    for file in files:
        found = account["files"][file["path"]]
        planned = [file["sha256"], file["owner"], file["group"], file["mode"]]
        if found is None:
            yield Difference(file["path"], "", "a file")
            continue
        for fact, one, other in zip(_FACTS, found, planned, strict=True):
            if one != other:
                yield Difference(f"{file['path']}, {fact}", one[:12], other[:12])


def _services(
    installed: Mapping[str, Any], configured: Mapping[str, Any], account: Mapping[str, Any]
) -> Iterator[Difference]:
    mount = [installed["mount_unit"]] if installed["device"] else []
    for unit in (*configured["services"], *mount):
        facts = account["units"][unit]
        yield from _unlike(unit, facts, {"ActiveState": "active", "UnitFileState": "enabled", "NeedDaemonReload": "no"})
        if facts.get("DropInPaths"):
            yield Difference(unit, f"drop-ins {facts['DropInPaths']}", "none")
    for unit in configured["idle_services"]:
        if account["units"][unit].get("ActiveState") == "active":
            yield Difference(unit, "active", "idle in this mode")
    for name, key in (("configuration on the machine", "active"), ("configuration of the process", "running")):
        if account[key] != configured["fingerprint"]:
            yield Difference(name, account[key], configured["fingerprint"])
    if account["blind"]:
        yield Difference("meta.properties of the process", "none of its start, as its disk was full", "one")


def _unlike(what: str, found: Mapping[str, Any], planned: Mapping[str, Any]) -> Iterator[Difference]:
    for key, value in planned.items():
        if found.get(key) != value:
            yield Difference(f"{what} {key}", str(found.get(key) or ""), str(value))


def properties_text(configured: Mapping[str, Any]) -> str:
    """The broker's properties file as it was planned."""
    text: str = next(file["content"] for file in configured["files"] if file["path"].endswith("/server.properties"))
    return text


def planned_settings(text: str, live: LiveSettings) -> dict[str, str]:
    """What a broker has to work with: what stands in its properties file, then every default of a running cluster.
    What Kafka does not know, or nobody judged, is left out."""
    known = lookup(live.version)
    written = properties.read(text)
    static = {k: v for k, v in written.items() if k in known and not kafka_dynamic.is_live(live.version, k)}
    return {**static, **kafka_dynamic.targets(live.version, live.defaults)}


def of_settings(version: str, planned: Mapping[str, str], told: Mapping[str, Seen]) -> list[Difference]:
    """What a broker works with that is not planned."""
    return [
        Difference(f"running setting {key}", told[key].value, value)
        for key, value in planned.items()
        if key in told and not kafka_dynamic.same(version, key, told[key].value, value)
    ]


def of_topics(plan: TopicPlan, seen: Mapping[str, topics.Seen]) -> list[Difference]:
    """What was done to listed topics beside the plan. What it does not speak of, a topic or a setting, is nobody's drift."""
    work = topics.decide(plan, seen)
    found = [Difference(f"topic {name}", "a topic", "") for name in work.delete]
    for name, listed in plan.listed.items():
        if name in work.create:
            found.append(Difference(f"topic {name}", "", f"{listed.partitions} partitions"))
            continue
        there = seen[name]
        if len(there.replicas) != listed.partitions:
            found.append(Difference(f"topic {name}, partitions", str(len(there.replicas)), str(listed.partitions)))
        if set(there.replicas) != {listed.replication_factor}:
            factors = " and ".join(str(factor) for factor in sorted(set(there.replicas)))
            found.append(Difference(f"topic {name}, replicas", factors, str(listed.replication_factor)))
        found += [
            Difference(f"topic {name}, {key}", there.settings.get(key, ""), value or "")
            for key, value in work.alter.get(name, {}).items()
        ]
    return found
