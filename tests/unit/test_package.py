"""What other projects get: all rooms, with everything that they read, under names that stay."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.package import installed, tracked

from .samples import ROOT
from .test_walls import ROOMS


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(tmp_path_factory.mktemp("package"))


def test_the_package_holds_every_file_of_every_room(package: Path) -> None:
    wanted = {name for name in tracked() if name.split("/")[0] in ROOMS}
    held = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}
    assert held == wanted, "what is missing is missed at the first `up` of somebody else's project"


def test_the_package_stands_on_its_own(package: Path, tmp_path: Path) -> None:
    """Imported from anywhere, without the checkout's folders."""
    told = "import kafka_cluster, components; print(kafka_cluster.cluster.__name__, components.__file__)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"import sys; sys.path[:0] = [{str(package)!r}]; {told}"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"cluster {package}/components/__init__.py\n", done.stderr


def test_examples_use_the_names_that_stay() -> None:
    programs = sorted((ROOT / "examples").glob("*/__main__.py"))
    assert programs
    for program in programs:
        lines = program.read_text(encoding="utf-8").splitlines()
        imported = {line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))}
        assert not imported & (set(ROOMS) - {"kafka_cluster"}), f"{program}: the other rooms may be rearranged"
