"""That the harness of `nox -s perf` works on its smallest case and counts what it says; no timing is judged."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed._tools.mem_tracker import MemTracker
from torch.utils.flop_counter import FlopCounterMode

from bench.core.device import Hardware
from bench.diffusion.backbone.stable_diffusion import StableDiffusion

TERA = 1e12


@pytest.fixture(autouse=True)
def _beside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The harness is a script, which finds its modules beside itself."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == Path(__file__).parent:
            del sys.modules[name]


def test_a_step_of_a_fit_is_timed_beside_a_bare_one(backbone: StableDiffusion) -> None:
    import harness
    import networks
    import tables

    figure = harness.measure(networks.fit_case("handles", backbone), repeats=2)
    assert figure.repeats == 2
    assert figure.engine_ms > 0
    assert figure.bare_ms > 0
    assert figure.ratio_low <= figure.ratio <= figure.ratio_high
    lines = tables.markdown(harness.HEAD, [figure.row]).splitlines()
    assert [line.count(" | ") for line in lines] == [len(harness.HEAD) - 1] * 3
    assert lines[2].startswith("| fit: handles | a step | ")
    facts = tables.machine(torch.device("cpu"), "processor time")
    assert harness.as_record([figure], facts)["figures"][0]["case"] == "fit: handles"
    assert f"torch {torch.__version__.split('+')[0]}" in facts["versions"]


def test_the_median_of_ratios_counts_with_its_quartiles() -> None:
    from harness import Case, Pair, measure

    pairs = [Pair(2.0, 1.0), Pair(4.0, 1.0), Pair(3.0, 1.0), Pair(50.0, 10.0), Pair(6.0, 1.0)]
    figure = measure(Case("made up", "a piece", "nothing", lambda repeats: pairs, units=2), 5)
    assert (figure.ratio_low, figure.ratio, figure.ratio_high) == (3.0, 4.0, 5.0)
    assert (figure.engine_ms, figure.bare_ms) == (2000.0, 500.0)


def test_a_table_is_put_between_its_marks() -> None:
    from tables import replaced

    document = "a\n<!-- perf:cpu -->\nold\n<!-- /perf:cpu -->\nb <!-- perf:cuda --> <!-- /perf:cuda -->"
    assert replaced(document, "cpu", "new") == document.replace("old", "new")
    with pytest.raises(ValueError, match="no marks"):
        replaced(document, "cost", "new")


def test_the_document_has_a_place_for_every_table() -> None:
    from tables import DOCUMENT, replaced

    for section in ("cpu", "cuda", "cost"):
        assert "|" in replaced(DOCUMENT.read_text(encoding="utf-8"), section, "| new |")


def test_a_machine_without_cuda_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import run

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["run.py", "cuda"])
    with pytest.raises(SystemExit) as ended:
        run.main()
    assert str(ended.value).startswith("this machine has no CUDA device")
    assert "\n" not in str(ended.value)


def test_a_training_step_of_the_full_unet_has_5_teraflop() -> None:
    """4.94 at batch 2, counted independently; on the device `meta`, where nothing is computed."""
    import sd21

    with torch.device("meta"):
        unet = UNet2DConditionModel(**sd21.UNET)
        assert sum(one.numel() for one in unet.parameters()) == 865_910_724
        with FlopCounterMode(display=False) as counter:
            unet(torch.randn(2, 4, 64, 64), torch.ones(2), torch.randn(2, 77, 1024)).sample.sum().backward()
    assert counter.get_total_flops() / TERA == pytest.approx(4.94, abs=0.005)


def train(network: nn.Module, optimiser: torch.optim.Optimizer, x: torch.Tensor, mode: MemTracker | None) -> None:
    for _ in range(2):
        if mode is not None:
            mode.reset_mod_stats()
        network(x).square().mean().backward()
        optimiser.step()
        optimiser.zero_grad()


def test_live_memory_agrees_with_torchs_tracker() -> None:
    from live_memory import LiveMemory

    def made() -> tuple[nn.Module, torch.optim.Optimizer, torch.Tensor]:
        network = nn.Sequential(*(nn.Linear(256, 256) for _ in range(6)))
        return network, torch.optim.Adam(network.parameters(), fused=True), torch.randn(512, 256)

    with FakeTensorMode():
        network, optimiser, x = made()
        tracker = MemTracker()
        tracker.track_external(network, optimiser, x)
        with tracker:
            train(network, optimiser, x, tracker)
        network, optimiser, x = made()
        live = LiveMemory([*network.parameters(), x])
        with live:
            train(network, optimiser, x, None)
    wanted = tracker.get_tracker_snapshot("peak")[torch.device("cpu")]["Total"]
    assert live.peak["cpu"] == pytest.approx(wanted, rel=0.002)


SMALL_UNET = {"block_out_channels": (32, 64), "attention_head_dim": (2, 2), "cross_attention_dim": 64,
              "layers_per_block": 1, "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
              "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"), "sample_size": 16}  # fmt: skip
SMALL_TEXT = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
SMALL_VAE = {"block_out_channels": (32, 32), "down_block_types": ("DownEncoderBlock2D",) * 2,
             "up_block_types": ("UpDecoderBlock2D",) * 2, "layers_per_block": 1}  # fmt: skip


def test_low_memory_leaves_weights_and_activations(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default a trained number has its weight, its gradient and two moments when Adam makes its step: 16 bytes."""
    import cost
    import sd21

    monkeypatch.setattr(sd21, "UNET", {**sd21.UNET, **SMALL_UNET})
    monkeypatch.setattr(sd21, "TEXT", {**sd21.TEXT, **SMALL_TEXT})
    monkeypatch.setattr(sd21, "AUTOENCODER", {**sd21.AUTOENCODER, **SMALL_VAE})
    made: list[cost.FakeBackbone] = []

    def make() -> cost.FakeBackbone:
        made.append(sd21.build(Hardware(torch.device("cpu"), "fp32"), kind=cost.FakeBackbone))
        return made[-1]

    kind = cost.KINDS["everything"]
    default, low = (cost.cost_of_fit(make, kind, cost.SAVINGS[name]) for name in ("default", "low"))
    trained = sum(one.numel() for one in made[0].parameters().values())
    frozen = sum(one.numel() for one in made[0].vae.parameters())
    assert default.peak >= 16 * trained + 4 * frozen
    assert low.host == pytest.approx(8 * trained, rel=0.1)  # blocks of 512 bytes are rounded up
    assert default.peak - low.peak > 8 * trained
    assert low.flops > default.flops  # activations are computed twice
