"""The environment that set-up makes: what every `up` starts again and again must start quickly."""

import importlib.util
from pathlib import Path

import asyncssh
import kafka
import pulumi
import pydantic
import pytest


@pytest.mark.parametrize("package", [asyncssh, kafka, pulumi, pydantic], ids=lambda package: package.__name__)
def test_libraries_are_compiled_beforehand(package: object) -> None:
    # Of all their modules, and not of the imported ones: those a mere import compiles, too, where byte code is kept.
    modules = Path(str(package.__file__)).parent.rglob("*.py")  # type: ignore[attr-defined]
    plain = [str(module) for module in modules if not Path(importlib.util.cache_from_source(str(module))).is_file()]
    assert not plain, (
        "each process of an `up` compiles them anew where byte code is not kept, which triples its start:"
        f" python3 toolchain/setup.py python: {plain[:3]}"
    )
