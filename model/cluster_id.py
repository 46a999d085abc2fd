"""A cluster id as Kafka spells it: a UUID's 16 bytes in URL-safe base64 without padding, 22 characters.

Knows which ids are one and which disks belong together by theirs. Refuses to know where an id is kept.
"""

import base64
import re
from collections.abc import Mapping

_SHAPE = re.compile(r"[A-Za-z0-9_-]{22}")


def is_cluster_id(text: str) -> bool:
    """Whether `text` is one: not the reserved all-zero one, not one that a command line takes for an option, and
    spelled as Kafka spells it on the disk (its last character has bits to spare)."""
    if not _SHAPE.fullmatch(text) or text.startswith("-"):
        return False
    raw = base64.urlsafe_b64decode(text + "==")
    return any(raw) and _spelled(raw) == text


def from_bytes(raw: bytes) -> str | None:
    """The id of 16 random bytes; None for the few that make none."""
    text = _spelled(raw)
    return text if is_cluster_id(text) else None


def strangers(found: Mapping[str, str]) -> str:
    """Which nodes carry which id, where they are not all of one cluster; else nothing. A node without an id takes any."""
    ids = sorted({each for each in found.values() if each})
    if len(ids) < 2:
        return ""
    owners = ((each, ", ".join(name for name, carried in found.items() if carried == each)) for each in ids)
    told = "; ".join(f"{names}: {each}" for each, names in owners)
    return f"the nodes' disks belong to different clusters ({told})"


def _spelled(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
