"""What both platforms hand over: a machine that one can ssh to. From here on there is one code path."""

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import Output, Resource

from components.hand import Hand, Stage
from model import stages
from model.paths import Paths
from operations.preflight import ArchiveFile


@dataclass(frozen=True)
class Place:
    """A machine for one node. `machine` is an id that is another one when the machine is; `device` is the block
    device of its data, "" where the data lies on the root file system."""

    hand: Hand
    machine: Output[str]
    device: str
    ready: Resource

    @property
    def login(self) -> Output[str]:
        """The name of the user that logs in."""
        return Output.unsecret(self.hand.access.apply(lambda access: access.user))

    def upload(self, name: str, file: ArchiveFile, parent: Resource) -> Resource:
        """Brings a file to the machine once it is ready."""
        return self.hand.upload(
            name,
            file=str(file.path),
            to=there(file).path,
            machine=self.machine,
            parent=parent,
            depends_on=[self.ready],
        )

    def stage(self, name: str, program: Output[str], parent: Resource, depends_on: Sequence[Resource]) -> Stage:
        """A stage on the machine, which another machine has to go through anew."""

        def command(word: str) -> Output[str]:
            return self.machine.apply(lambda machine: stages.command(word, machine=machine))

        return self.hand.stage(
            name,
            first=command("first"),
            again=command("again"),
            program=program,
            parent=parent,
            depends_on=depends_on,
        )


def there(file: ArchiveFile) -> stages.Upload:
    """A file as it arrives on a machine, or as it is there from the beginning."""
    return stages.Upload(file.carried or f"{Paths.upload_folder}/{file.name}", file.sha512, file.java)
