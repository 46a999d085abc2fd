"""What the configuration's shapes have in common: frozen, spelled as in Pulumi.yaml, closed to unknown keys."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel


class Shape(BaseModel):
    """A part of the configuration."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, strict=False
    )


def _property_text(value: Any) -> Any:
    """Kafka's properties are text: 3 and true are what a person writes in YAML for "3" and "true"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # what the engine hands to a provider knows one kind of number
    if isinstance(value, int | float):
        return str(value)
    return value


PropertyText = Annotated[str, BeforeValidator(_property_text)]
