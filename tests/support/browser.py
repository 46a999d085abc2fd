"""A browser without a screen: a page as it stands there when its own program has run, as text and as a picture.

Knows Chromium's command line. Refuses to know what should be on the page.
"""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

_SECONDS = 60
_OPTIONS = (
    "--headless",
    "--no-sandbox",  # it refuses to run as root with one
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    # Its clock runs ahead while nothing is awaited, so the page is done long before these have passed.
    "--virtual-time-budget=5000",
)


def document(prefix: Sequence[str], url: str) -> str:
    """The page's document."""
    return _run(prefix, url, "--dump-dom")


def picture(prefix: Sequence[str], url: str, file: Path, size: tuple[int, int]) -> None:
    """The page as PNG."""
    _run(prefix, url, f"--screenshot={file}", f"--window-size={size[0]},{size[1]}")
    assert file.is_file(), f"the browser made no picture of {url}"


def _run(prefix: Sequence[str], url: str, *options: str) -> str:
    with tempfile.TemporaryDirectory(prefix="browser-") as profile:
        command = [*prefix, "chromium", *_OPTIONS, f"--user-data-dir={profile}", *options, url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
    assert done.returncode == 0, f"the browser ended with {done.returncode}: {done.stderr[-2000:]}"
    return done.stdout
