"""The signals that a process of ours was started with. Refuses to know what is done when one comes."""

import signal


def heed_interrupts() -> None:
    """Takes back that SIGINT is ignored, as it is in whatever a script starts in the background. Pulumi ends its own
    helpers by SIGINT: where they inherit that it is ignored, every command waits five seconds for them in vain."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
