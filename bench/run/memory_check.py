"""Says what the fits of a start need of a GPU's memory and what it has, before anything is loaded."""

from __future__ import annotations

from collections.abc import Sequence

from bench.core.device import Hardware
from bench.core.errors import UserError
from bench.diffusion.backbone.checkpoint import locate_configuration
from bench.diffusion.training.memory import peak_memory, read_size
from bench.diffusion.training.recipe_method import RecipeMethod
from bench.run.plan import Unit
from bench.run.session import Session

GIB = 2**30


def check_memory(session: Session, hardware: Hardware, units: Sequence[Unit]) -> str | None:
    """One line on the methods of these units; None where no GPU or no method that is a recipe is in use.

    Raises `UserError` if a method needs more than the GPU has.
    """
    methods = {unit.method.spec: unit.method.instance for unit in units}
    recipes = {spec: method.recipe() for spec, method in methods.items() if isinstance(method, RecipeMethod)}
    if hardware.device.type != "cuda" or not recipes:
        return None
    size = read_size(locate_configuration(session.backbone_spec), session.backbone_settings.resolution)
    rows = {spec: max(len(unit.cohort) for unit in units if unit.method.spec == spec) or 1 for spec in recipes}
    needs = {spec: peak_memory(recipe, size, hardware.memory, rows[spec]) for spec, recipe in recipes.items()}
    low = {spec: peak_memory(recipe, size, "low", rows[spec]) for spec, recipe in recipes.items()}
    return memory_line(needs, low, _capacity(hardware))


def memory_line(needs: dict[str, int], low: dict[str, int], capacity: int) -> str:
    """What each method needs in bytes beside what the GPU has; `low` is what it needs with `--memory low`.

    Raises `UserError` if one does not fit.
    """
    told = ", ".join(f"{spec} {need / GIB:.0f} GiB" for spec, need in needs.items())
    line = f"memory of fits (predicted): {told}; the GPU has {capacity / GIB:.0f} GiB"
    over = [spec for spec, need in needs.items() if need > capacity]
    if not over:
        return line
    if all(low[spec] <= capacity for spec in over):
        most = max(low[spec] for spec in over)
        raise UserError(f"{line}: {', '.join(over)} cannot fit; --memory low needs {most / GIB:.0f} GiB")
    raise UserError(f"{line}: {', '.join(over)} cannot fit, nor with --memory low; take a larger GPU or --device cpu")


def _capacity(hardware: Hardware) -> int:
    import torch  # noqa: PLC0415 - slow to import

    return int(torch.cuda.get_device_properties(hardware.device).total_memory)
