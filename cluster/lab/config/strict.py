"""What all parts of the schema have in common."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Strict types, unknown keys refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
