"""A reader of properties files that follows the words of java.util.Properties.load, written apart from the renderer
so that both can't be wrong in the same way. Knows the format; refuses to know Kafka."""

import re

_BLANK = " \t\f"
_NAMED = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def load(text: str) -> dict[str, str]:
    """The properties of a text, which Java reads as Latin-1. A key that stands twice is an error here."""
    text.encode("latin-1")
    found: dict[str, str] = {}
    for line in _logical_lines(text):
        key, value = _split(line)
        assert key not in found, f"{key} stands twice, and Java silently takes the last"
        found[key] = value
    return found


def _logical_lines(text: str) -> list[str]:
    lines: list[str] = []
    continued = False
    for natural in re.split(r"\r\n|\n|\r", text):
        line = natural.lstrip(_BLANK)
        if not continued and (not line or line[0] in "#!"):
            continue
        goes_on = (len(line) - len(line.rstrip("\\"))) % 2 == 1
        part = line[:-1] if goes_on else line
        if continued:
            lines[-1] += part
        else:
            lines.append(part)
        continued = goes_on
    return lines


def _split(line: str) -> tuple[str, str]:
    end = 0
    while end < len(line) and line[end] not in "=:" + _BLANK:
        end += 2 if line[end] == "\\" else 1
    rest = line[end:].lstrip(_BLANK)
    if rest[:1] in ("=", ":"):
        rest = rest[1:].lstrip(_BLANK)
    return _unescape(line[:end]), _unescape(rest)


def _unescape(text: str) -> str:
    units = re.sub(r"\\(u[0-9a-fA-F]{4}|.)", lambda match: _meaning(match[1]), text)
    return units.encode("utf-16-be", "surrogatepass").decode("utf-16-be")


def _meaning(escape: str) -> str:
    return chr(int(escape[1:], 16)) if len(escape) == 5 else _NAMED.get(escape, escape)
