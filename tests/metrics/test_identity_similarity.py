from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import ViTModel

from bench.metrics.identity_similarity import IdentityFeatures, masked, resize_crop_view
from bench.metrics.presets import IMAGENET_MEAN, IMAGENET_STD, Preset, find_preset

CPU = torch.device("cpu")


def picture(seed: int, height: int = 40, width: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def official_view(source: np.ndarray, resize: int, crop: int) -> np.ndarray:
    """DINO's evaluation: shorter side to `resize` (PIL, bicubic), central `crop`, normalisation."""
    image = Image.fromarray(source)
    scale = resize / min(image.size)
    image = image.resize((int(image.width * scale), int(image.height * scale)), Image.Resampling.BICUBIC)
    left, top = round((image.width - crop) / 2), round((image.height - crop) / 2)
    pixels = np.asarray(image.crop((left, top, left + crop, top + crop))) / 255
    return ((pixels - IMAGENET_MEAN) / IMAGENET_STD).transpose(2, 0, 1)


@pytest.mark.parametrize("size", [(512, 512), (64, 64), (300, 400)])
def test_the_papers_view_is_the_official_one(size: tuple[int, int]) -> None:
    view = find_preset("paper").identity_view
    assert view is not None
    source = picture(0, *size)
    (found,) = resize_crop_view(view)([source])
    assert found.shape == (3, 224, 224)
    assert found.numpy() == pytest.approx(official_view(source, 256, 224), abs=1e-5)


def test_features_are_the_normalised_cls_tokens(preset: Preset) -> None:
    pictures = [picture(1), picture(2)]
    model = ViTModel.from_pretrained(preset.identity.place, add_pooling_layer=False).eval()
    pixels = torch.tensor(np.stack([official_view(each, 56, 48) for each in pictures]), dtype=torch.float32)
    with torch.no_grad():
        tokens = model(pixel_values=pixels).last_hidden_state[:, 0]
    first, second = IdentityFeatures.load(preset, CPU).features(pictures)
    expected = torch.cosine_similarity(tokens[0], tokens[1], dim=0)
    assert float(first @ second) == pytest.approx(float(expected), abs=1e-5)
    assert float(first @ first) == pytest.approx(1, abs=1e-6)


def test_the_processors_view_squashes_and_does_not_crop(preset: Preset) -> None:
    own = IdentityFeatures.load(replace(preset, identity_view=None), CPU)
    official = IdentityFeatures.load(preset, CPU)
    framed = picture(3)
    bare = framed.copy()
    bare[:2] = 0  # 2 of 40 rows: the central 48 of 56 pixels never see them
    assert float(own.features([framed])[0] @ own.features([bare])[0]) < 1 - 1e-5
    same = official.features([framed])[0] @ official.features([bare])[0]
    assert float(same) == pytest.approx(1, abs=1e-3)
    assert float(same) > float(own.features([framed])[0] @ own.features([bare])[0])


def test_masked_is_black_outside_and_untouched_inside() -> None:
    source = picture(4) // 2 + 100
    mask = np.zeros((40, 40), bool)
    mask[10:20, 5:30] = True
    alone = masked(source, mask)
    assert alone.dtype == np.uint8
    assert np.array_equal(alone[mask], source[mask])
    assert not alone[~mask].any()
    assert (masked(source, mask, (1, 2, 3))[~mask] == (1, 2, 3)).all()
