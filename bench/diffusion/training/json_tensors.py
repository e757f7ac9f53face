"""Values that are no tensors, such as records, as tensors: what a begun fit keeps are tensors alone."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch
from torch import Tensor


def json_tensor(value: Any) -> Tensor:
    """A value as JSON, in a tensor uint8."""
    return torch.from_numpy(np.frombuffer(json.dumps(value).encode(), np.uint8).copy())


def from_json_tensor(tensor: Tensor) -> Any:
    """What `json_tensor` made a tensor of; lists for tuples, as JSON has them."""
    return json.loads(tensor.cpu().numpy().tobytes())
