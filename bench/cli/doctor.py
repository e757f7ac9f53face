"""`bench doctor`: what this machine has, what is missing and how to install it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from bench.core import defaults
from bench.core.checkpoints import BACKBONES
from bench.core.device import MEMORY
from bench.scoring.presets import YOLO_FOLDER

console = Console()
PACKAGES = ("torch", "torchvision", "diffusers", "transformers", "pycocotools", "pandas", "scipy", "statsmodels")


class HealthCheck(NamedTuple):
    """One line of the output; `advice` is empty if nothing is missing."""

    what: str
    found: str
    advice: str = ""


def add_to(app: typer.Typer) -> None:
    """Register the command on `app`."""
    app.command("doctor")(doctor)


def doctor() -> None:
    """Examine device, memory, versions and which weights are reachable, and say how to get what is missing."""
    columns = (Column(name, overflow="fold") for name in ("what", "found", "next step"))
    table = Table(*columns, title="bench doctor", title_justify="left")
    for finding in (*_machine(), *_versions(), *_weights()):
        table.add_row(*map(Text, finding), style="yellow" if finding.advice else None)
    console.print(table)


def _machine() -> Iterator[HealthCheck]:
    import torch  # noqa: PLC0415 - slow to import

    memory = psutil.virtual_memory()
    yield HealthCheck("system", f"{platform.platform()}, Python {platform.python_version()}")
    yield HealthCheck("processor", f"{os.cpu_count()} cores")
    yield HealthCheck("memory", f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free")
    free = psutil.disk_usage(str(Path.cwd())).free / 2**30
    yield HealthCheck(
        "disk here", f"{free:.0f} GiB free", "" if free > 10 else "Stable Diffusion needs 10 GiB and more"
    )
    yield HealthCheck("memory of fits", _needs())
    if not torch.cuda.is_available():
        yield HealthCheck("GPU", "no CUDA device", "Playroom needs none; for Stable Diffusion use a machine with a GPU")
    for index in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(index)
        yield HealthCheck(f"GPU cuda:{index}", f"{gpu.name}, {gpu.total_memory / 2**30:.0f} GiB")


def _needs() -> str:
    """What fits of Stable Diffusion 2.1 need of a GPU, in one line."""
    from bench.diffusion.training.memory import SD21, peak_memory  # noqa: PLC0415
    from bench.plugins.spec import configure  # noqa: PLC0415 - drop-ins are slow to import

    recipe = configure("methods", defaults.METHODS.split(",")[0]).instance.recipe()
    usual, low = (peak_memory(recipe, SD21, memory) / 2**30 for memory in MEMORY)
    return f"all weights of Stable Diffusion 2.1, 512 px: {usual:.0f} GiB of a GPU, with --memory low {low:.0f}"


def _versions() -> Iterator[HealthCheck]:
    for package in ("scenebench", *PACKAGES):
        try:
            yield HealthCheck(package, importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            yield HealthCheck(package, "not installed", f"pip install {package}")


def _weights() -> Iterator[HealthCheck]:
    from bench.diffusion.backbone.checkpoint import BackboneSpec  # noqa: PLC0415 - torch is slow to import
    from bench.scoring.models.sources import LPIPS_TRUNKS  # noqa: PLC0415
    from bench.scoring.presets import PRESETS as METRICS  # noqa: PLC0415

    for name in BACKBONES:
        place = BackboneSpec(name).hub_ids[0]
        yield _weight(f"backbone {name}", place, f"hf download {place}, then --backbone FOLDER")
    users: dict[str, dict[str, None]] = {}
    for preset in METRICS.values():
        for place in (*(source.place for source in preset.sources), preset.lpips.place or preset.lpips.net):
            users.setdefault(place, {})[preset.name] = None
    for place in sorted(users.keys() - LPIPS_TRUNKS.keys()):
        yield _weight(_evaluator(users[place]), place, f"hf download {place}")
    for net in LPIPS_TRUNKS:
        yield _trunk(net, users.get(net, {}))


def _evaluator(presets: Iterable[str]) -> str:
    """What needs a model: the presets, by name."""
    return f"evaluator of {', '.join(presets)}"


def _trunk(net: str, presets: Collection[str]) -> HealthCheck:
    from bench.scoring.models.lpips_networks import trunk_file  # noqa: PLC0415 - torch is slow to import

    path = trunk_file(net)
    what = f"LPIPS {net}" + (f" of {', '.join(presets)}" if presets else "")
    if path.is_file():
        return HealthCheck(what, f"{path.name}: in torch's cache")
    advice = f"torchvision downloads it at first use; without a network, bring it to {path.parent}"
    return HealthCheck(what, f"{path.name}: not in torch's cache", advice)


def _weight(what: str, place: str, advice: str) -> HealthCheck:
    shown = f"{Path(place).parent.name}/{Path(place).name}"
    if Path(place) == YOLO_FOLDER:
        return _converted(what, shown)
    if Path(place).is_dir():
        return HealthCheck(what, f"{shown}: in this package")
    if Path(place).is_absolute():
        return HealthCheck(what, f"{shown}: missing from this package", "install scenebench again")
    return _hub_weight(what, place, advice)


def _converted(what: str, shown: str) -> HealthCheck:
    if YOLO_FOLDER.is_dir():
        return HealthCheck(what, f"{shown}: converted by `bench convert-yolo`")
    return HealthCheck(
        what, f"{shown}: none converted yet", "bench convert-yolo FILE.pt --trust, for preset paper-yolo"
    )


def _hub_weight(what: str, place: str, advice: str) -> HealthCheck:
    from huggingface_hub import HfApi, try_to_load_from_cache  # noqa: PLC0415
    from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415

    if any(isinstance(try_to_load_from_cache(place, file), str) for file in ("config.json", "model_index.json")):
        return HealthCheck(what, f"{place}: in the local cache")
    try:
        HfApi().model_info(place, timeout=5)
    except HfHubHTTPError as error:
        return HealthCheck(what, f"{place}: refused by the hub ({type(error).__name__})", advice)
    except Exception as error:  # every version of the hub's client has transport errors of its own
        return HealthCheck(what, f"{place}: the hub is not reachable ({type(error).__name__})", advice)
    return HealthCheck(what, f"{place}: on the hub, downloaded at first use")
