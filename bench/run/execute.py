"""Fits and draws the missing parts of a plan, unit by unit; existing files are kept."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING

from PIL import Image, PngImagePlugin

from bench.core.errors import is_disk_full, one_line
from bench.core.files import write_bytes, write_json
from bench.core.progress import ShowsProgress, console, progress_bar
from bench.core.scenes import ImageArray
from bench.plugins.backbone import Backbone
from bench.plugins.method import FitRecords, MethodContext, Request
from bench.run.attention import has_maps, recorded_steps, write_maps
from bench.run.contracts import ContractError, checked_pictures, checked_state, drawn_pictures
from bench.run.cost import GENERATE, Cost, UnitCost, picture_cost
from bench.run.failures import failure_file, keep_failure
from bench.run.fit_files import read_fit, write_fit
from bench.run.folder import SCHEMA, RunFolder
from bench.run.names import label
from bench.run.plan import PlannedPicture, Unit

if TYPE_CHECKING:
    import torch

    from bench.diffusion.sampling.attention_watch import AttentionWatch
    from bench.run.metering import Meter

FIT_PIECES = 20.0
"""A fit's share on the progress bar, in pictures."""


@dataclass(frozen=True)
class ExecutionContext:
    """The run's folder, the loaded backbone and how to execute: nothing here can change a result.

    With `keep_weights`, a unit's fit is kept after its last picture. `names` are display names of methods by spec.
    `attention` are the sampling steps, from 1, before which attention maps are recorded. `on_unit` is called when a
    unit begins.
    """

    folder: RunFolder
    backbone: Backbone
    budget: str
    batch_size: int
    keep_weights: bool
    names: Mapping[str, str] = field(default_factory=dict)
    attention: tuple[int, ...] = ()
    on_unit: Callable[[Unit], None] = lambda _unit: None

    def label(self, unit: Unit) -> str:
        """What progress and errors call the unit's method."""
        return label(self.names, unit.method.spec)

    @cached_property
    def meter(self) -> Meter:
        """Measures costs on the backbone's device."""
        from bench.run.metering import Meter  # noqa: PLC0415 - torch is slow to import

        return Meter.on(self.backbone.device)


def missing_pictures(folder: RunFolder, unit: Unit) -> tuple[PlannedPicture, ...]:
    """The unit's pictures that are not yet drawn."""
    return tuple(picture for picture in unit.pictures if not folder.picture(picture.key).is_file())


def is_done(folder: RunFolder, unit: Unit) -> bool:
    """Whether the unit has its record and every picture."""
    return folder.unit_record(unit.key).is_file() and not missing_pictures(folder, unit)


def execute(context: ExecutionContext, units: Sequence[Unit]) -> int:
    """Fit and draw every unit; returns how many failed.

    A unit whose method raises, whatever it is, leaves its traceback in `failed/` and does not stop the others; a full
    disk stops all.
    """
    failed, done = 0, 0.0
    pieces = [_pieces(context.folder, unit) for unit in units]
    with progress_bar("units", sum(pieces)) as progress:
        for unit, own in zip(units, pieces, strict=True):
            context.on_unit(unit)
            if (why := attempt(context, unit, progress)) is not None:
                failed += 1
                say_failed(context.folder, unit, context.names, why)
            done += own
            progress.say("units")
            progress.reach(done)  # also what a failed unit had still to do
    return failed


def attempt(context: ExecutionContext, unit: Unit, progress: ShowsProgress) -> str | None:
    """Fit and draw what is missing of a unit; why that failed, if it did, in one line, with the traceback in `failed/`.

    Raises what a full disk raises: it is not the method's failure, and the same command goes on when there is space.
    """
    try:
        _work_unit(context, unit, progress)
    except Exception as error:
        if is_disk_full(error):
            raise
        keep_failure(context.folder, unit)
        return str(error) if isinstance(error, ContractError) else one_line(error)
    return None


def say_failed(folder: RunFolder, unit: Unit, names: Mapping[str, str], why: str) -> None:
    """Print that a unit failed, in one line; `names` are display names of methods by spec."""
    title = f"{label(names, unit.method.spec)} on {unit.scene.name}"
    told = f"{title} failed: {why} (traceback: {failure_file(folder, unit)})"
    console.print(told, soft_wrap=True, markup=False)


def _pieces(folder: RunFolder, unit: Unit) -> float:
    return FIT_PIECES + len(missing_pictures(folder, unit))


def _work_unit(context: ExecutionContext, unit: Unit, progress: ShowsProgress) -> None:
    title = f"{context.label(unit)} · {unit.scene.name}"
    missing = [picture.key for picture in missing_pictures(context.folder, unit)]
    state, cost = _fit(context, unit, progress, title)
    with _watched(context, unit) as watch:
        wanted = unit.pictures if watch else _batches_with(missing, unit, context.batch_size)
        for planned, picture, share in _draw(context, unit, state, wanted):
            if planned.key in missing:
                progress.say(f"{title} · picture {missing.index(planned.key) + 1}/{len(missing)}")
                _save_picture(context.folder, planned, picture, share)
                progress.advance()
    if watch:
        write_maps(context.folder, unit, watch)
    if not is_done(context.folder, unit):  # else it was drawn again for its attention maps: what it cost is known
        _record(context.folder, unit, cost)
    if not context.keep_weights:
        context.folder.fit(unit.key).unlink(missing_ok=True)
    failure_file(context.folder, unit).unlink(missing_ok=True)


@contextlib.contextmanager
def _watched(context: ExecutionContext, unit: Unit) -> Iterator[AttentionWatch | None]:
    """While the block runs, the attention of the unit's handles is recorded, if it is asked for and not there yet."""
    if has_maps(context.folder, unit.key, context.attention):
        yield None
        return
    from bench.diffusion.sampling.attention_watch import AttentionWatch, watching  # noqa: PLC0415 - imports torch

    steps = {*context.attention, *recorded_steps(context.folder.attention_maps(unit.key))}
    handles = [concept.handle for concept in unit.scene.concepts]
    with watching(AttentionWatch(handles, {step - 1 for step in steps})) as watch:
        yield watch


def _batches_with(missing: Sequence[str], unit: Unit, size: int) -> tuple[PlannedPicture, ...]:
    """The pictures of those of the unit's batches that lack one.

    A batch is drawn as a whole, also when an earlier start stopped in its middle: by rounding, a picture depends on it.
    """
    batches = (unit.pictures[start : start + size] for start in range(0, len(unit.pictures), size))
    return tuple(one for batch in batches if any(one.key in missing for one in batch) for one in batch)


def _fit(
    context: ExecutionContext, unit: Unit, progress: ShowsProgress, title: str
) -> tuple[dict[str, torch.Tensor], Cost]:
    """The unit's fit and its cost, read back if an earlier start made it."""
    kept = read_fit(context.folder.fit(unit.key))
    if kept is not None:
        progress.advance(FIT_PIECES)
        return kept
    shown = 0.0

    def on_step(done: int, total: int) -> None:
        nonlocal shown
        progress.say(f"{title} · fit {done}/{total}")
        progress.advance(FIT_PIECES * (done / total - shown))
        shown = done / total

    context.backbone.restore()
    bench = _method_context(context, unit, on_step)
    fitted, cost = context.meter.measure(lambda: unit.method.instance.fit(unit.scene.for_methods, bench))
    state = checked_state(unit.method, fitted)
    progress.advance(FIT_PIECES * (1.0 - shown))
    write_fit(context.folder.fit(unit.key), state, cost)
    return state, cost


def _method_context(context: ExecutionContext, unit: Unit, on_step: Callable[[int, int], None]) -> MethodContext:
    return MethodContext(
        backbone=context.backbone,
        fit_seed=unit.fit_seed,
        batch_size=context.batch_size,
        budget=context.budget,
        on_step=on_step,
        record=lambda records: _write_records(context.folder, unit, records),
        run_seed=unit.run_seed,
        shared=context.folder.shared,
        precomputed=unit.precomputed,
    )


def _write_records(folder: RunFolder, unit: Unit, records: FitRecords) -> None:
    """Write the fit records as CSV; before the fit is saved, so that a saved fit has its records."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(records[0]) if records else [])
    writer.writeheader()
    writer.writerows(records)
    write_bytes(folder.fit_records(unit.key), text.getvalue().encode())


def _say_nothing(_done: int, _total: int) -> None:
    """Ignore steps: drawing reports progress per picture."""


def _draw(
    context: ExecutionContext, unit: Unit, state: Mapping[str, torch.Tensor], wanted: Sequence[PlannedPicture]
) -> Iterator[tuple[PlannedPicture, ImageArray, Cost]]:
    """Yield each picture as soon as its batch is drawn, with its share of the batch's cost."""
    context.backbone.restore()
    requests: list[Request] = [picture.request for picture in wanted]
    method = unit.method
    given = method.instance.generate(
        state, unit.scene.for_methods, requests, _method_context(context, unit, _say_nothing)
    )
    drawn = drawn_pictures(method, given)
    for start in range(0, len(wanted), context.batch_size):
        batch = wanted[start : start + context.batch_size]
        last = start + len(batch) == len(wanted)
        # one more than expected is requested: the method then ends normally, or shows that it yields too many
        found, cost = context.meter.measure(partial(list[object], itertools.islice(drawn, len(batch) + last)))
        pictures = checked_pictures(method, found, len(batch), context.backbone.resolution)
        share = cost.share(len(batch))
        yield from ((planned, picture, share) for planned, picture in zip(batch, pictures, strict=True))


def _save_picture(folder: RunFolder, planned: PlannedPicture, picture: ImageArray, cost: Cost) -> None:
    """Write a PNG with its cost as metadata; the result is its pixels alone."""
    text_chunks = PngImagePlugin.PngInfo()
    for name, text in cost.metadata(GENERATE).items():
        text_chunks.add_text(name, text)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "png", pnginfo=text_chunks)
    write_bytes(folder.picture(planned.key), buffer.getvalue())


def _record(folder: RunFolder, unit: Unit, fit: Cost) -> None:
    """Write the unit's record; the costs of pictures of earlier starts are read from their files."""
    pictures = [picture_cost(folder.picture(picture.key)) for picture in unit.pictures]
    cost = UnitCost.of(fit, folder.fit(unit.key).stat().st_size, pictures)
    content = {
        "unit": unit.key,
        "method": unit.method.drop_in.name,
        "configuration": unit.method.configuration,
        "scene": unit.scene.name,
        "seed": unit.run_seed,
        "pictures": [picture.key for picture in unit.pictures],
        **cost.record(),
    }
    write_json(folder.unit_record(unit.key), content, SCHEMA)
