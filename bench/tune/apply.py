"""Puts tuned settings into a run: its methods as `tuned.json` has them, on the backbone and budget they hold for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.core.errors import UserError
from bench.core.text import count
from bench.plugins.spec import configure
from bench.run.select_methods import MethodSelection
from bench.run.session import Session
from bench.tune.record import Tuning, read_tuning, scene_sources

SUFFIX = " (tuned)"
"""Of the display name of a method with tuned settings other than its own, so that nobody takes it for the paper's."""


def with_tuned(selection: MethodSelection, path: Path) -> MethodSelection:
    """The selection with tuned settings for every method that has any; controls and the like stay.

    A method whose optimum is its own settings stays too, with its name: a run may have it as it is already.

    Raises `UserError` for a method that could be tuned and was not.
    """
    tuning, names = read_tuning(path), dict(selection.names)
    methods = []
    for spec in selection.methods:
        tuned = tuning.methods.get(spec)
        if tuned is None:
            _refuse_untuned(spec, tuning, path)
        if tuned is None or _canonical(tuned.spec) == _canonical(spec):
            methods.append(spec)
        else:
            methods.append(tuned.spec)
            names[tuned.spec] = names.pop(spec, spec + SUFFIX)
    return replace(selection, methods=tuple(methods), names=tuple(names.items()))


def tuned_check(path: Path | None) -> Callable[[Session], None]:
    """What a start with tuned settings has to be checked for (`check_tuned`); nothing without such settings."""
    return (lambda _session: None) if path is None else partial(check_tuned, path=path)


def check_tuned(session: Session, path: Path) -> None:
    """Raise `UserError` if the run is on another backbone or budget than the tuning, or shares a scene with it.

    A result on scenes that settings were chosen on says nothing.
    """
    tuning, settings = read_tuning(path), session.settings
    factors = session.backbone_settings.budget(settings.budget)
    if tuning.fingerprint != settings.fingerprint:
        now = settings.fingerprint
        raise UserError(
            f"{path} holds for another backbone ({tuning.fingerprint}) than this run's ({now}); tune for it"
        )
    if tuning.budget != settings.budget:
        raise UserError(
            f"{path} holds for another budget ({tuning.budget}) than this run's ({settings.budget}): add "
            f"--budget {tuning.budget}, or take a dataset that asks for it"
        )
    if tuning.factors != factors:
        raise UserError(f"{path} holds for other factors of the budget {tuning.budget} than the backbone's; tune anew")
    if shared := set(tuning.scenes) & set(scene_sources(session.dataset_folder)):
        raise UserError(
            f"{count(len(shared), 'picture')} of this dataset were tuned on ({path}: {tuning.dataset}); results need "
            "scenes, and concepts, that chose nothing: another dataset, or for a drawn one another seed"
        )


def _canonical(spec: str) -> str:
    return configure("methods", spec).canonical


def _refuse_untuned(spec: str, tuning: Tuning, path: Path) -> None:
    if configure("methods", spec).drop_in.tunable.rates:
        raise UserError(f"{path} has no tuned settings for {spec}; it has {', '.join(tuning.methods)}")
