"""Bytes that travel to a machine as they are: stage programs, log settings.

May hold text that runs or is read on a machine. May not hold anything the operator's computer runs.
"""

from pathlib import Path

_FOLDER = Path(__file__).parent


def text(name: str) -> str:
    """The content of a file here, by its path below this folder."""
    return (_FOLDER / name).read_text(encoding="utf-8")
