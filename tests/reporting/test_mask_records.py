"""What fits told of their masks, read back."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from bench.core.errors import UserError
from bench.reporting.mask_records import read_mask_records

HEAD = "step,concept,label,estimated,iou,iou_without_crf\n"


def data(folder: Path, text: bytes) -> Any:
    (folder / "fit_records").mkdir()
    (folder / "fit_records" / "u.csv").write_bytes(text)
    table = pd.DataFrame({"method": ["m"], "scene": ["s"], "seed": [0], "unit": ["u"]})
    return SimpleNamespace(run_folder=folder, table=table)


@pytest.mark.parametrize("text", ["", "step,iou\n1,2\n"])
def test_what_tells_of_no_mask_is_left_out(tmp_path: Path, text: str) -> None:
    assert read_mask_records(data(tmp_path, text.encode())).empty


@pytest.mark.parametrize(
    "text",
    [HEAD.encode() + b"0,0,cat,True,high,0.5\n", b"\xff\xfe\xff", HEAD.encode() + b"0" + b",1" * 30 + b"\n" + b'"\n'],
)
def test_a_damaged_one_is_named_with_what_to_do(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(UserError, match=r"u\.csv is damaged .*delete it: the page then leaves"):
        read_mask_records(data(tmp_path, text))
