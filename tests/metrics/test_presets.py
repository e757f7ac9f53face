import json
import shutil
from dataclasses import fields, replace
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.metrics import METRICS
from bench.metrics.catalogue import metric
from bench.metrics.presets import PRESETS, ModelSource, Preset, find_preset, fingerprint
from bench.metrics.weights import content
from bench.table import COLUMNS


def test_the_papers_models_are_pinned() -> None:
    paper = find_preset("paper")
    assert paper.clip.place == "openai/clip-vit-large-patch14"
    assert paper.identity.place == "facebook/dino-vitb16"
    assert paper.segmenter.place == "facebook/maskformer-swin-large-coco"
    assert paper.identity_view is not None
    assert (paper.identity_view.resize, paper.identity_view.crop) == (256, 224)
    assert find_preset("paper-hf") == replace(
        paper, name="paper-hf", summary=find_preset("paper-hf").summary, identity_view=None
    )


def test_an_unknown_preset_names_the_known_and_the_closest() -> None:
    with pytest.raises(UserError, match=r"'papre'; did you mean paper\? Known: paper, paper-hf, paper-vgg"):
        find_preset("papre")


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_every_setting_is_described_in_json_without_a_path_of_this_machine(preset: Preset) -> None:
    described = json.dumps(preset.describe())
    assert {field.name for field in fields(Preset)} - {"name", "summary"} <= set(preset.describe())
    assert str(Path.cwd()) not in described
    assert str(Path(__file__).parents[2]) not in described


@pytest.mark.parametrize(
    "change",
    [
        {"mask_fill": (128, 128, 128)},
        {"score_threshold": 0.8},
        {"identity_view": None},
        {"overlap_threshold": 0.5},
    ],
)
def test_a_changed_setting_changes_the_fingerprint(preset: Preset, change: dict) -> None:
    assert fingerprint(replace(preset, **change)) != fingerprint(preset)


def test_the_fingerprint_follows_the_content_and_not_the_place(preset: Preset, tmp_path: Path) -> None:
    before = fingerprint(preset)
    assert before.startswith("tiny-")
    moved = ModelSource(str(tmp_path / preset.identity.name))
    shutil.copytree(preset.identity.place, moved.place)
    elsewhere = replace(preset, identity=moved)
    assert content(moved) == content(preset.identity)
    assert fingerprint(elsewhere) == before

    changed = ModelSource(str(tmp_path / "changed" / preset.identity.name))
    shutil.copytree(preset.identity.place, changed.place)
    weights = Path(changed.place) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    assert content(changed) != content(preset.identity)


def test_a_pinned_hub_commit_is_its_content_without_asking_the_hub() -> None:
    source = ModelSource("owner/model", "0123456789" * 4)
    assert content(source) == f"owner/model@{'0123456789' * 4}"


def test_a_hub_model_out_of_reach_is_one_line_with_the_id_and_the_next_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*arguments: object, **options: object) -> str:
        raise OSError("no\nnetwork")

    monkeypatch.setattr("bench.metrics.weights.hf_hub_download", refuse)
    with pytest.raises(UserError, match=r"owner/absent.*no network.*hf download owner/absent") as raised:
        content(ModelSource("owner/absent", "main"))
    assert "\n" not in str(raised.value)


def test_a_folder_without_a_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no model in"):
        content(ModelSource(str(tmp_path)))


def test_metric_records() -> None:
    assert [record.name for record in METRICS] == [
        "prompt-similarity",
        "identity-similarity",
        "detection-rate",
        "lpips-diversity",
    ]
    for record in METRICS:
        assert record.column in COLUMNS
        assert record.limits[0] < record.limits[1]
        assert record.higher_is_better
        assert "\n" not in record.description
        assert record.source
    assert metric("detection-rate").limits == (0.0, 1.0)
    with pytest.raises(UserError, match="known: prompt-similarity"):
        metric("fid")
