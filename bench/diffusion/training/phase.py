"""Trains one phase of one fit, or of several as rows of one batch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from bench.core.scenes import ImageArray, Scene
from bench.diffusion.backbone.encode import Encoder
from bench.diffusion.training.objective import Objective, Randomness
from bench.diffusion.training.recipe import PIECES, Phase, Recipe
from bench.diffusion.training.rows import Rows, losses
from bench.diffusion.training.update import Update
from bench.plugins.backbone import Backbone
from bench.plugins.method import TOTAL, MethodContext


@dataclass
class Progress:
    """Counts a fit's prior pictures and steps together."""

    total: int
    on_step: Callable[[int, int], None]
    done: int = field(default=0)

    def advance(self) -> None:
        """Report one more."""
        self.done += 1
        self.on_step(self.done, self.total)


@dataclass(eq=False)
class Fit:
    """A fit under way: a scene's training, its phases under the backbone's budget, and what it has learned so far.

    `handles` [N, width] are None before the first phase. `failure` is what its samples raised, which ends it.
    """

    recipe: Recipe
    scene: Scene
    context: MethodContext
    phases: Sequence[Phase]
    progress: Progress
    encoder: Encoder
    prior: Mapping[str, Sequence[ImageArray]]
    random: Randomness
    handles: nn.Parameter | None = None
    failure: Exception | None = None


class Learner:
    """A fit in one phase: its loss and its optimiser; nothing of it depends on the fits that are trained beside it."""

    def __init__(self, fit: Fit, objective: Objective, index: int) -> None:
        assert fit.handles is not None, "handles are there before a phase begins"
        self.fit = fit
        self.number = index + 1
        self.phase = fit.phases[index]
        self.objective = replace(objective, trains_weights=bool(PIECES[self.phase.trains]))
        groups = _thaw(objective.backbone, fit.handles, self.phase)
        self.update = Update(groups, fit.recipe.optimiser, self.phase.learning_rate, objective.backbone)
        own = self.phase.objective  # it shares no batch, so what it raises is nobody else's concern
        self.loss = None if own is None else own(self.objective)
        self._draw = self.objective.draw
        if self.phase.draw is not None:
            try:
                self._draw = self.phase.draw(self.objective)
            except Exception as error:
                self._fail(error)

    def drawn(self) -> list[Rows]:
        """The samples of a step; none if they raise something, which is then the fit's `failure`."""
        return self._guarded(lambda: [self._draw() for _ in range(self.phase.batch)])

    def drawn_after(self) -> list[Rows]:
        """What passes the networks after a step; nothing if that raises something."""
        after_step = self.phase.after_step
        return [] if after_step is None else self._guarded(lambda: after_step(self.objective))

    def _guarded(self, draw: Callable[[], Sequence[Rows]]) -> list[Rows]:
        """What is drawn; neither drawing nor the rows' losses raise anything."""
        try:
            return [replace(one, loss=partial(self._guarded_loss, one.loss)) for one in draw()]
        except Exception as error:
            self._fail(error)
            return []

    def _guarded_loss(self, loss: Callable[[Tensor, Tensor], Tensor], predicted: Tensor, target: Tensor) -> Tensor:
        try:
            return loss(predicted, target)
        except Exception as error:
            self._fail(error)
            return _no_loss(predicted, target)

    def _fail(self, error: Exception) -> None:
        """Keep what is raised again where the fit ends: the other rows go on."""
        self.fit.failure = self.fit.failure or error

    def gather_in_turn(self) -> None:
        """Gather a step's gradient from a loss of the phase's own, which is called for every sample."""
        assert self.loss is not None, "it has one"
        with self.update.in_backward() if self.phase.batch == 1 else contextlib.nullcontext():
            for _ in range(self.phase.batch):
                loss = self.loss()
                self.objective.log(TOTAL, loss)
                self.update.gather(loss / self.phase.batch)

    def finish_step(self) -> None:
        """Update the handles and weights, and log the step's losses."""
        self.update.step()
        self.fit.context.log_losses(self.number, self.objective.parts.take())


def train_phase(learners: Mapping[int, Learner], count: int) -> None:
    """Train a phase of several fits in step, each in the batch's row of its number, of `count` rows.

    A row without a fit, or whose fit failed, is filled with another's samples: the batch keeps its shape, on which the
    rounding of every row depends.
    """
    steps = max((one.phase.steps for one in learners.values()), default=0)
    for _ in range(steps):
        left = {number: one for number, one in learners.items() if one.fit.failure is None}
        if all(one.loss is None for one in left.values()):
            left = _gather_together(left, count)
        else:
            for one in left.values():
                one.gather_in_turn()
        for one in left.values():
            one.finish_step()
        _look_together(left, count)
        for one in left.values():
            one.fit.progress.advance()


def _gather_together(learners: Mapping[int, Learner], count: int) -> dict[int, Learner]:
    """Gather the gradients of a step from one pass; returns the learners whose samples could be drawn."""
    drawn = {number: rows for number, one in learners.items() if (rows := one.drawn())}
    if not drawn:
        return {}
    found = losses(_filled(drawn, count))
    size = len(found) // count
    alive = [number for number in drawn if learners[number].fit.failure is None]
    totals = {number: torch.stack(found[number * size : (number + 1) * size]).mean() for number in alive}
    if not totals:
        return {}
    # each loss has its own parameters: their sum's gradient is that of each, and no row's passes to another
    with contextlib.ExitStack() as stack:
        for number, total in totals.items():
            learners[number].objective.log(TOTAL, total)
            stack.enter_context(learners[number].update.in_backward())
        torch.autograd.backward([learners[number].update.scaled(total) for number, total in totals.items()])
    return {number: learners[number] for number in totals}


@torch.no_grad()
def _look_together(learners: Mapping[int, Learner], count: int) -> None:
    """Pass what follows a step: the first of every fit's rows together, then the second, for those that have one."""
    drawn = {number: one.drawn_after() for number, one in learners.items()}
    for place in range(max(map(len, drawn.values()), default=0)):
        losses(_filled({number: [rows[place]] for number, rows in drawn.items() if place < len(rows)}, count))
    for one in learners.values():
        one.objective.parts.take()  # a loss that is looked at there is not the step's


def _filled(drawn: Mapping[int, Sequence[Rows]], count: int) -> list[Rows]:
    """The batch of `count` fits' rows, of which another's fill those that have none."""
    filler = [replace(one, loss=_no_loss) for one in next(iter(drawn.values()))]
    return [one for number in range(count) for one in drawn.get(number, filler)]


def _no_loss(predicted: Tensor, _target: Tensor) -> Tensor:
    """The loss of rows that fill a batch."""
    return predicted.new_zeros(())


def _thaw(backbone: Backbone, handles: nn.Parameter, phase: Phase) -> list[dict[str, Any]]:
    """The parameter groups that the phase trains, handles with their own learning rate; all others are frozen."""
    weights: list[nn.Parameter] = []
    for name, parameter in backbone.parameters().items():
        parameter.requires_grad_(trains(phase, name))
        weights += [parameter] if parameter.requires_grad else []
    rate = phase.learning_rate if phase.handle_learning_rate is None else phase.handle_learning_rate
    return [{"params": [handles], "lr": rate}, *([{"params": weights}] if weights else [])]


def trains(phase: Phase, name: str) -> bool:
    """Whether the phase trains the weight of that name in `Backbone.parameters`."""
    return any(piece in name for piece in PIECES[phase.trains])
