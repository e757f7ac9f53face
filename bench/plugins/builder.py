"""The interface of dataset builders: one function, `build`."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable


class Builder(Protocol):
    """A drop-in of `datasets/`: a frozen dataclass called `Builder`, whose fields are its configuration."""

    def build(self, out: Path) -> None:
        """Write the dataset into the folder `out`; raises `UserError` if it holds something else."""
        ...


@runtime_checkable
class RecommendsBudget(Protocol):
    """A builder that recommends one of the backbone's budgets, such as a short one for a small dataset."""

    @property
    def training_budget(self) -> str:
        """The budget's name; a run uses it unless `--budget` names another.

        A backbone without a budget of that name uses `full`.
        """
        ...
