"""Devices and precisions as the command line names them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
import torch

from bench.core.device import Hardware, full_fp32, resolve, resolve_precision
from bench.core.errors import UserError


def test_a_cpu_computes_in_fp32_unless_told_otherwise() -> None:
    assert resolve("cpu", "auto") == Hardware(torch.device("cpu"), "fp32")
    assert resolve("cpu", "bf16").precision == "bf16"


@pytest.mark.parametrize(
    ("device", "precision", "says"),
    [
        ("tpu9", "auto", "--device tpu9 is not known"),
        ("cuda:99", "auto", "CUDA devices"),
        ("cpu", "fp8", "--precision fp8 is not known"),
        ("cpu", "fp16", "fp16 needs a CUDA device"),
    ],
)
def test_what_is_not_there_is_one_line(device: str, precision: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        resolve(device, precision)
    assert "\n" not in str(caught.value)


def test_autocast_computes_in_the_precision_over_float32_weights() -> None:
    layer = torch.nn.Linear(2, 2)
    for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        with Hardware(torch.device("cpu"), precision).autocast():
            assert layer(torch.zeros(1, 2)).dtype == dtype
    assert layer.weight.dtype == torch.float32


@pytest.mark.parametrize(("in_hardware", "precision"), [(True, "bf16"), (False, "fp16")])
def test_auto_is_bf16_where_that_very_gpu_has_it_in_hardware(
    in_hardware: bool, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    current = [torch.device("cuda:0")]

    @contextlib.contextmanager
    def device(one: torch.device) -> Iterator[None]:
        current.append(one)
        yield
        current.pop()

    def supported(including_emulation: bool = True) -> bool:
        return including_emulation or (in_hardware and current[-1].index == 1)

    monkeypatch.setattr(torch.cuda, "device", device)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert resolve_precision(torch.device("cuda:1"), "auto") == precision
    assert resolve_precision(torch.device("cuda:0"), "auto") == "fp16"


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.float16), ("fp16", torch.float16)]
)
def test_pictures_are_drawn_in_fp16_where_fits_are_in_bf16(precision: str, dtype: torch.dtype) -> None:
    layer = torch.nn.Linear(2, 2)
    with Hardware(torch.device("cpu"), precision).drawing():
        assert layer(torch.zeros(1, 2)).dtype == dtype


@pytest.fixture
def tf32_switches() -> Iterator[None]:
    """Put the process's switches back: those of matrix products are no plain attribute, which monkeypatch needs."""
    before = tf32()
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def tf32() -> tuple[bool, bool]:
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


@pytest.mark.usefixtures("tf32_switches")
@pytest.mark.parametrize("allowed", [True, False])
def test_fp32_is_without_tf32_and_leaves_the_switches_as_they_were(allowed: bool) -> None:
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
    with Hardware(torch.device("cpu"), "fp32").computing():
        assert tf32() == (False, False)
    assert tf32() == (allowed, allowed)
    with Hardware(torch.device("cpu"), "bf16").computing():
        assert tf32() == (allowed, allowed)
    with pytest.raises(ZeroDivisionError), full_fp32():
        _ = 1 / 0
    assert tf32() == (allowed, allowed)
