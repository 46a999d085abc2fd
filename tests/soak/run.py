"""Carries trials out on a running cluster, and says what came of each.

Knows the stack, the machines and the traffic. Refuses to choose (`trials.py`).
"""

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from computer.waiting import WaitedTooLong
from lab.nspawn import MachineError
from lab.nspawn_root import DATA_LINK
from model.kafka_keys import Mode
from tests.soak.trials import (
    AGAIN,
    DEFECT,
    FIRST,
    KILLS,
    NO_MOMENT,
    NOT_BEFALLEN,
    REBUILD,
    ROLL,
    SERVING,
    SWITCH,
    UP_KILLED,
    Finding,
    Trial,
)
from tests.support.faults import FAULTS, CouldNotBefall, Fault
from tests.support.machines import Ground
from tests.support.operate import wait_until_whole
from tests.support.stack import PulumiFailed
from tests.support.traffic.beside import Traffic, lost_since, traffic
from tests.support.traffic.verdict import TOPIC_GIVEN_UP, Verdict
from tests.support.under_way import UnderWay, unlock, up_under_way

FAULT_SECONDS = 30.0
PATIENCE_SECONDS = 180.0
WENT_THROUGH = "`up` went through"
# Letters of what an error says.
_MOST_WORDS, _FIRST_WORDS = 1000, 300
HEAPS = ("256M", "260M")
# What a running cluster takes, so that a roll has that stage, too.
SETTINGS = ({"log.retention.hours": 168}, {"log.retention.hours": 48})
# What must stay what it is: the file system, and who its nodes think they are in either mode.
IDENTITY = {
    "the data volume": "findmnt --noheadings --output UUID /var/lib/kafka",
    "meta.properties": "sudo stat -c '%i %W' /var/lib/kafka/logs/kraft-combined-logs/meta.properties",
    "myid": "sudo stat -c '%i %W' /var/lib/kafka/zookeeper/myid",
}


class Defect(Exception):
    """What must not be, was."""


def _words(error: Exception) -> str:
    """What an error says, as it fits into a table: how it begins and how it ends."""
    words = " ".join(str(error).split()).replace("|", "/")
    return words if len(words) <= _MOST_WORDS else f"{words[:_FIRST_WORDS]} […] {words[_FIRST_WORDS - _MOST_WORDS :]}"


@dataclass
class Soak:
    """A cluster on which trial follows trial. `kept` holds the topics of each mode, with what was acknowledged then."""

    ground: Ground
    mode: Mode = Mode.KRAFT
    trials: int = 0
    rolls: int = 0
    kept: list[tuple[Mode, str, Verdict]] = field(default_factory=list)
    identities: dict[tuple[str, str], str] = field(default_factory=dict)

    def run(self, trial: Trial) -> Finding:
        """One trial; a defect is an outcome, too."""
        self.trials += 1
        mode, stall, outcome = self.mode, None, ""
        try:
            with self._traffic() as running:
                if trial.operation in SERVING:
                    outcome = self._up(trial, self._begin(trial))
                verdict = self._keep(running)
            if trial.operation in SERVING:
                stall = verdict.producer_stall
            else:
                outcome = self._up(trial, self._begin(trial))
            self._look_back()
        except (Defect, PulumiFailed, WaitedTooLong, MachineError, AssertionError) as error:
            outcome = f"{DEFECT}{_words(error)}"
            self._keep_logs()
        return Finding(trial, mode.value, outcome, stall)

    def _keep_logs(self) -> None:
        """What nodes say of themselves, as their machines end with the run."""
        folder = Path(tempfile.mkdtemp(prefix="soak-logs-"))
        for name in self.ground.machines.machines:
            said = self.ground.machines.ssh(name, "sudo sh -c 'cat /var/log/kafka/*.log; journalctl --no-pager'")
            (folder / f"{name}.log").write_text(f"{said.stdout}{said.stderr}", encoding="utf-8")
        print(f"the nodes' logs are kept in {folder}", flush=True)

    def _begin(self, trial: Trial) -> tuple[str, ...]:
        """What a user does before the `up`. Answers the options of that."""
        stack, machines = self.ground.stack, self.ground.machines
        if trial.operation == ROLL:
            self.rolls += 1
            stack.configure(heap=HEAPS[self.rolls % 2], settings=SETTINGS[self.rolls % 2])
        elif trial.operation == REBUILD:
            machines.rebuild(trial.node)
            return ("--replace", f"**{trial.node}-host-ready")
        elif trial.operation == SWITCH:
            self.mode = self.mode.other
            stack.configure(mode=self.mode.value)
        elif trial.operation == AGAIN:
            stack.configure(clusterId=stack.outputs()["cluster_id"])
            stack.destroy()
        elif trial.operation == FIRST:
            stack.configure(clusterId=None)
            stack.destroy()
            self._wipe()
        return ()

    def _wipe(self) -> None:
        """Takes the file system off every disk, and with it all that there was to be found again."""
        for name in self.ground.machines.machines:
            done = self.ground.machines.ssh(name, f"sudo wipefs --all --quiet {DATA_LINK}")
            if done.returncode != 0:
                raise AssertionError(f"{name}: {DATA_LINK} could not be wiped: {done.stderr}")
        self.kept.clear()
        self.identities.clear()

    @contextmanager
    def _traffic(self) -> Iterator[Traffic]:
        stack = self.ground.stack
        with traffic(stack.prefix, self._servers, f"trial-{self.trials}") as running:
            yield running

    @property
    def _servers(self) -> str:
        return str(self.ground.stack.outputs()["bootstrap_servers"])

    def _keep(self, running: Traffic) -> Verdict:
        verdict = running.stop()
        self.kept.append((self.mode, running.topic, verdict))
        expected = TOPIC_GIVEN_UP if self.mode is Mode.ZOOKEEPER else frozenset()
        if faults := verdict.faults_beside(expected):
            raise Defect(f"{'; '.join(faults)} ({verdict})")
        return verdict

    def _up(self, trial: Trial, options: tuple[str, ...]) -> str:
        """An `up` with the trial's fault in it, and what it takes until the cluster is as planned."""
        with up_under_way(self.ground.stack, *options) as up:
            if not up.search(trial.line):
                outcome = NO_MOMENT
            elif trial.fault in KILLS:
                up.kill(with_children=trial.fault == UP_KILLED)
                self._identify(under_way=True)
                unlocked = self._unlock(options)
                self._complete(options)
                return f"the next `up` completed it{unlocked}"
            else:
                outcome = self._befall(trial, up)
            if up.end() == 0:
                self.ground.stack.up("--expect-no-changes")
                return outcome
            if outcome != WENT_THROUGH:
                raise Defect(f"{outcome}, and `up` ended with an error: {up.said}")
        self._complete(options)
        return "`up` ended with an error, the next one completed it"

    def _befall(self, trial: Trial, up: UnderWay) -> str:
        """The fault, for as long as it lasts; the `up` goes on meanwhile. Answers the outcome of one that ends well."""
        fault = FAULTS[trial.fault]
        try:
            fault.befall(self.ground.machines, trial.victim)
        except CouldNotBefall as why:
            return f"{NOT_BEFALLEN}{_words(why)}"
        with ThreadPoolExecutor(1) as beside:
            mended = beside.submit(self._mend, fault, trial.victim)
            up.end()
        mended.result()
        return WENT_THROUGH

    def _mend(self, fault: Fault, victim: str) -> None:
        if fault.lasts:
            time.sleep(FAULT_SECONDS)
        fault.mend(self.ground.machines, victim)

    def _unlock(self, options: tuple[str, ...]) -> str:
        """A run that was killed leaves the engine's lock. What it says of it has to name the way on."""
        done = self.ground.stack.pulumi("up", "--yes", "--skip-preview", *options, check=False)
        if done.returncode == 0:
            return ""
        if "pulumi cancel" not in f"{done.stdout}{done.stderr}":
            raise Defect(f"after a killed run: {done.stdout[-1000:]}{done.stderr[-1000:]}")
        unlock(self.ground.stack)
        return ", after `pulumi cancel`"

    def _complete(self, options: tuple[str, ...]) -> None:
        self.ground.stack.up(*options)
        self.ground.stack.up("--expect-no-changes")

    def _look_back(self) -> None:
        """Nothing was formatted anew, the cluster is whole, and all that was ever acknowledged in this mode is still there."""
        self._identify()
        wait_until_whole(self.ground.stack, PATIENCE_SECONDS)
        for mode, topic, verdict in self.kept:
            if mode is self.mode and (lost := lost_since(self.ground.stack.prefix, self._servers, topic, verdict)):
                raise Defect(f"{topic} lost {lost}")

    def _identify(self, *, under_way: bool = False) -> None:
        """Each node is who it was, as far as it was anybody. Nothing is found yet of what an `up` has not come to that is
        still `under_way`; what is found then must stay."""
        for name in self.ground.machines.machines:
            for what, command in IDENTITY.items():
                found = self.ground.machines.ssh(name, command).stdout.strip()
                known = self.identities.get((name, what)) or found
                if found != known and (found or not under_way):
                    raise Defect(f"{name}: {what} was {known} and is {found}")
                self.identities[name, what] = known
