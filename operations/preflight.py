"""What the operator's computer has to offer before anything is asked of the engine: libvirt, image, archive.

Reads and asks only. Refuses to make what is missing; it names the command that does.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

from archives import archive as kafka_archive
from archives import metrics
from computer import host
from images import recipe, shared_classes
from model import ignored_changes, pending_replacement
from model.errors import Problem
from model.left import Before
from model.machine_names import IMAGE_VOLUMES, MachineNames
from model.metrics import METRICS_EXAMPLE
from model.settings import NetworkMode, Platform, Settings
from model.topic_plan import TopicPlan
from operations import hypervisor, leftovers, private_keys

# What reading the manifest of somebody else's image ends with.
_NOT_OURS = (OSError, ValueError, KeyError, TypeError)


class Unusable(Exception):
    """Something that is needed is not there; nothing was changed."""


@dataclass(frozen=True)
class ArchiveFile:
    """A file in the cache for the machines. `carried` is where they have it already; nothing where it is uploaded. `java` is
    the version that alone takes it, if there is one."""

    path: Path
    sha512: str
    carried: str = ""
    java: str = ""

    @property
    def name(self) -> str:
        """The name it has on a machine, too."""
        return self.path.name


@dataclass(frozen=True)
class Resolved:
    """What was found. `uri` and `image` are empty where machines exist already; `replaced` is the machine that may be
    replaced now; `formatted` are the nodes that were formatted once; `again` is another text when the last `up` left work
    undone."""

    archive: ArchiveFile
    uri: str
    image: str
    warnings: tuple[str, ...]
    cluster_id: str = ""
    """The one that is configured, or was when the cluster was made; nothing where one is to be made"""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Of the machines that stay as they are, libvirt's types"""
    topics_before: TopicPlan | None = None
    """What the last `up` made of topics"""
    replaced: str = ""
    before: Before = field(default_factory=Before)  # what the last `up` left running
    formatted: frozenset[str] = frozenset()
    image_volume: str = IMAGE_VOLUMES[0]
    again: str = ""
    pieces: tuple[ArchiveFile, ...] = ()
    """What metrics need beside Kafka; nothing where there are none"""
    shared_classes: ArchiveFile | None = None
    """What makes Java start sooner; None where nobody made it"""
    prometheus: ArchiveFile | None = None
    """What watches the cluster; None where nobody does"""


def look_around(settings: Settings, state: list[dict[str, Any]], names: MachineNames) -> Resolved:
    """Finds everything, or raises Unusable with all that is missing. `state` are the resources that Pulumi knows."""
    problems: list[Problem] = []
    archive, warnings = _archive(settings, problems)
    pieces, prometheus = _pieces(settings, problems), _prometheus(settings, problems)
    uri = image = ""
    if settings.platform is Platform.LIBVIRT:
        uri = libvirt_uri(settings)
        problems += filter(None, [hypervisor.silence(uri)])
        image = _image(settings, problems)
    else:
        problems += private_keys.unusable(settings)
    if uri and not problems:
        _refuse_leftovers(uri, state, names)
    if problems or archive is None:
        _refuse(problems)
    if image:
        archive = replace(archive, carried=_carried(archive, ignored_changes.image_of(state) or image))
    replaced = os.environ.get(pending_replacement.CHOSEN, "")
    left = {name: what for name, what in pending_replacement.pending(state, settings).items() if name != replaced}
    if left:
        warnings = (*warnings, pending_replacement.warning(left, names.stack))
    chosen = "" if settings.image == "auto" else image
    warnings = (*warnings, *ignored_changes.warnings(state, settings, chosen))
    found = Resolved(archive, uri, image, warnings, replaced=replaced, pieces=pieces, prometheus=prometheus)
    classes = shared_classes.cached(archive.sha512)
    if not classes:
        return found
    return replace(found, shared_classes=ArchiveFile(classes.path, classes.sha512, java=classes.java))


def require_libvirt(uri: str) -> None:
    """Raises Unusable when no libvirt answers there soon."""
    if problem := hypervisor.silence(uri):
        _refuse([problem])


def _refuse(problems: list[Problem]) -> NoReturn:
    lines = "\n".join(f"  - {problem}" for problem in problems)
    raise Unusable(f"this computer is not ready; nothing was changed:\n{lines}")


def _archive(settings: Settings, problems: list[Problem]) -> tuple[ArchiveFile | None, tuple[str, ...]]:
    source = None if settings.archive == "auto" else settings.archive
    try:
        found = kafka_archive.cached(settings.kafka_version, source, settings.archive_sha512 or None)
    except kafka_archive.ArchiveError as error:
        problems.append(Problem("archive", settings.archive, str(error), "archive: auto"))
        return None, ()
    if found is None:
        expected = "an archive in the cache; `make up` fetches it"
        problems.append(Problem("archive", settings.archive, expected, "archive: auto"))
        return None, ()
    warnings = (str(found),) if found.kind == "assembled" else ()
    return ArchiveFile(found.path, found.sha512), warnings


def _pieces(settings: Settings, problems: list[Problem]) -> tuple[ArchiveFile, ...]:
    if not settings.metrics.enabled:
        return ()
    found = metrics.cached()
    if found is None:
        expected = "the metrics agents in the cache; `make up` fetches them"
        problems.append(Problem("metrics", "enabled: true", expected, "metrics: {enabled: false}"))
        return ()
    return tuple(ArchiveFile(each.path, each.sha512) for each in found)


def _prometheus(settings: Settings, problems: list[Problem]) -> ArchiveFile | None:
    if not settings.metrics.monitor:
        return None
    found = metrics.prometheus()
    if found is None:
        expected = "Prometheus in the cache; `make up` fetches it"
        problems.append(Problem("metrics.monitor", settings.metrics.monitor.address, expected, METRICS_EXAMPLE))
        return None
    return ArchiveFile(found.path, found.sha512)


def libvirt_uri(settings: Settings) -> str:
    """The hypervisor's address: configured, or libvirt's own default."""
    if settings.libvirt_uri != "auto":
        return settings.libvirt_uri
    return host.system_uri()


def _refuse_leftovers(uri: str, state: list[dict[str, Any]], names: MachineNames) -> None:
    """A killed run's leftovers would make creations fail one by one, or be adopted half-made."""
    found = leftovers.find(uri, state, names)
    if found:
        raise Unusable(
            f"an interrupted run left behind what the state does not know: {', '.join(map(str, found))}."
            f" Clear it (never a data volume) and go on with: make up STACK={names.stack}"
        )


def _carried(archive: ArchiveFile, image: str) -> str:
    """Where the machines that are made from an image have the archive without an upload. The path may be one on the
    computer of whoever ran the first `up`: an image is found again by its folder's name."""
    here = recipe.images() / Path(image).parent.name / Path(image).name
    for disk in (Path(image), here):
        with suppress(*_NOT_OURS):
            return f"{recipe.ARCHIVES}/{archive.name}" if recipe.manifest_beside(disk).kafka == archive.sha512 else ""
    return ""


def _image(settings: Settings, problems: list[Problem]) -> str:
    path = recipe.path() if settings.image == "auto" else Path(settings.image).expanduser()
    if not path.is_file():
        expected = "a guest image that is there; `make setup` builds the one that `auto` means"
        problems.append(Problem("image", str(path), expected, "image: auto"))
        return str(path)
    try:
        java = recipe.manifest_beside(path).java
    except _NOT_OURS:
        # An image of somebody else's, whatever lies beside it by that name: stage `installed` looks into it.
        return str(path)
    if not java and settings.network_mode is NetworkMode.ISOLATED:
        expected = "an image with Java 17 inside, as an isolated network can't fetch it"
        problems.append(Problem("image", str(path), expected, "image: auto"))
    return str(path)
