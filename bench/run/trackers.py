"""Experiment trackers: trackio, wandb and mlflow, each an extra that is imported only when a run is tracked."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import Any, Protocol

from bench.core.errors import UserError

PROJECT = "scenebench"
"""The project, or experiment, that runs are logged to."""
_MOST_PARAMETERS, _LONGEST_PARAMETER = 100, 500
"""What MLflow takes at a time, and the letters of a value that every one of its stores takes."""
Config = Mapping[str, Any]


class Tracker(Protocol):
    """One run in a tracker."""

    def log(self, numbers: Mapping[str, float], words: Mapping[str, str], step: int) -> None:
        """Log numbers by name, and words that belong to them, as of a step."""
        ...

    def finish(self) -> None:
        """End the run."""
        ...


class WandbTracker:
    """Weights & Biases, or Trackio, whose interface is the same."""

    def __init__(self, module: Any, name: str, config: Config) -> None:
        self._module = module
        self._run = module.init(project=PROJECT, name=name, config=dict(config))

    def log(self, numbers: Mapping[str, float], words: Mapping[str, str], step: int) -> None:
        """Log numbers and words side by side."""
        self._run.log({**numbers, **words}, step=step)

    def finish(self) -> None:
        """End the run."""
        self._module.finish()  # the run's own leaves it to be finished again as the process ends


class MlflowTracker:
    """MLflow: settings are parameters, numbers metrics; words go into a file `units/STEP.json` with their numbers."""

    def __init__(self, module: Any, name: str, config: Config) -> None:
        self._module = module
        module.set_experiment(PROJECT)
        module.start_run(run_name=name)
        parameters = list(_flat(config))
        for start in range(0, len(parameters), _MOST_PARAMETERS):
            module.log_params(dict(parameters[start : start + _MOST_PARAMETERS]))

    def log(self, numbers: Mapping[str, float], words: Mapping[str, str], step: int) -> None:
        """Log numbers as metrics, and a file where there are words."""
        self._module.log_metrics({_allowed(name): number for name, number in numbers.items()}, step=step)
        if words:
            self._module.log_dict({**words, **numbers}, f"units/{step:05}.json")

    def finish(self) -> None:
        """End the run."""
        self._module.end_run()


TRACKERS: Mapping[str, Callable[[Any, str, Config], Tracker]] = {
    "trackio": WandbTracker,
    "wandb": WandbTracker,
    "mlflow": MlflowTracker,
}
"""The trackers by the name of their package."""


def check_tracker(name: str) -> None:
    """Raise `UserError` for a tracker that there is not, or whose package is not installed."""
    if name not in TRACKERS:
        raise UserError(f"--track {name} is not known; known: {', '.join(TRACKERS)}")
    if find_spec(name) is None:
        raise UserError(f"--track {name} needs the extra `{name}`: pip install 'scenebench[{name}]'")


def open_tracker(tracker: str, name: str, config: Config) -> Tracker:
    """A new run of that name in a tracker; raises whatever its package does."""
    return TRACKERS[tracker](importlib.import_module(tracker), name, config)


def _flat(config: Config, before: str = "") -> Iterator[tuple[str, str]]:
    """The settings with names as `methods/ours/steps`, their values as text."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}/")
        else:
            yield _allowed(before + str(name)), str(value)[:_LONGEST_PARAMETER]


def _allowed(name: str) -> str:
    """A name with what MLflow allows: `ours[steps=0]` is `ours_steps_0_`."""
    return re.sub(r"[^\w\-. :/]", "_", name)
