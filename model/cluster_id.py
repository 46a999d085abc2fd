"""A cluster id as Kafka spells it: a UUID's 16 bytes in URL-safe base64 without padding, 22 characters."""

import base64
import re

_SHAPE = re.compile(r"[A-Za-z0-9_-]{22}")


def is_cluster_id(text: str) -> bool:
    """Whether `text` is one, and not the reserved all-zero one."""
    return bool(_SHAPE.fullmatch(text)) and any(base64.urlsafe_b64decode(text + "=="))


def from_bytes(raw: bytes) -> str | None:
    """The id of 16 random bytes; None for the few that start with a hyphen, which a command line mistakes."""
    text = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return text if is_cluster_id(text) and not text.startswith("-") else None
