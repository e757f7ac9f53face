import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import ViTModel

from bench.core.errors import UserError
from bench.scoring.models.model_loading import load_model, load_processor
from bench.scoring.models.sources import ModelSource

CPU = torch.device("cpu")


@pytest.fixture
def vit(models: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(models / "vit", tmp_path / "vit"))


def load(folder: Path) -> ViTModel:
    return load_model(ViTModel, ModelSource(str(folder)), CPU, add_pooling_layer=False)


def test_half_precision_weights_are_computed_with_in_single(vit: Path) -> None:
    weights = load_file(vit / "model.safetensors")
    save_file({name: value.half() for name, value in weights.items()}, vit / "model.safetensors", {"format": "pt"})
    model = load(vit)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_a_pickle_is_never_loaded(vit: Path) -> None:
    torch.save(load_file(vit / "model.safetensors"), vit / "pytorch_model.bin")
    (vit / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"cannot be loaded .*safetensors"):
        load(vit)


def test_missing_weights_are_an_error_and_never_random_numbers(vit: Path) -> None:
    weights = load_file(vit / "model.safetensors")
    save_file(
        {name: value for name, value in weights.items() if "layernorm.weight" not in name},
        vit / "model.safetensors",
        {"format": "pt"},
    )
    with pytest.raises(UserError, match=r"not a whole ViTModel: it lacks \d+ weights?,"):
        load(vit)


def test_a_damaged_file_is_one_line(vit: Path) -> None:
    (vit / "model.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(UserError, match="cannot be loaded") as raised:
        load(vit)
    assert "\n" not in str(raised.value)


def test_a_missing_folder_says_how_to_get_the_model(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no model in .*python -m bench\.playroom\.train"):
        load(tmp_path / "clip")


def test_an_unreachable_hub_model_names_id_and_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError("We couldn't connect")

    monkeypatch.setattr(ViTModel, "from_pretrained", refuse)
    with pytest.raises(UserError, match=r"facebook/dino-vitb16 \(revision main\).*hf download facebook/dino-vitb16"):
        load_model(ViTModel, ModelSource("facebook/dino-vitb16", "main"), CPU)


def test_a_missing_processor_is_an_error(vit: Path) -> None:
    (vit / "preprocessor_config.json").unlink()
    with pytest.raises(UserError, match="cannot be loaded"):
        load_processor(ModelSource(str(vit)))
