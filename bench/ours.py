"""The product itself, as its user drives it: `pulumi up` on machines that exist.

Knows how a stack is made for a measurement. Refuses to know what it is compared with.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import scene
from tests.support.machines import Ground, ground


@contextmanager
def ready(count: int = 3, *, lab: str = scene.LAB, **config: Any) -> Iterator[Ground]:
    """Bare machines and a stack for them that is not up yet."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        wanted = {"heap": scene.HEAP, **config}
        # Nothing that the others' machines have not, either.
        with ground(lab, Path(folder), count=count, config=wanted, environment={}) as made:
            yield made


@contextmanager
def cluster(count: int = 3, *, lab: str = scene.LAB, **config: Any) -> Iterator[tuple[Ground, float]]:
    """A cluster made by `pulumi up`, and how long that took; it ends when the cluster is whole."""
    with ready(count, lab=lab, **config) as made:
        yield made, scene.timed(made.stack.up)
