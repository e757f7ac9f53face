import json
import shutil
from dataclasses import fields, replace
from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.core.table import COLUMNS, alternative_columns
from bench.scoring.comparison import INSTANCES_BEST, FeatureComparison, embedding
from bench.scoring.models.clip_embedder import BACKENDS
from bench.scoring.models.sources import LpipsSource, ModelSource
from bench.scoring.models.weights import content
from bench.scoring.presets import PRESETS, Preset, find_preset
from bench.scoring.selection import columns_of, compared_columns, metric_key, standard_metrics


def keys(preset: Preset) -> dict[str, str]:
    """The keys of the standard metrics under a preset."""
    return {metric.spec: metric_key(metric, preset) for metric in standard_metrics()}


OWN_MODELS = {"clip", "identity", "segmenter", "lpips", "alternatives"}
BY_YOLO = {"segmenter", "segmenter_kind", "segmenter_view", "segmentation", "score_threshold", "overlap_threshold"}


@pytest.mark.parametrize(
    ("base", "name", "settings"),
    [
        ("paper", "paper-hf", {"identity_view"}),
        ("paper", "paper-vgg", {"lpips"}),
        ("paper", "paper-yolo", BY_YOLO),
        ("playroom", "playroom-yolo", BY_YOLO),
        ("playroom", "playroom-open-clip", {"clip_backend"}),
        ("paper", "playroom", {*OWN_MODELS, "identity_view"}),
        ("em", "playroom-em", OWN_MODELS),
        ("paper", "dreambench++", {"clip", "clip_scale", "identity", "mask_fill", "framing", "alternatives"}),
        ("dreambench++", "custom-diffusion", {"clip_scale", "clip_floor", "identity", "alternatives"}),
    ],
)
def test_a_preset_differs_from_its_base_in_what_its_summary_says_and_in_nothing_else(
    base: str, name: str, settings: set[str]
) -> None:
    one, other = find_preset(base).describe(), find_preset(name).describe()
    assert one.keys() == other.keys()
    assert {setting for setting in one if one[setting] != other[setting]} == {"preset", *settings}


@pytest.mark.parametrize(
    ("name", "factor", "limits", "dino"),
    [("custom-diffusion", 2.5, (0.0, 2.5), "dino-vits16"), ("dreambench++", 100.0, (-100.0, 100.0), "dino-vits8")],
)
def test_other_suites_protocols_scale_a_smaller_clip_and_hide_nothing(
    name: str, factor: float, limits: tuple[float, float], dino: str
) -> None:
    preset = find_preset(name)
    assert preset.clip.place == "openai/clip-vit-base-patch32"
    (column,) = columns_of(standard_metrics()[0], preset)
    assert (preset.clip_scale, column.range) == (factor, limits)
    assert (preset.identity.place, preset.identity_kind) == (f"facebook/{dino}", "dino")
    assert (preset.mask_fill, preset.framing, preset.identity_view) == (
        None,
        "picture",
        find_preset("paper").identity_view,
    )


def test_the_scores_of_whole_pictures_are_told_from_those_that_left_out_what_was_not_found() -> None:
    """The framing is a part of the keys; that of every other preset stays what it was when scores were kept."""
    framings = {name: preset.settings_of("identity")["framing"] for name, preset in PRESETS.items()}
    whole = {"custom-diffusion", "dreambench++"}
    assert {framings[name] for name in whole} == {"picture, whether or not the concept is found in it"}
    boxes = {"em", "playroom-em"}
    assert all(framings[name] == ("box" if name in boxes else "picture") for name in framings.keys() - whole)


def test_every_back_end_of_clip_runs_with_the_packages_own_models() -> None:
    own = [preset for preset in PRESETS.values() if all(source.folder for source in preset.sources)]
    assert {preset.clip_backend for preset in own if "checkpoints" in preset.clip.place} == BACKENDS.keys()


@pytest.mark.parametrize(
    ("name", "range_"), [("paper", (-1.0, 1.0)), ("custom-diffusion", (0.0, 2.5)), ("dreambench++", (-100.0, 100.0))]
)
def test_the_range_of_prompt_similarity_is_the_presets(name: str, range_: tuple[float, float]) -> None:
    metric, *others = standard_metrics()
    (column,) = columns_of(metric, find_preset(name))
    assert column.range == range_
    assert compared_columns(others, find_preset(name)) == compared_columns(others, find_preset("paper"))


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
    assert keys(replace(preset, **change)) != keys(preset)


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


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_alternatives_have_columns_that_nothing_else_has(preset: Preset) -> None:
    assert len({one.setting for one in preset.alternatives}) == len(preset.alternatives) > 0
    assert len(alternative_columns(preset.comparisons)) == len(preset.alternatives)
    assert not set(alternative_columns(preset.comparisons)) & set(COLUMNS)


def test_the_models_of_alternatives_are_part_of_the_fingerprint(preset: Preset, tmp_path: Path) -> None:
    elsewhere = ModelSource(str(tmp_path / "other"))
    shutil.copytree(preset.clip.place, elsewhere.place)
    more = replace(preset, alternatives=(embedding("clip", elsewhere),))
    assert more.sources == (*preset.sources, elsewhere)
    before = keys(more)
    changed = ModelSource(str(tmp_path / "changed" / "other"))
    shutil.copytree(elsewhere.place, changed.place)
    config = Path(changed.place) / "config.json"
    config.write_text(config.read_text() + " ")
    renamed = ModelSource(str(tmp_path / "same" / Path(elsewhere.place).parent.name / "other"))
    shutil.copytree(elsewhere.place, renamed.place)
    assert keys(replace(preset, alternatives=(embedding("clip", renamed),))) == before
    assert keys(replace(preset, alternatives=(embedding("clip", changed),))) != before


def test_the_fingerprint_follows_the_content_and_not_the_place(preset: Preset, tmp_path: Path) -> None:
    before = keys(preset)
    moved = ModelSource(str(tmp_path / preset.identity.name))
    shutil.copytree(preset.identity.place, moved.place)
    elsewhere = replace(preset, identity=moved)
    assert content(moved) == content(preset.identity)
    assert keys(elsewhere) == before

    changed = ModelSource(str(tmp_path / "changed" / preset.identity.name))
    shutil.copytree(preset.identity.place, changed.place)
    weights = Path(changed.place) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    assert content(changed) != content(preset.identity)


def test_a_pinned_hub_commit_is_its_content_without_asking_the_hub() -> None:
    source = ModelSource("owner/model", "0123456789" * 4)
    assert content(source) == f"owner/model@{'0123456789' * 4}"


@pytest.mark.parametrize(
    ("source", "pinned"),
    [
        (ModelSource("owner/model", "0123456789" * 4), True),
        (ModelSource("owner/model", "main"), False),
        (ModelSource("owner/model", "0123456"), False),
        (ModelSource("folder"), False),
    ],
)
def test_only_a_whole_commit_pins_a_hub_model(source: ModelSource, pinned: bool) -> None:
    assert source.is_pinned is pinned


def test_a_hub_model_out_of_reach_is_one_line_with_the_id_and_the_next_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*arguments: object, **options: object) -> str:
        raise OSError("no\nnetwork")

    monkeypatch.setattr("bench.scoring.models.availability.HfApi.model_info", refuse)
    with pytest.raises(UserError, match=r"owner/absent.*no network.*hf download owner/absent") as raised:
        content(ModelSource("owner/absent", "main"))
    assert "\n" not in str(raised.value)


def test_a_folder_without_a_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no model in"):
        content(ModelSource(str(tmp_path)))


def test_the_compared_columns_of_the_standard_metrics() -> None:
    columns = compared_columns(standard_metrics(), find_preset("paper"))
    assert [column.label for column in columns] == [
        "prompt-similarity",
        "identity-similarity",
        "detection-rate",
        "lpips-diversity",
        "background-copy",
    ]
    assert [column.label for column in columns if not column.higher_is_better] == ["background-copy"]
    assert [column.label for column in columns if column.pooled] == ["detection-rate"]
    assert {column.label: column.grain for column in columns} == {
        "prompt-similarity": "picture",
        "identity-similarity": "concept",
        "detection-rate": "concept",
        "lpips-diversity": "prompt",
        "background-copy": "picture",
    }


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        ({"clip_scale": 2.5}, {"prompt-similarity"}),
        ({"score_threshold": 0.8}, {"identity-similarity", "leakage", "background-copy"}),
        ({"lpips": LpipsSource("alex")}, {"lpips-diversity"}),
    ],
)
def test_a_setting_changes_the_keys_of_the_metrics_that_depend_on_it(preset: Preset, change: dict, moved: set) -> None:
    before, after = keys(preset), keys(replace(preset, **change))
    assert {name for name in before if before[name] != after[name]} == moved
