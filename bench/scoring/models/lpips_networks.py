"""LPIPS networks: the package's `alex` and `vgg` on torchvision's trunks, and small ones with a trunk of their own."""

from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lpips import LPIPS
from lpips.lpips import NetLinLayer, ScalingLayer
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import silu

from bench.core.errors import UserError
from bench.core.hashing import content_hash
from bench.scoring.models.sources import LPIPS_TRUNKS, LpipsSource
from bench.scoring.models.weights import check_folder

WEIGHTS = "model.safetensors"
BROKEN = (OSError, EOFError, KeyError, TypeError, ValueError, RuntimeError, pickle.UnpicklingError, SafetensorError)


class Trunk(nn.Module):
    """Convolutions with SiLU, 5x5 first and 3x3 after, each at half the size of what it is given.

    Called with pictures [N, 3, H, W], it returns the features of every level, [N, width, H / 2**k, W / 2**k] from
    k = 1 on.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        shapes = list(zip((3, *widths[:-1]), widths, (5, *(3 for _ in widths[1:])), strict=True))
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, kernel, stride=2, padding=kernel // 2) for before, after, kernel in shapes
        )

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """The features of every level."""
        levels: list[Tensor] = []
        for convolution in self.convolutions:
            levels.append(silu(convolution(levels[-1] if levels else pictures)))
        return levels


class SmallLpips(LPIPS):  # type: ignore[misc]  # the package has no types
    """The package's LPIPS with its own `Trunk` and heads, one non-negative weight per channel (2018, section 3)."""

    def __init__(self, widths: Sequence[int]) -> None:
        nn.Module.__init__(self)  # the package's own builds one of its three trunks
        self.version, self.lpips, self.spatial = "0.1", True, False
        self.chns, self.L = list(widths), len(widths)
        self.scaling_layer = ScalingLayer()
        self.net = Trunk(widths)
        self.lins = nn.ModuleList(NetLinLayer(width) for width in widths)
        for weight in self.lins.parameters():
            nn.init.constant_(weight, 1 / len(widths))

    @property
    def config(self) -> dict[str, Any]:
        """The content of `config.json`."""
        return {"architectures": [type(self).__name__], "model_type": "lpips", "widths": self.chns}

    @torch.no_grad()
    def clamp_heads(self) -> None:
        """Set negative weights of the heads to 0, as the package's trainer does after each step."""
        for weight in self.lins.parameters():
            weight.clamp_(min=0)


def load_lpips(source: LpipsSource, device: torch.device) -> LPIPS:
    """The network, ready to evaluate; raises `UserError` where weights are missing or broken."""
    model = _load_package(source) if source.net in LPIPS_TRUNKS else load_small(Path(source.place or source.name))
    loaded: LPIPS = model.to(device).eval().requires_grad_(False)
    return loaded


def trunk_file(net: str) -> Path:
    """The path of torchvision's trunk of `alex` or `vgg` in torch's cache, downloaded or not."""
    return Path(torch.hub.get_dir()) / "checkpoints" / LPIPS_TRUNKS[net]


def load_small(folder: Path) -> SmallLpips:
    """The network of a folder, in float32; raises `UserError` where it is missing or broken."""
    try:
        config = json.loads((check_folder(folder) / "config.json").read_text(encoding="utf-8"))
        model = SmallLpips(config["widths"])
        weights = load_file(folder / WEIGHTS)
        model.load_state_dict({name: value.float() for name, value in weights.items()})
    except BROKEN as error:
        raise UserError(
            f"the LPIPS in {folder} cannot be loaded ({_line(error)}); "
            "train it again with `python -m bench.playroom.train lpips`"
        ) from error
    return model


def _load_package(source: LpipsSource) -> LPIPS:
    """The package's network: its heads (v0.1), torchvision's trunk."""
    try:
        trunk = _read_trunk(_own_trunk(source.net) if source.place is None else Path(source.place))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package asks torchvision in a deprecated way for an empty trunk
            model = LPIPS(net=source.net, pnet_rand=True, verbose=False)
        # the package's slice2.3.weight is torchvision's features.3.weight
        theirs = {name: f"features.{name.split('.', maxsplit=1)[1]}" for name in model.net.state_dict()}
        model.net.load_state_dict({name: trunk[their].float() for name, their in theirs.items()})
    except BROKEN as error:
        raise UserError(_not_had(source, error)) from error
    return model


def _read_trunk(path: Path) -> dict[str, Tensor]:
    """A state dict from safetensors or, without unpickling code, from PyTorch's own format."""
    if path.suffix == ".safetensors":
        return load_file(path)
    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights


def _own_trunk(net: str) -> Path:
    """torchvision's file, downloaded if it is not in torch's cache, checked against the hash in its name."""
    path = trunk_file(net)
    start = path.stem.rsplit("-", maxsplit=1)[-1]
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(_address(net), str(path), hash_prefix=start, progress=False)
    if not content_hash(path).startswith(start):
        raise ValueError(f"{path.name} does not have the content that the hash in its name says")
    return path


def _address(net: str) -> str:
    """The URL of torchvision's weights."""
    from torchvision.models import AlexNet_Weights, VGG16_Weights  # noqa: PLC0415 - slow to import

    weights = AlexNet_Weights if net == "alex" else VGG16_Weights
    url: str = weights.IMAGENET1K_V1.url
    return url


def _not_had(source: LpipsSource, error: Exception) -> str:
    if source.place is not None:
        return (
            f"the trunk of LPIPS {source.net} is not available from {source.place} ({_line(error)}); give a state dict "
            "in torchvision's layout (features.0.weight and so on), safetensors or PyTorch's format"
        )
    path = trunk_file(source.net)
    return (
        f"the trunk of LPIPS {source.net} is neither whole in {path.parent} nor available ({_line(error)}); where "
        f"there is a network, download {_address(source.net)} and bring it there, or take another metric preset, such "
        "as playroom"
    )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:140] or type(error).__name__
