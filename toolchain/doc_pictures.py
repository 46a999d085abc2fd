"""Draws the pictures in docs/ anew: `python -m toolchain.doc_pictures`.

Knows which pictures there are and of which stack. What is in them is `model/picture.py`'s; a test fails when one is not
what this would draw.
"""

from pathlib import Path

import yaml

from computer import places
from model import picture, topology
from model.settings import Settings, read

_PROJECT = "kafka-cluster:"


def dev_settings() -> Settings:
    """The settings of the stack that the documentation is about."""
    stack = yaml.safe_load((places.CHECKOUT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))
    return read({key.removeprefix(_PROJECT): value for key, value in stack["config"].items()})


def pictures() -> dict[Path, str]:
    """Every picture by its path."""
    settings = dev_settings()
    drawn = picture.svg(topology.plan(settings), picture.network(settings))
    return {places.CHECKOUT / "docs" / "pictures" / "cluster.svg": drawn}


if __name__ == "__main__":
    for path, drawn in pictures().items():
        path.write_text(drawn, encoding="utf-8")
        print(f"wrote {path.relative_to(places.CHECKOUT)}")
