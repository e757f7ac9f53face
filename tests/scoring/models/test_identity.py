from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPVisionConfig,
    Dinov2Config,
    Dinov2Model,
    PreTrainedModel,
    ViTImageProcessor,
    ViTModel,
)

from bench.core.errors import UserError
from bench.scoring.comparison import Embedding, Kind
from bench.scoring.models.identity import IdentityFeatures, processor_view, resize_crop_view
from bench.scoring.models.sources import ModelSource
from bench.scoring.presets import IMAGENET_MEAN, IMAGENET_STD, Preset, find_preset

CPU = torch.device("cpu")
SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}


def load(preset: Preset) -> IdentityFeatures:
    return IdentityFeatures.load(preset.comparison.view.embedding, CPU)


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
    first, second = load(preset).features(pictures)
    expected = torch.cosine_similarity(tokens[0], tokens[1], dim=0)
    assert float(first @ second) == pytest.approx(float(expected), abs=1e-5)
    assert float(first @ first) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("role", ["identity", "clip"])
@pytest.mark.parametrize("side", [1, 2, 3, 4])
def test_the_processors_view_of_a_tiny_box_is_that_of_the_same_box_enlarged(
    preset: Preset, role: str, side: int
) -> None:
    """One colour, so that every size of it looks alike."""
    view = processor_view(getattr(preset, role))
    tiny, large = (np.full((length, length, 3), (200, 100, 30), np.uint8) for length in (side, 40))
    torch.testing.assert_close(view([tiny]), view([large]))


def test_the_processors_view_squashes_and_does_not_crop(preset: Preset) -> None:
    own = load(replace(preset, identity_view=None))
    official = load(preset)
    framed = picture(3)
    bare = framed.copy()
    bare[:2] = 0  # 2 of 40 rows: the central 48 of 56 pixels never see them
    assert float(own.features([framed])[0] @ own.features([bare])[0]) < 1 - 1e-5
    same = official.features([framed])[0] @ official.features([bare])[0]
    assert float(same) == pytest.approx(1, abs=1e-3)
    assert float(same) > float(own.features([framed])[0] @ own.features([bare])[0])


def save(model: PreTrainedModel, folder: Path) -> ModelSource:
    """The model with a processor that only scales, so that its input is known."""
    model.save_pretrained(folder)
    ViTImageProcessor(size={"height": 28, "width": 28}, do_normalize=False).save_pretrained(folder)
    return ModelSource(str(folder))


def scaled(pictures: Sequence[np.ndarray]) -> torch.Tensor:
    return torch.tensor(np.stack(pictures).transpose(0, 3, 1, 2) / 255, dtype=torch.float32)


def test_dinov2_is_the_cls_token_of_its_own_architecture(tmp_path: Path) -> None:
    torch.manual_seed(3)
    model = Dinov2Model(Dinov2Config(**SIZES, image_size=28, patch_size=14)).eval()
    source = save(model, tmp_path / "dinov2")
    pictures = [picture(seed, 28, 28) for seed in range(3)]
    found = IdentityFeatures.load(Embedding(source, "dinov2"), CPU).features(pictures)
    with torch.no_grad():
        output = model(pixel_values=scaled(pictures))
    assert torch.equal(output.pooler_output, output.last_hidden_state[:, 0])
    torch.testing.assert_close(found, torch.nn.functional.normalize(output.pooler_output, dim=-1), atol=1e-5, rtol=0)


def test_clip_is_the_projected_image_embedding_of_the_whole_model(tmp_path: Path) -> None:
    """Loaded is the image half alone, of a folder that holds both."""
    torch.manual_seed(4)
    vision = CLIPVisionConfig(**SIZES, image_size=28, patch_size=14, projection_dim=16)
    text = CLIPTextConfig(**SIZES, vocab_size=99, projection_dim=16)
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)).eval()
    source = save(model, tmp_path / "clip")
    pictures = [picture(seed, 28, 28) for seed in range(3)]
    found = IdentityFeatures.load(Embedding(source, "clip"), CPU).features(pictures)
    with torch.no_grad():
        expected = model.get_image_features(pixel_values=scaled(pictures)).pooler_output
    torch.testing.assert_close(found, torch.nn.functional.normalize(expected, dim=-1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["dinov2", "clip"])
def test_a_checkpoint_of_another_architecture_is_a_user_error(preset: Preset, kind: Kind) -> None:
    with pytest.raises(UserError, match=r"it lacks .* weights|cannot be loaded"):
        IdentityFeatures.load(Embedding(preset.identity, kind), CPU)


def test_pictures_alike_are_one_and_similarity_is_symmetric_and_bounded(preset: Preset) -> None:
    features = load(preset).features([picture(seed) for seed in (5, 6, 7)])
    cosines = features @ features.T
    assert cosines.diag().tolist() == pytest.approx([1, 1, 1], abs=1e-6)
    torch.testing.assert_close(cosines, cosines.T, rtol=0, atol=1e-6)
    assert cosines.abs().max() <= 1 + 1e-6
