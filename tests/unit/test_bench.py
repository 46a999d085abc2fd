"""The arithmetic of the measurements: a figure that is reckoned wrongly would be believed."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import ansible, changes, hand, memory, ours, plot, scene, setup, throughput
from bench.__main__ import CAMPAIGNS
from bench.figures import Figure, Limit, merged, ratios, table
from bench.rounds import beside, play, rotated
from bench.rows import ROWS
from bench.timeline import Span, picture, spans
from bench.watch import cluster, described
from lab.machines import Machines
from model.kafka_keys import Mode
from toolchain import programs
from toolchain.setup import Progress

from .samples import cluster as sample

AT_MOST = Limit(1.25)
SECONDS = st.floats(min_value=0.001, max_value=1e6)


def test_a_figure_is_judged_by_its_median_and_not_by_its_best_round() -> None:
    figure = Figure("first_up_vs_hand", AT_MOST, (1.0, 1.3, 1.4))
    expected = {"min": 1.0, "median": 1.3, "max": 1.4, "rounds": 3, "limit": 1.25, "holds": False}
    assert figure.entry() == expected
    assert "MISSED" in table([figure])


def test_a_figure_that_is_only_to_be_known_cannot_miss() -> None:
    figure = Figure("noop_vs_hand", None, (7.0,))
    assert (figure.entry()["limit"], figure.entry()["holds"]) == (None, True)
    assert "MISSED" not in table([figure])


@given(st.lists(SECONDS, min_size=1))
def test_a_median_lies_between_the_extremes(values: list[float]) -> None:
    entry = Figure("memory_mb", AT_MOST, tuple(values)).entry()
    assert entry["min"] <= entry["median"] <= entry["max"]


@given(SECONDS, SECONDS)
def test_a_limit_is_kept_when_it_is_just_reached(limit: float, other: float) -> None:
    for at_least in (False, True):
        assert Limit(limit, at_least).holds(limit)
    assert Limit(limit).holds(other) == (other <= limit)
    assert Limit(limit, at_least=True).holds(other) == (other >= limit)


def test_a_figure_without_a_round_is_refused() -> None:
    with pytest.raises(ValueError, match="without a round"):
        Figure("memory_mb", AT_MOST, ())


def test_ratios_are_taken_round_by_round() -> None:
    assert ratios([2.0, 9.0], [1.0, 3.0]) == (2.0, 3.0)
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0], [1.0, 2.0])


def test_rows_that_were_not_measured_stay_as_they_were() -> None:
    old = Figure("memory_mb", ROWS["memory_mb"].limit, (400.0,))
    known = merged("", [old], tuple(ROWS))
    new = Figure("first_up_vs_hand", ROWS["first_up_vs_hand"].limit, (1.2,))
    document = json.loads(merged(known, [new], tuple(ROWS)))
    assert list(document) == ["first_up_vs_hand", "memory_mb"], "in the order of the rows"
    assert document["memory_mb"] == old.entry()


def test_the_seconds_behind_a_row_are_kept() -> None:
    measured = beside({"ours": [2.0, 9.0, 4.0], "theirs": [1.0, 3.0, 0.00841], "else": [7.0] * 3}, "ours", "theirs")
    figure = Figure("roll_stall_vs_bare", AT_MOST, tuple(measured.values), measured.seconds)
    assert figure.entry()["seconds"] == {
        "ours": {"min": 2.0, "median": 4.0, "max": 9.0},
        "theirs": {"min": 0.0084, "median": 1.0, "max": 3.0},
    }, "a ratio alone does not say whether a stall was of seconds or minutes"
    assert "seconds" not in Figure("memory_mb", AT_MOST, (400.0,)).entry()


def test_everybody_is_first_once() -> None:
    turns = [lambda name=name: [(name, 0.0)] for name in "abc"]
    firsts = [next(iter(rotated(turns, number)[0]()))[0] for number in range(3)]
    assert sorted(firsts) == ["a", "b", "c"], "noise at the start of a round would always hit the same one"
    said: list[str] = []
    assert play(turns, 2, said.append) == {"a": [0.0] * 2, "b": [0.0] * 2, "c": [0.0] * 2}
    assert len(said) == 6


def test_no_row_is_measured_twice_or_unknown() -> None:
    measured = [row for campaign in CAMPAIGNS for row in campaign.rows]
    assert len(measured) == len(set(measured))
    assert set(measured) <= set(ROWS)


def event(kind: str, name: str) -> str:
    return json.dumps({kind: {"metadata": {"op": "create", "urn": f"urn:pulumi:s::p::t::{name}"}}})


def test_a_timeline_shows_what_waited_for_what() -> None:
    log = [
        (1.0, event("resourcePreEvent", "a")),
        (2.0, event("resOutputsEvent", "a")),
        (2.5, event("resourcePreEvent", "b")),
    ]
    found = spans(log, 4.0)
    assert Span("(the program and the engine start)", 0.0, 1.0) in found
    assert Span("create a", 1.0, 2.0) in found
    assert Span("create b", 2.5, 4.0) in found, "what never ended went on until the end"
    lines = picture(found).splitlines()
    assert lines[1].index("█") < lines[2].index("█")


def test_a_family_is_all_that_descends_from_a_process() -> None:
    assert memory.family({2: 1, 3: 2, 4: 1, 5: 9}, 1) == {2, 3, 4}


def test_the_phases_of_a_set_up_are_read_as_it_prints_them(capsys: pytest.CaptureFixture[str]) -> None:
    def secret(say: Callable[[str], None]) -> None:
        say("done in no time")

    Progress().run(secret)
    printed = capsys.readouterr().out
    assert list(setup.phases(printed)) == ["secret"], f"the bench would tell nothing of phases: {printed}"


def test_a_picture_draws_more_than_one_where_a_limit_is_missed() -> None:
    assert plot.share(1.5, 1.25, at_least=False) > 1
    assert plot.share(0.9, 0.95, at_least=True) > 1


@pytest.mark.parametrize("mode", Mode)
def test_a_watcher_is_told_the_whole_cluster(mode: Mode) -> None:
    assert cluster(described(sample(5, mode), 5)) == (sample(5, mode), 5)


def test_what_kafkas_tools_say_last_is_read() -> None:
    said = "5000 records sent, 999.8 records/sec (0.95 MB/sec)\n200000 records sent, 40160.6 records/sec (38.30 MB/sec)"
    assert throughput.records_per_second(said) == 40160.6
    assert throughput.average_ms("0\t12.0\nAvg latency: 1.2345 ms\n\nPercentiles: 50th = 1") == 1.2345


def test_the_figure_that_comes_off_worse_stands_for_both() -> None:
    seen = {
        "all records, ours": [10.0, 10.0, 10.0],
        "all records, theirs": [9.0, 11.0, 12.0],
        "latency of a record, ours": [1.0, 1.0, 1.0],
        "latency of a record, theirs": [1.1, 0.9, 0.8],
    }
    assert throughput._worse(seen, "ours", "theirs") == [1.1, 0.9, 0.8], "throughput is not bought with latency"


def test_a_cluster_is_asked_for_its_metrics_only_while_it_works() -> None:
    """Two clusters stand side by side: one that is asked for its metrics in the other's turn would slow that one down."""
    done: list[str] = []

    def ssh(name: str, command: str) -> SimpleNamespace:
        done.append(re.findall(r"bin/(\S+)", command)[0])
        return SimpleNamespace(returncode=0, stdout="50000.0 records/sec\nAvg latency: 8.0 ms\n", stderr="")

    @contextmanager
    def asked() -> Iterator[None]:
        done.append("asked")
        yield
        done.append("not asked")

    machines = SimpleNamespace(machines={"a": SimpleNamespace(name="a", address="192.0.2.1")}, ssh=ssh)
    bench = throughput.Bench(cast(Machines, machines), asked)
    bench.warm_up()
    del done[:]
    timed = dict(bench.turn("telling"))
    assert timed == {"all records, telling": 2.0, "latency of a record, telling": 0.008}
    assert done == ["asked", "kafka-producer-perf-test.sh", "kafka-e2e-latency.sh", "not asked"]


class Made(Exception):
    """Machines were about to be made."""


COMPETITORS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "ours": ours.ready,
    "the hand script": lambda: hand.cluster(3),
    "the play": lambda: ansible.cluster(3),
}


@pytest.mark.parametrize("competitor", COMPETITORS)
def test_everybody_has_the_same_machines(competitor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def up(machines: Machines) -> None:
        raise Made(machines.plan)

    monkeypatch.setenv("KAFKA_CLUSTER_HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(programs, "bin_dir", lambda: tmp_path)
    monkeypatch.setattr(Machines, "up", up)
    with pytest.raises(Made) as made, COMPETITORS[competitor]():
        pass
    plan = made.value.args[0]
    assert plan.environment == (), "what makes Java quicker or slower on one side only is no part of what is compared"
    assert len(plan.machines) == 3


def test_who_is_first_in_a_switch_is_second_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, str]] = []
    stack = SimpleNamespace(configure=lambda mode: done.append(("us", mode)), up=lambda: None)

    @contextmanager
    def given(*_: object) -> Iterator[Any]:
        yield SimpleNamespace(stack=stack, machines=None), 0.0

    def until_whole(act: Callable[[], object], _: object) -> float:
        act()
        return 2.0

    monkeypatch.setattr(ours, "cluster", given)
    monkeypatch.setattr(scene, "watcher", given)
    monkeypatch.setattr(scene, "until_whole", until_whole)
    monkeypatch.setattr(scene, "timed", lambda act: 3.0)
    monkeypatch.setattr(changes, "_some_records", lambda made: None)
    monkeypatch.setattr(hand, "switch", lambda machines, mode: done.append(("hand", str(mode))))
    measured = changes.switch(2)["switch_vs_hand"]
    assert list(measured.values) == [1.5, 1.5]
    whose = ["us"] * 4 + ["hand"] * 4 + ["us"] * 2  # the first two are the time before the rounds
    assert done == [(who, mode) for who, mode in zip(whose, ["zookeeper", "kraft"] * 5, strict=True)]


# Machines that end at once when they are told to; the last one waits to be killed, for so many pauses.
SSH = """\
#!/bin/bash
echo "$3 $4" >>"$SAID"
case $4 in
  *timeout*) [ "$3" != "$LAST" ] || for _ in $(seq $PAUSES); do [ ! -e "$SAID.killed" ] || exit 0; /bin/sleep 0.02; done ;;
  *SIGKILL*) touch "$SAID.killed" ;;
esac
"""


@pytest.mark.parametrize(
    ("mode", "last", "killed"), [("zookeeper", "c", True), ("zookeeper", "", False), ("kraft", "c", False)]
)
def test_the_hand_script_gives_the_last_combined_nodes_up_as_we_do(
    mode: str, last: str, killed: bool, tmp_path: Path
) -> None:
    """Without the pauses of a real one: what ends by itself is let do so."""
    said = tmp_path / "said"
    for name, does in {"ssh": SSH, "sleep": '#!/bin/bash\necho pause >>"$SAID"\nexec /bin/sleep 0.01\n'}.items():
        (tmp_path / name).write_text(does)
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SAID": str(said), "LAST": last}
    environment["PAUSES"] = "1000" if killed else "50"
    subprocess.run([hand.SCRIPTS / "switch.sh", "config", mode, "a", "b", "c"], env=environment, check=True)
    lines = said.read_text().splitlines()
    kills = [number for number, line in enumerate(lines) if "SIGKILL" in line and "timeout" not in line]
    assert len(kills) == (3 if killed else 0), "one that waits longer for what can't end is no physical limit"
    assert not killed or lines[: kills[0]].count("pause") >= 30, "and one that kills what still ends is none, either"
    assert all("systemctl\\ start" in line for line in lines[-3:])
