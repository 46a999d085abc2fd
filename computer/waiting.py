"""Waiting for a thing to become true, by looking at the thing itself.

Knows deadlines. Refuses to know what is waited for: the caller passes the question and the evidence.
"""

import time
from collections.abc import Callable

from computer.telling import telling

PAUSE = 0.05


class WaitedTooLong(Exception):
    """The condition did not come true before its deadline."""


def wait_for(
    what: str, condition: Callable[[], bool], seconds: float, evidence: Callable[[], str] = lambda: ""
) -> None:
    """Return as soon as `condition` holds; after `seconds`, raise with what `evidence` says then."""
    deadline = time.monotonic() + seconds
    with telling(what, seconds):
        while not condition():
            if time.monotonic() > deadline:
                raise WaitedTooLong(f"{what}: not so after {seconds:.0f} s. {evidence()}".rstrip())
            time.sleep(PAUSE)
