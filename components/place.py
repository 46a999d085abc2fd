"""What both platforms hand over: a machine that one can ssh to. From here on there is one code path."""

from dataclasses import dataclass

from pulumi import Output, Resource

from components.hand import Hand


@dataclass(frozen=True)
class Place:
    """A machine for one node. `machine` is an id that is another one when the machine is; `device` is the block
    device of its data, "" where the data lies on the root file system."""

    hand: Hand
    machine: Output[str]
    device: str
    ready: Resource
