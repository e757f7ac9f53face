"""The presets of other suites score by tiny models: their scale, their whole pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.core.scenes import Prompt, Scene
from bench.plugins.metric import PictureJob
from bench.scoring.comparison import FILL_BLACK, embedding
from bench.scoring.models.clip_embedder import ClipEmbedder
from bench.scoring.presets import PRESETS, Preset
from bench.scoring.scorer import Scorer

SUITES = ("custom-diffusion", "dreambench++")


@pytest.mark.parametrize("name", SUITES)
def test_the_table_has_scaled_similarities_and_whole_pictures(name: str, lenient: Preset, scene: Scene) -> None:
    tiny = {role: getattr(lenient, role) for role in ("clip", "identity", "segmenter", "lpips", "identity_view")}
    thresholds = {"score_threshold": 0.0, "mask_threshold": 0.0, "overlap_threshold": 0.0}
    alternatives = (FILL_BLACK, embedding("clip", lenient.clip))
    suite = replace(PRESETS[name], **tiny, **thresholds, alternatives=alternatives)
    drawn = np.random.default_rng(5).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    prompt = Prompt("a photo of {tokens} at the beach", (0, 1))
    rows = Scorer.load(suite, "cpu").score([PictureJob(scene, prompt, drawn)])

    text = scene.text_with_classes(prompt)
    clip = ClipEmbedder.load(lenient, torch.device("cpu"))
    cosine = float((clip.images([drawn]) * clip.texts([text])).sum())
    expected = suite.clip_scale * cosine if suite.clip_floor is None else max(0.0, suite.clip_scale * cosine)
    assert [row["prompt_similarity"] for row in rows] == pytest.approx([expected] * 2, abs=1e-5)
    assert abs(expected - cosine) > 1e-2
    detected = [row for row in rows if row["detected"]]
    assert detected
    for row in detected:
        assert row["identity_similarity"] == row["identity_whole_picture"]
        assert row["identity_similarity"] != row["identity[fill=black]"]
