"""What a verb of operations loads before it works: a first `up` starts several of them on the operator's computer."""

import inspect
import subprocess
import sys
from pkgutil import resolve_name

import pytest
from pydantic import BaseModel

from operations.__main__ import _PLANNED

from .samples import ROOT

_LOADED = "import runpy, sys; sys.argv[1:] = {words}\ntry: runpy.run_module('operations', run_name='__main__')\nfinally: print(*sys.modules, file=sys.stderr)"


@pytest.mark.parametrize(
    ("verb", "needless"),
    [
        ("cluster-id", {"kafka", "pydantic", "asyncio", "asyncssh"}),
        ("ready", {"kafka", "model.settings"}),
        ("removed", {"kafka", "model.settings"}),
        ("fit", {"kafka"}),
        ("running", {"model.settings"}),
    ],
)
def test_a_verb_loads_what_it_needs_and_no_more(verb: str, needless: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LOADED.format(words=[verb])], cwd=ROOT, input="", capture_output=True, text=True
    )
    loaded = set(done.stderr.split())
    assert {"operations.refusal"} <= loaded, done.stderr[-2000:]
    assert not loaded & needless, "each costs every `up` a tenth of a second and more of a processor"


@pytest.mark.parametrize("verb", _PLANNED)
def test_a_verb_of_an_up_is_named_rightly(verb: str) -> None:
    act, document, _ = _PLANNED[verb]
    assert inspect.iscoroutinefunction(resolve_name(act)), "names in a table are not followed by a type checker"
    assert issubclass(resolve_name(document), BaseModel)
