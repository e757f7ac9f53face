"""Limits of a backbone, read from its files."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest

from bench.core.checkpoints import CHECKPOINTS
from bench.core.errors import UserError
from bench.diffusion.backbone.limits import read_limits
from bench.plugins.backbone_settings import read_settings

PIPELINE = CHECKPOINTS / "pipeline"


def test_playroom_has_the_limits_of_its_configuration() -> None:
    limits = read_limits(PIPELINE, read_settings(PIPELINE))
    text = json.loads((PIPELINE / "text_encoder" / "config.json").read_bytes())
    assert limits.text_length == text["max_position_embeddings"]
    assert limits.count_tokens("a ball") == 2


def test_a_tokenizer_whose_maximum_is_no_number_is_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(PIPELINE, tmp_path / "pipeline", ignore=shutil.ignore_patterns("*.safetensors")))
    file = folder / "tokenizer" / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_bytes()), "model_max_length": [40]}))
    with pytest.raises(UserError, match="cannot be read as CLIP's tokenizer"):
        read_limits(folder, read_settings(folder))


def test_a_tokenizer_with_a_wrong_maximum_of_its_own_counts_silently(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Path(shutil.copytree(PIPELINE, tmp_path / "pipeline", ignore=shutil.ignore_patterns("*.safetensors")))
    file = folder / "tokenizer" / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_bytes()), "model_max_length": -1}))
    library = logging.getLogger("transformers")  # which hands nothing on to the root
    library.addHandler(caplog.handler)
    assert read_limits(folder, read_settings(folder)).count_tokens("a ball") == 2
    library.removeHandler(caplog.handler)
    assert not caplog.records
