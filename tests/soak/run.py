"""Carries trials out on a running cluster, and says what came of each.

Knows the stack, the machines and the traffic. Refuses to choose (`trials.py`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Timer

from lab.waiting import WaitedTooLong
from model.kafka_keys import Mode
from tests.soak.trials import AGAIN, DEFECT, KILLS, ROLL, SWITCH, UP_KILLED, Finding, Trial
from tests.support.faults import FAULTS
from tests.support.machines import Ground
from tests.support.operate import wait_until_whole
from tests.support.stack import PulumiFailed
from tests.support.traffic.beside import Traffic, lost_since, traffic
from tests.support.traffic.verdict import Verdict
from tests.support.under_way import UnderWay, unlock, up_under_way

FAULT_SECONDS = 30.0
PATIENCE_SECONDS = 180.0
HEAPS = ("256M", "260M")
# What must stay what it is: the file system, and who its nodes think they are in either mode.
IDENTITY = {
    "the data volume": "findmnt --noheadings --output UUID /var/lib/kafka",
    "meta.properties": "sudo stat -c '%i %W' /var/lib/kafka/logs/kraft-combined-logs/meta.properties",
    "myid": "sudo stat -c '%i %W' /var/lib/kafka/zookeeper/myid",
}


class Defect(Exception):
    """What must not be, was."""


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
                if trial.operation == ROLL:
                    self.rolls += 1
                    self.ground.stack.configure(heap=HEAPS[self.rolls % 2])
                    outcome = self._up(trial)
                verdict = self._keep(running)
            if trial.operation == ROLL:
                stall = verdict.producer_stall
            elif trial.operation == SWITCH:
                self.mode = mode.other
                self.ground.stack.configure(mode=self.mode.value)
                outcome = self._up(trial)
            elif trial.operation == AGAIN:
                self.ground.stack.configure(clusterId=self.ground.stack.outputs()["cluster_id"])
                self.ground.stack.destroy()
                outcome = self._up(trial)
            self._look_back()
        except (Defect, PulumiFailed, WaitedTooLong, AssertionError) as error:
            outcome = f"{DEFECT}{' '.join(str(error).split()).replace('|', '/')[-800:]}"
        return Finding(trial, mode.value, outcome, stall)

    @contextmanager
    def _traffic(self) -> Iterator[Traffic]:
        wait_until_whole(self.ground.stack, PATIENCE_SECONDS)
        stack = self.ground.stack
        with traffic(stack.prefix, self._servers, f"trial-{self.trials}") as running:
            yield running

    @property
    def _servers(self) -> str:
        return str(self.ground.stack.outputs()["bootstrap_servers"])

    def _keep(self, running: Traffic) -> Verdict:
        verdict = running.stop()
        self.kept.append((self.mode, running.topic, verdict))
        if verdict.faults:
            raise Defect(f"{'; '.join(verdict.faults)} ({verdict})")
        return verdict

    def _up(self, trial: Trial) -> str:
        """An `up` with the trial's fault in it, and what it takes until the cluster is as planned."""
        with up_under_way(self.ground.stack) as up:
            if not up.search(trial.line):
                outcome = "the moment did not come"
            elif trial.fault in KILLS:
                up.kill(with_children=trial.fault == UP_KILLED)
                unlocked = self._unlock()
                self._complete()
                return f"the next `up` completed it{unlocked}"
            else:
                outcome = "`up` went through"
                self._befall(trial, up)
            if up.end() == 0:
                self.ground.stack.up("--expect-no-changes")
                return outcome
        self._complete()
        return "`up` ended with an error, the next one completed it"

    def _befall(self, trial: Trial, up: UnderWay) -> None:
        """The fault, for as long as it lasts; the `up` goes on meanwhile."""
        fault, machines = FAULTS[trial.fault], self.ground.machines
        fault.befall(machines, trial.victim)
        mending = Timer(FAULT_SECONDS if fault.lasts else 0, fault.mend, (machines, trial.victim))
        mending.start()
        up.end()
        mending.join()

    def _unlock(self) -> str:
        """A run that was killed leaves the engine's lock. What it says of it has to name the way on."""
        done = self.ground.stack.pulumi("up", "--yes", "--skip-preview", check=False)
        if done.returncode == 0:
            return ""
        if "pulumi cancel" not in f"{done.stdout}{done.stderr}":
            raise Defect(f"after a killed run: {done.stdout[-1000:]}{done.stderr[-1000:]}")
        unlock(self.ground.stack)
        return ", after `pulumi cancel`"

    def _complete(self) -> None:
        self.ground.stack.up()
        self.ground.stack.up("--expect-no-changes")

    def _look_back(self) -> None:
        """Nothing was formatted anew, and all that was ever acknowledged in this mode is still there."""
        for name in self.ground.machines.machines:
            for what, command in IDENTITY.items():
                found = self.ground.machines.ssh(name, command).stdout.strip()
                known = self.identities.setdefault((name, what), found) or found
                if found != known:
                    raise Defect(f"{name}: {what} was {known} and is {found}")
                self.identities[name, what] = found
        for mode, topic, verdict in self.kept:
            if mode is self.mode and (lost := lost_since(self.ground.stack.prefix, self._servers, topic, verdict)):
                raise Defect(f"{topic} lost {lost}")
