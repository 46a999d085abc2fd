"""How a wrong configuration is told: all of it at once, each with the key, what it got and what helps."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with one key of the configuration."""

    key: str
    got: object
    expected: str
    example: str

    def __str__(self) -> str:
        return f"{self.key}: got {self.got!r}; expected {self.expected}; for example {self.example}"


class ConfigurationError(ValueError):
    """The configuration can't be used. Nothing has been touched when this is raised."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(f"  - {problem}" for problem in problems)
        noun = "problem" if len(problems) == 1 else "problems"
        super().__init__(f"the configuration has {len(problems)} {noun}; nothing was changed:\n{lines}")
