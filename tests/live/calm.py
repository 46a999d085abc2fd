"""How long the checks of one run wait until the cluster is calm.

Knows that one of them waited in vain. Refuses to know what calm is.
"""

from collections.abc import Callable

from computer.waiting import WaitedTooLong, wait_for


class Calm:
    """A record that is on its way is no fault, so a check may look again for so many seconds. Once one did so in vain the
    cluster is not well, and the others say at once what they see of it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def wait_for(self, what: str, condition: Callable[[], bool], evidence: Callable[[], str]) -> None:
        """As `computer.waiting.wait_for`."""
        try:
            wait_for(what, condition, self._seconds, evidence)
        except WaitedTooLong:
            self._seconds = 0.0
            raise
