"""What all tables are declared as."""

from pydantic import ConfigDict
from sqlmodel import SQLModel


class Row(SQLModel):
    """A row of a table.

    None is ever made of these classes, for it is their Core tables that are used. So what would check one is not built:
    that took 20 ms of the start of every command.
    """

    model_config = ConfigDict(defer_build=True)  # pyright: ignore[reportIncompatibleVariableOverride, reportAssignmentType]
