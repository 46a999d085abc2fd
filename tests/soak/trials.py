"""What is tried: an operation, a fault, and the moment at which it comes.

Knows which lines of `pulumi up` mark a moment, and in which order the moments are walked. Refuses to know how a trial is
carried out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

UP_KILLED = "`up` killed with all it had started"
UP_KILLED_ALONE = "`up` killed, its commands going on"
DEFECT = "DEFECT: "
NO_MOMENT = "the moment did not come"
NOT_BEFALLEN = "the fault could not befall: "
KILLS = (UP_KILLED, UP_KILLED_ALONE)
OF_A_BROKER = ("kill -9 of a broker", "SIGSTOP of a broker")
OF_A_NODE = ("network cut of a node", "a node dead", "disk full")

ROLL, REBUILD, SWITCH = "a roll", "a machine made anew", "a switch of modes"
AGAIN, FIRST = "a first up on kept data", "a first up on wiped disks"
# Clients go on through these; the others stop the whole cluster by what they are.
SERVING = (ROLL, REBUILD)


@dataclass(frozen=True)
class Operation:
    """Something a user does, the moments of it by the lines that mark them, and what may go wrong meanwhile. `{node}`
    in a line is one of the nodes."""

    moments: Mapping[str, str]
    faults: tuple[str, ...]


def _around(what: str, resource: str, doing: str, done: str) -> dict[str, str]:
    """Before and after something that is one resource."""
    return {f"before {what}": rf"{resource} {doing}", f"after {what}": rf"{resource} {done}"}


def _stage(name: str, doing: str, done: str) -> dict[str, str]:
    """Before and after a stage of one node."""
    return _around(f"`{name.rpartition('-')[2]}` of one node", f"{{node}}-{name}", doing, done)


def _running(doing: str, done: str) -> dict[str, str]:
    """Before and after the whole cluster is brought to run."""
    return _around("`running`", "kafka-running", doing, done)


def _told(doing: str, done: str, names: tuple[str, ...] = ("settings", "topics")) -> dict[str, str]:
    """Before and after what a cluster is told that runs."""
    return {
        moment: line for name in names for moment, line in _around(f"`{name}`", f"kafka-{name}", doing, done).items()
    }


_FROM_NOTHING = Operation(
    {
        **_around("`fit` of all machines", "hosts-fit", "creating", "created"),
        **_stage("host-ready", "creating", "created"),
        **_around("the upload to one node", "{node}-archive", "creating", "created"),
        **_stage("installed", "creating", "created"),
        **_stage("configured", "creating", "created"),
        **_stage("formatted", "creating", "created"),
        **_running("creating", "created"),
        "at the start of all nodes": "starting kafka-",
        **_told("creating", "created"),
    },
    (*KILLS, *OF_A_NODE),
)
OPERATIONS: Mapping[str, Operation] = {
    ROLL: Operation(
        {
            **_stage("configured", "updating", "updated"),
            **_running("updating", "updated"),
            **{f"at restart {turn} of 3": rf"restarting \S+ \({turn} of 3\)" for turn in (1, 2, 3)},
            "after a restart": r"\S+ is back",
            **_told("updating", "updated", ("settings",)),
        },
        (*KILLS, *OF_A_BROKER, *OF_A_NODE),
    ),
    REBUILD: Operation(
        {
            **_stage("host-ready", "creating replacement", "created replacement"),
            **_around("the upload to the node", "{node}-archive", "creating replacement", "created replacement"),
            **_stage("installed", "updating", "updated"),
            **_stage("configured", "updating", "updated"),
            **_stage("formatted", "updating", "updated"),
            **_running("updating", "updated"),
            "at the start of the node": "starting {node}",
        },
        (*KILLS, *OF_A_BROKER, *OF_A_NODE),
    ),
    SWITCH: Operation(
        {
            **_stage("configured", "updating", "updated"),
            **_stage("formatted", "updating", "updated"),
            **_running("updating", "updated"),
            "at the stop of all nodes": "stopping kafka-",
            "at the start of all nodes": "starting kafka-",
            **_told("updating", "updated"),
        },
        (*KILLS, *OF_A_NODE),
    ),
    AGAIN: _FROM_NOTHING,
    FIRST: _FROM_NOTHING,
}


@dataclass(frozen=True)
class Trial:
    """One choice. `victim` is the node that the fault befalls, `node` the one whose moment it is (and whose machine is
    made anew), `line` the pattern that marks the moment."""

    seed: str
    operation: str
    fault: str
    moment: str
    line: str
    victim: str
    node: str


def _place(seed: str) -> tuple[str, int]:
    """The walk that a seed belongs to, and how far it is on it."""
    walk, _, number = seed.rpartition("-")
    return (walk, int(number)) if walk and number.isdecimal() else (seed, 0)


def following(seed: str) -> str:
    """The seed of the trial that comes next on the same walk."""
    walk, number = _place(seed)
    return f"{walk}-{number + 1}"


def choose(seed: str, nodes: tuple[str, ...]) -> Trial:
    """The trial that a seed stands for; the same one every time. A walk comes to each moment of each operation once before
    it comes to any again; what goes wrong there, and where, is left to chance."""
    walk, number = _place(seed)
    moments = [(name, moment) for name, operation in OPERATIONS.items() for moment in operation.moments]
    Random(walk).shuffle(moments)
    name, moment = moments[number % len(moments)]
    operation, random = OPERATIONS[name], Random(f"{walk}-{number}")
    node, victim = random.choice(nodes), random.choice(nodes)
    line = operation.moments[moment].replace("{node}", node)
    return Trial(seed, name, random.choice(operation.faults), moment, line, victim, node)


@dataclass(frozen=True)
class Finding:
    """How a trial ended. `stall` is the longest one of a producer, in seconds; None where none was to go on."""

    trial: Trial
    mode: str
    outcome: str
    stall: float | None

    @property
    def is_defect(self) -> bool:
        """Whether what must not be, was."""
        return self.outcome.startswith(DEFECT)

    @property
    def tried_nothing(self) -> bool:
        """Whether nothing went wrong at all, so that nothing was shown."""
        return self.outcome.startswith((NO_MOMENT, NOT_BEFALLEN))

    @property
    def row(self) -> str:
        """Its row of the table in the documentation."""
        told = "not meant to go on" if self.stall is None else f"{self.stall:.1f} s"
        trial = self.trial
        cells = (trial.seed, self.mode, trial.operation, trial.fault, trial.moment, self.outcome, told)
        return f"| {' | '.join(cells)} |"


def appended(page: str, findings: list[Finding]) -> str:
    """The page with rows at its end."""
    return "\n".join([page.rstrip("\n"), *(finding.row for finding in findings), ""])
