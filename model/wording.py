"""How many names become one line.

Knows that a line must stay short: the command plugin reads none beyond 64 KiB, and waits for ever. Refuses to know what
is named.
"""

from collections.abc import Iterable

MOST = 20
# Of what is said over and over, or is counted already.
FEW = 3


def some(names: Iterable[object], limit: int = MOST, between: str = ", ") -> str:
    """The first of them, and how many more there are."""
    told = [str(name) for name in names]
    more = len(told) - limit
    return between.join(told[:limit]) + (f"{between}and {more} more" if more > 0 else "")
