import json
import math
import shutil
from dataclasses import fields, replace
from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.core.table import COLUMNS, alternative_columns
from bench.metrics import METRICS
from bench.scoring.catalogue import metric, metrics_of
from bench.scoring.comparison import INSTANCES_BEST, FeatureComparison, embedding
from bench.scoring.models.clip_similarity import BACKENDS
from bench.scoring.models.sources import ModelSource
from bench.scoring.models.weights import content
from bench.scoring.presets import PRESETS, Preset, find_preset, fingerprint


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


@pytest.mark.parametrize(
    ("name", "factor", "limits", "dino"),
    [("custom-diffusion", 2.5, (0.0, 2.5), "dino-vits16"), ("dreambench++", 100.0, (-100.0, 100.0), "dino-vits8")],
)
def test_other_suites_protocols_scale_a_smaller_clip_and_hide_nothing(
    name: str, factor: float, limits: tuple[float, float], dino: str
) -> None:
    preset = find_preset(name)
    assert preset.clip.place == "openai/clip-vit-base-patch32"
    assert (preset.clip_scale, preset.prompt_limits) == (factor, limits)
    assert (preset.identity.place, preset.identity_kind) == (f"facebook/{dino}", "dino")
    assert (preset.mask_fill, preset.framing, preset.identity_view) == (
        None,
        "picture",
        find_preset("paper").identity_view,
    )


def test_every_back_end_of_clip_runs_with_the_packages_own_models() -> None:
    own = [preset for preset in PRESETS.values() if all(source.folder for source in preset.sources)]
    assert {preset.clip_backend for preset in own if "checkpoints" in preset.clip.place} == BACKENDS.keys()


def test_limits_are_those_of_the_presets_in_a_table() -> None:
    def prompt(*names: str) -> tuple[float, float]:
        (found,) = (record for record in metrics_of(names) if record.label == "prompt-similarity")
        return found.range

    assert prompt("paper") == (-1.0, 1.0)
    assert prompt("custom-diffusion") == (0.0, 2.5)
    assert prompt("paper", "custom-diffusion") == (-1.0, 2.5)
    assert prompt("somebody's own") == prompt() == (-math.inf, math.inf)
    assert [record.name for record in metrics_of(["paper"])] == [record.name for record in METRICS]
    assert metrics_of(["dreambench++"])[1:] == METRICS[1:]


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
        {"clip_backend": "open_clip"},
        {"clip_scale": 2.5},
        {"clip_floor": 0.0},
        {"mask_fill": None},
        {"framing": "box"},
        {"instances": "union"},
        {"alternatives": (INSTANCES_BEST,)},
    ],
)
def test_a_changed_setting_changes_the_fingerprint(preset: Preset, change: dict) -> None:
    assert fingerprint(replace(preset, **change)) != fingerprint(preset)


def test_the_em_papers_protocol_is_pinned() -> None:
    """Rahman et al. 2024, section 4: YOLO's box of the object against that of the scene's, by CLIP."""
    em = find_preset("em")
    assert (em.segmenter_kind, em.identity_kind, em.framing, em.mask_fill) == ("yolo", "clip", "box", None)
    assert em.identity == em.clip == find_preset("paper").clip
    own = find_preset("playroom-em")
    assert replace(em.comparison.view, embedding=own.comparison.view.embedding) == own.comparison.view
    assert (own.score_threshold, own.overlap_threshold) == (em.score_threshold, em.overlap_threshold)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_every_alternative_differs_from_the_presets_own_comparison_in_one_setting(preset: Preset) -> None:
    own = settings_of(preset.comparison)
    for column, comparison in list(preset.comparisons.items())[1:]:
        factor = column.removeprefix("identity[").partition("=")[0]
        other = settings_of(comparison)
        assert {name for name in own if own[name] != other[name]} == {factor}


def settings_of(comparison: FeatureComparison) -> dict[str, object]:
    view = comparison.view
    return {name: getattr(view, name) for name in ("embedding", "fill", "framing")} | {
        "instances": comparison.instances
    }


def test_the_alternatives_of_the_papers_and_of_playrooms_preset() -> None:
    common = ["fill=grey", "fill=white", "framing=box", "instances=best", "instances=union", "embedding=clip"]
    columns = [f"identity[{setting}]" for setting in common]
    assert alternative_columns(find_preset("playroom").comparisons) == (*columns,)
    assert alternative_columns(find_preset("paper").comparisons) == (*columns, "identity[embedding=dinov2]")
    assert not set(alternative_columns(find_preset("paper").comparisons)) & set(COLUMNS)


def test_the_models_of_alternatives_are_part_of_the_fingerprint(preset: Preset, tmp_path: Path) -> None:
    elsewhere = ModelSource(str(tmp_path / "other"))
    shutil.copytree(preset.clip.place, elsewhere.place)
    more = replace(preset, alternatives=(embedding("clip", elsewhere),))
    assert more.sources == (*preset.sources, elsewhere)
    before = fingerprint(more)
    changed = ModelSource(str(tmp_path / "changed" / "other"))
    shutil.copytree(elsewhere.place, changed.place)
    config = Path(changed.place) / "config.json"
    config.write_text(config.read_text() + " ")
    renamed = ModelSource(str(tmp_path / "same" / Path(elsewhere.place).parent.name / "other"))
    shutil.copytree(elsewhere.place, renamed.place)
    assert fingerprint(replace(preset, alternatives=(embedding("clip", renamed),))) == before
    assert fingerprint(replace(preset, alternatives=(embedding("clip", changed),))) != before


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

    monkeypatch.setattr("bench.scoring.models.weights.hf_hub_download", refuse)
    with pytest.raises(UserError, match=r"owner/absent.*no network.*hf download owner/absent") as raised:
        content(ModelSource("owner/absent", "main"))
    assert "\n" not in str(raised.value)


def test_a_folder_without_a_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no model in"):
        content(ModelSource(str(tmp_path)))


def test_metric_records() -> None:
    assert [record.label for record in METRICS] == [
        "prompt-similarity",
        "identity-similarity",
        "detection-rate",
        "lpips-diversity",
        "background-copy",
    ]
    for record in METRICS:
        assert record.name in COLUMNS
        assert record.range[0] < record.range[1]
        assert record.higher_is_better == (record.name != "background_copy")
        assert not record.reason or record.reason in COLUMNS
        assert "\n" not in record.description
        assert record.source
    assert metric("detection-rate").range == (0.0, 1.0)
    with pytest.raises(UserError, match="known: prompt-similarity"):
        metric("fid")
