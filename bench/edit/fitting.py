"""A method that learns handles, fitted on one scene: read from an earlier fit or trained, and loaded."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from bench.core.errors import UserError
from bench.core.progress import ProgressBar, console
from bench.core.scenes import Scene
from bench.edit.options import EditPaths
from bench.edit.session import EditSession
from bench.plugins.backbone import Backbone
from bench.plugins.discovery import discover
from bench.plugins.method import MethodContext
from bench.plugins.spec import Configured, configure
from bench.run.cost import Cost
from bench.run.fit_files import read_fit, write_fit
from bench.run.plan import Unit

if TYPE_CHECKING:
    from bench.plugins.method import FitState


@runtime_checkable
class LearnsHandles(Protocol):
    """A method whose handles can be used in any text; it may have its own `guidance_step_size` and `blending`."""

    def load_state(self, state: FitState, scene: Scene, backbone: Backbone) -> None:
        """Bring a restored backbone to the state that the fit left, with the handles in its vocabulary."""
        ...


@dataclass(frozen=True)
class Share:
    """The part of a progress bar that is a fit's."""

    progress: ProgressBar
    pieces: float


def learner(text: str) -> Configured:
    """The method of that name.

    Raises `UserError` if there is none, or it learns no handle that could stand in a text.
    """
    method = configure("methods", text)
    if not isinstance(method.instance, LearnsHandles):
        able = (name for name, found in discover("methods").found.items() if issubclass(found.role, LearnsHandles))
        raise UserError(f"{text} learns no handles in the backbone; these do: {', '.join(able)}")
    return method


def load_fit(session: EditSession, unit: Unit, paths: EditPaths, share: Share) -> None:
    """Bring the backbone to the unit's fit: read if it exists, else trained and left on disk until `paths.settle`."""
    state = _fitted(session, unit, paths, share)
    session.backbone.restore()
    unit.method.instance.load_state(state, unit.scene.for_methods, session.backbone)


def _fitted(session: EditSession, unit: Unit, paths: EditPaths, share: Share) -> FitState:
    file = paths.fit(unit.key)
    kept = read_fit(file)
    if kept is not None:
        console.print(f"fit: {file}", soft_wrap=True, markup=False)
        share.progress.advance(share.pieces)
        return kept[0]
    title = f"{unit.method.spec} · {unit.scene.name}"

    def on_step(done: int, total: int) -> None:
        share.progress.say(f"{title} · fit {done}/{total}")
        share.progress.advance(share.pieces / total)

    session.backbone.restore()
    began = time.perf_counter()
    context = MethodContext(session.backbone, unit.fit_seed, 1, session.budget, on_step, run_seed=unit.run_seed)
    state: FitState = unit.method.instance.fit(unit.scene.for_methods, context)
    write_fit(file, state, Cost(time.perf_counter() - began))
    return state
