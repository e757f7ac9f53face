"""Fits and draws the missing parts of a plan, unit by unit; existing files are kept."""

from __future__ import annotations

import contextlib
import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PIL import Image, PngImagePlugin

from bench.core.errors import is_disk_full
from bench.core.files import write_bytes, write_json
from bench.core.leftovers import temporary_name
from bench.core.progress import console
from bench.core.scenes import ImageArray
from bench.plugins.method import Request
from bench.run.archive import archived_units
from bench.run.attention import has_maps, recorded_steps, write_maps
from bench.run.contracts import checked_pictures, drawn_pictures
from bench.run.cost import GENERATE, Cost, UnitCost, picture_cost
from bench.run.draw_jobs import draw_work
from bench.run.failures import failure_file, keep_failure
from bench.run.fitting import ExecutionContext, Fitter, method_context
from bench.run.folder import SCHEMA, RunFolder
from bench.run.forecast import WorkProgress
from bench.run.names import label
from bench.run.plan import PlannedPicture, Unit
from bench.run.worker_progress import ALONE, OwnProgress, worker_bars

if TYPE_CHECKING:
    import torch

    from bench.diffusion.sampling.attention_watch import AttentionWatch


def missing_pictures(folder: RunFolder, unit: Unit) -> tuple[PlannedPicture, ...]:
    """The unit's pictures that are not yet drawn."""
    return tuple(picture for picture in unit.pictures if not folder.picture(picture.key).is_file())


def is_drawn(folder: RunFolder, unit: Unit) -> bool:
    """Whether the unit has its record and every picture."""
    return folder.unit_record(unit.key).is_file() and not missing_pictures(folder, unit)


def is_done(folder: RunFolder, unit: Unit) -> bool:
    """Whether nothing is left to draw of the unit: it is drawn, or archived."""
    return unit.key in archived_units(folder) or is_drawn(folder, unit)


def execute(context: ExecutionContext, units: Sequence[Unit], plan: Sequence[Unit]) -> int:
    """Fit and draw some units of the plan; returns how many failed.

    A unit whose method raises, whatever it is, leaves its traceback in `failed/` and does not stop the others; a full
    disk stops all.
    """
    failed = 0
    fitted = {unit.key for unit in units if context.folder.fit(unit.key).is_file()}
    work_left = draw_work(context.folder, units, plan, context.factors, fitted)
    with worker_bars("units", work_left, context.on_change) as bars:
        progress = OwnProgress(bars)
        fitter = Fitter(context, units, plan, progress)
        for unit in units:
            bars.begin(ALONE, unit.key, context.title(unit))
            if (why := attempt(context, fitter, unit, progress)) is not None:
                failed += 1
                say_failed(context.folder, unit, context.names, why)
            else:
                context.on_done(unit)
            bars.end(ALONE, unit.key)
    return failed


def attempt(context: ExecutionContext, fitter: Fitter, unit: Unit, progress: WorkProgress) -> str | None:
    """Fit and draw what is missing of a unit; why that failed, if it did, in one line, with the traceback in `failed/`.

    Raises what a full disk raises: it is not the method's failure, and the same command goes on when there is space.
    """
    try:
        _work_unit(context, fitter, unit, progress)
    except Exception as error:
        if is_disk_full(error):
            raise
        return keep_failure(context.folder, unit, error)
    return None


def say_failed(folder: RunFolder, unit: Unit, names: Mapping[str, str], why: str) -> None:
    """Print that a unit failed, in one line; `names` are display names of methods by spec."""
    title = f"{label(names, unit.method.spec)} on {unit.scene.name}"
    told = f"{title} failed: {why} (traceback: {failure_file(folder, unit)})"
    console.print(told, soft_wrap=True, markup=False)


def _work_unit(context: ExecutionContext, fitter: Fitter, unit: Unit, progress: WorkProgress) -> None:
    title = context.title(unit)
    missing = [picture.key for picture in missing_pictures(context.folder, unit)]
    state, cost = fitter.fit(unit)
    size = context.folder.fit(unit.key).stat().st_size
    with _watched(context, unit) as watch:
        wanted = unit.pictures if watch else _batches_with(missing, unit, context.batch_size)
        for batch in _draw(context, unit, state, wanted):
            new = [one for one in batch if one[0].key in missing]
            for planned, picture, share in new:
                progress.say(f"{title} · picture {missing.index(planned.key) + 1}/{len(missing)}")
                _save_picture(context.folder, planned, picture, share)
            progress.work(unit.key, "draw", len(new))  # at once, as they are drawn: their time is that of all
    if watch:
        write_maps(context.folder, unit, watch)
    with _fit_let_go(context, unit):
        if not is_drawn(context.folder, unit):  # else it was drawn again for its attention maps: what it cost is known
            _record(context.folder, unit, cost, size)
    context.folder.begun(unit.key).unlink(missing_ok=True)
    failure_file(context.folder, unit).unlink(missing_ok=True)


@contextlib.contextmanager
def _fit_let_go(context: ExecutionContext, unit: Unit) -> Iterator[None]:
    """Remove a unit's fit, unless it is to be kept, around the block that records the unit as done.

    A command that is killed in the block leaves a temporary file, which the next start removes: none looks for the
    fits of units that are done.
    """
    if context.keep_weights:
        yield
        return
    fit = context.folder.fit(unit.key)
    aside = fit.rename(temporary_name(fit))
    try:
        yield
    except BaseException:
        aside.rename(fit)
        raise
    aside.unlink()


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


def _say_nothing(_done: int, _total: int) -> None:
    """Ignore steps: drawing reports progress per picture."""


def _draw(
    context: ExecutionContext, unit: Unit, state: Mapping[str, torch.Tensor], wanted: Sequence[PlannedPicture]
) -> Iterator[list[tuple[PlannedPicture, ImageArray, Cost]]]:
    """Yield the pictures of each batch as soon as it is drawn, each with its share of the batch's cost."""
    context.backbone.restore()
    requests: list[Request] = [picture.request for picture in wanted]
    method = unit.method
    given = method.instance.generate(
        state, unit.scene.for_methods, requests, method_context(context, unit, _say_nothing)
    )
    drawn = drawn_pictures(method, given)
    for start in range(0, len(wanted), context.batch_size):
        batch = wanted[start : start + context.batch_size]
        last = start + len(batch) == len(wanted)
        # one more than expected is requested: the method then ends normally, or shows that it yields too many
        found, cost = context.meter.measure(partial(list[object], itertools.islice(drawn, len(batch) + last)))
        pictures = checked_pictures(method, found, len(batch), context.backbone.resolution)
        share = cost.share(len(batch))
        yield [(planned, picture, share) for planned, picture in zip(batch, pictures, strict=True)]


def _save_picture(folder: RunFolder, planned: PlannedPicture, picture: ImageArray, cost: Cost) -> None:
    """Write a PNG with its cost as metadata; the result is its pixels alone."""
    text_chunks = PngImagePlugin.PngInfo()
    for name, text in cost.metadata(GENERATE).items():
        text_chunks.add_text(name, text)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "png", pnginfo=text_chunks)
    write_bytes(folder.picture(planned.key), buffer.getvalue())


def _record(folder: RunFolder, unit: Unit, fit: Cost, size: int) -> None:
    """Write the unit's record, whose fit has `size` bytes; the costs of pictures are read from their files."""
    pictures = [picture_cost(folder.picture(picture.key)) for picture in unit.pictures]
    cost = UnitCost.of(fit, size, pictures)
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
