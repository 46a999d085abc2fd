"""A state that was cut off while it was written is replaced by the one of before, and by nothing else."""

import re
from pathlib import Path

import pytest

from computer import places
from toolchain.torn_state import Torn, main, mend

BEFORE, NOW = '{"version": 3, "before": true}', '{"version": 3}'


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state and the one of before."""
    folder = tmp_path / ".pulumi/stacks/kafka-cluster"
    folder.mkdir(parents=True)
    (folder / "dev.json").write_text(NOW)
    (folder / "dev.json.bak").write_text(BEFORE)
    (folder / "other.json").write_text("")
    return folder / "dev.json"


def test_a_whole_state_stays(state: Path, tmp_path: Path) -> None:
    mend(tmp_path.as_uri(), "dev")
    assert state.read_text() == NOW, "the state of before knows less"


@pytest.mark.parametrize("cut", ["", NOW[:7]])
def test_one_that_was_cut_off_becomes_the_one_of_before(state: Path, tmp_path: Path, cut: str) -> None:
    state.write_text(cut)
    mend(tmp_path.as_uri(), "dev")
    assert state.read_text() == BEFORE, "Pulumi itself refuses every command on such a stack"
    assert sorted(each.name for each in state.parent.iterdir()) == ["dev.json", "dev.json.bak", "other.json"]


def test_a_check_sum_that_was_cut_off_goes(state: Path, tmp_path: Path) -> None:
    torn, whole, others = (
        state.with_name(name) for name in ("dev.json.attrs", "dev.json.bak.attrs", "other.json.attrs")
    )
    torn.write_text("")
    whole.write_text('{"md5": "eA=="}')
    others.write_text("")
    mend(tmp_path.as_uri(), "dev")
    assert not torn.exists(), "Pulumi reads it before the state, and refuses every command"
    assert whole.exists()
    assert others.exists(), "a run on the other stack may be writing it right now"
    assert state.read_text() == NOW, "the state itself was whole"


def test_where_both_are_cut_off_nothing_is_touched(state: Path, tmp_path: Path) -> None:
    state.write_text("")
    state.with_name("dev.json.bak").write_text("{")
    with pytest.raises(Torn, match=r"dev\.json.*restore a copy"):
        mend(tmp_path.as_uri(), "dev")
    assert state.read_text() == "", "an empty state would make everything anew beside what is there"


def test_another_backend_is_left_alone(tmp_path: Path) -> None:
    mend("https://api.example", "dev")


def test_the_set_up_mends_before_pulumi_reads_it(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = re.search(r"^setup:.*\n((?:\t.*\n)+)", (places.CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    first, then = (recipe[1].find(words) for words in ("toolchain.torn_state $(STACK)", "pulumi stack select"))
    assert 0 < first < then, "every verb of make begins with it, and it would end there"
    monkeypatch.setenv("PULUMI_BACKEND_URL", tmp_path.as_uri())
    state.write_text("")
    assert main("dev") == 0
    assert state.read_text() == BEFORE
    state.write_text("")
    state.with_name("dev.json.bak").write_text("")
    assert main("dev") == 1
    assert "restore a copy" in capsys.readouterr().err
