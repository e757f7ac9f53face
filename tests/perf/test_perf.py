"""That the harness of `nox -s perf` works on its smallest case and counts what it says; no timing is judged."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed._tools.mem_tracker import MemTracker
from torch.utils.flop_counter import FlopCounterMode

from bench.core.device import Memory
from bench.diffusion.backbone.stable_diffusion import StableDiffusion
from bench.diffusion.training.optimiser import HostMomentsAdam, make_optimiser, stepping_in_backward
from bench.diffusion.training.recipe import PAPER_ADAM
from bench.plugins.spec import configure

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

    for section in ("cpu", "cuda", "cost", "forward-cpu", "forward-cuda", "gallery"):
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
    """4.82 at batch 2, and 4.94 with an attention that computes its products again in the backward pass.

    On the device `meta`, where nothing is computed and attention is the plain one.
    """
    import sd21

    with torch.device("meta"):
        unet = UNet2DConditionModel(**sd21.UNET)
        assert sum(one.numel() for one in unet.parameters()) == 865_910_724
        with FlopCounterMode(display=False) as counter:
            unet(torch.randn(2, 4, 64, 64), torch.ones(2), torch.randn(2, 77, 1024)).sample.sum().backward()
    assert counter.get_total_flops() / TERA == pytest.approx(4.817, abs=0.005)


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


def peaks(memory: Memory) -> tuple[float, float]:
    """Bytes of device and host, per weight, in two steps of eight equal layers with few activations."""
    import cost
    from live_memory import LiveMemory

    with FakeTensorMode():
        network = nn.Sequential(*(nn.Linear(512, 512, bias=False) for _ in range(8)))
        parameters = list(network.parameters())
        optimiser = make_optimiser(parameters, PAPER_ADAM, 1e-3, memory)
        each: AbstractContextManager[None] = nullcontext()
        live = LiveMemory(parameters)
        for _ in range(2):
            if isinstance(optimiser, HostMomentsAdam):
                optimiser.host = torch.device(cost.HOST)
                each = stepping_in_backward(parameters, optimiser.step_one)
            with live:
                with each:
                    network(torch.ones(4, 512)).sum().backward()
                optimiser.step()
                optimiser.zero_grad()
    count = sum(one.numel() for one in parameters)
    return live.peak["cpu"] / count, live.peak[cost.HOST] / count


def test_low_memory_leaves_weights_and_what_one_of_them_needs() -> None:
    """By default a weight has its gradient and two moments beside it: 16 bytes.

    Else these are there for one layer of eight at a time: 4 + 12 / 8 bytes, and 8 on the host.
    """
    assert peaks("default") == pytest.approx((16.0, 0.0), rel=0.03)
    assert peaks("low") == pytest.approx((4 + 12 / 8, 8.0), rel=0.1)


def test_a_step_of_a_fit_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """On networks of few channels, with all that a fit can have and all that saves memory."""
    import cost
    import sd21

    monkeypatch.setitem(sd21.UNET, "block_out_channels", (32, 32, 64, 64))
    monkeypatch.setitem(sd21.UNET, "cross_attention_dim", 32)
    monkeypatch.setitem(sd21.AUTOENCODER, "block_out_channels", (32, 32, 32, 32))
    for name, value in (
        ("hidden_size", 32),
        ("intermediate_size", 64),
        ("num_hidden_layers", 2),
        ("num_attention_heads", 2),
    ):
        monkeypatch.setitem(sd21.TEXT, name, value)
    monkeypatch.setitem(sd21.UNET, "attention_head_dim", (1, 1, 2, 2))
    found = cost.cost_of_fit(cost.full_size, cost.KINDS["everything, recorder, prior, clipped"], cost.SAVINGS["low"])
    assert found.flops > 1e9
    assert found.traffic > found.peak > 0
    assert found.host > 0


def test_every_planned_cost_has_its_fit() -> None:
    import cost

    for name, saving in cost.PLAN:
        recipe = configure("methods", cost.KINDS[name].method).instance.recipe()
        assert recipe.phases[cost.KINDS[name].phase].steps
        assert saving in cost.SAVINGS
    row = cost.cells("a case", "low", cost.Cost(2e12, 4e9, 3 * 2**30, 2**29))
    assert row == ("a case", "low", "2.00", "4", "500", "3.0", "0.5")
    assert len(row) == len(cost.HEAD)
