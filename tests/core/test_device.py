"""Devices and precisions as the command line names them."""

from __future__ import annotations

import pytest
import torch

from bench.core.device import Hardware, resolve
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
