"""A run in the formats of others, each checked by the format's own schema or library."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
import yaml
from huggingface_hub import ModelCardData, parse_eval_result_entries
from huggingface_hub.repocard_data import model_index_to_eval_results

from bench.core.errors import UserError
from bench.core.hashing import content_hash
from bench.data.manifest import MANIFEST, DatasetSpec, Manifest, SceneRecord
from bench.reporting.export.croissant import describe
from bench.reporting.export.export import ExportOptions, Format, export_run
from bench.reporting.export.results import slug, stable_uuid
from bench.reporting.runs.recorded import open_recorded

WriteRun = Callable[..., Path]
EVIL = '"><script>alert(1)</script>: {x}'


def export(run: Path, to: Format, out: Path, **options: Any) -> tuple[Path, ...]:
    return export_run(open_recorded(run), to, out, ExportOptions(**options))


@pytest.fixture
def schemas(fixtures: Path) -> dict[str, Any]:
    folder = fixtures / "every_eval_ever"
    return {name: json.loads((folder / f"{name}.schema.json").read_bytes()) for name in ("eval", "instance_level_eval")}


def test_every_eval_ever_is_valid_by_its_schemas(write_run: WriteRun, tmp_path: Path, schemas: dict[str, Any]) -> None:
    run = write_run("one", {"ours": 0.2, "ti-m": 0.0}, names={"ours": EVIL}, noise=0.01)
    files = export(run, "every-eval-ever", tmp_path / "out", organisation="us")
    assert len(files) == 4
    record, lines = json.loads(files[0].read_bytes()), files[1].read_bytes().splitlines()
    jsonschema.validate(record, schemas["eval"])
    for line in lines:
        jsonschema.validate(json.loads(line), schemas["instance_level_eval"])
    detailed = record["detailed_evaluation_results"]
    assert (tmp_path / "out" / detailed["file_path"]) == files[1]
    assert detailed["total_rows"] == len(lines) == 12 * 4  # four metrics have a value
    assert detailed["checksum"] == content_hash(files[1])
    assert schemas["eval"]["version"] == record["schema_version"]


def test_every_eval_ever_says_what_the_scores_say(write_run: WriteRun, tmp_path: Path) -> None:
    """Scenes' identities are .5, .52, ..., .6: mean .55, deviation .037417, standard error .015275, t(5) 2.570582."""
    run = write_run("one", {"ours": 0.0})
    record, samples = (path.read_text() for path in export(run, "every-eval-ever", tmp_path / "out"))
    results = {one["metric_config"]["metric_name"]: one for one in json.loads(record)["evaluation_results"]}
    found = results["identity-similarity"]
    assert found["score_details"]["score"] == pytest.approx(0.55)
    uncertainty = found["score_details"]["uncertainty"]
    assert uncertainty["num_samples"] == 6
    assert uncertainty["standard_error"]["value"] == pytest.approx(0.0152753, abs=1e-6)
    assert uncertainty["confidence_interval"]["lower"] == pytest.approx(0.55 - 2.570582 * 0.0152753, abs=1e-5)
    assert results["background-copy"]["metric_config"]["lower_is_better"]
    assert "lpips-diversity" not in results
    rows = [json.loads(line) for line in samples.splitlines()]
    own = [row for row in rows if row["evaluation_result_id"] == found["evaluation_result_id"]]
    assert np.mean([row["evaluation"]["score"] for row in own]) == pytest.approx(0.55)


def test_names_of_exported_files_are_safe_and_stable(write_run: WriteRun, tmp_path: Path) -> None:
    run = write_run("one", {"ours": 0.0}, names={"ours": "../../x"}, backbone="/etc/passwd")
    first = export(run, "every-eval-ever", tmp_path / "a")
    second = export(run, "every-eval-ever", tmp_path / "b")
    inside = [path.resolve().relative_to((tmp_path / "a").resolve()) for path in first]
    assert inside == [path.resolve().relative_to((tmp_path / "b").resolve()) for path in second]
    assert slug("ours") == "ours"
    assert slug("a/b") != slug("a b")
    assert stable_uuid("x")[14] == "4"


def test_hugging_face_reads_its_own_files(write_run: WriteRun, tmp_path: Path) -> None:
    run = write_run("one", {"ours": 0.0}, names={"ours": EVIL}, backbone="stabilityai/sd")
    results, card = export(run, "huggingface", tmp_path / "out", dataset_id="us/scenes")
    entries = {one.task_id: one for one in parse_eval_result_entries(yaml.safe_load(results.read_text()))}
    assert set(entries) == {"prompt-similarity", "identity-similarity", "detection-rate", "background-copy"}
    identity = entries["identity-similarity"]
    assert (identity.dataset_id, identity.date) == ("us/scenes", "2025-06-15")
    assert identity.value == pytest.approx(0.55)
    assert "95% Student t over 6 scenes" in str(identity.notes)
    assert results.parent.name == ".eval_results"
    header = yaml.safe_load(card.read_text().split("---\n")[1])
    name, found = model_index_to_eval_results(header["model-index"])
    assert name == f"{EVIL} on stabilityai/sd"
    assert {one.metric_type for one in found} == set(entries)
    assert header["base_model"] == "stabilityai/sd"
    assert ModelCardData(**{key: value for key, value in header.items() if key != "model-index"}).tags


@pytest.mark.parametrize("dataset_id", [None, "scenes", "a/b/c", "/b"])
def test_the_hub_needs_the_id_of_a_dataset(write_run: WriteRun, tmp_path: Path, dataset_id: str | None) -> None:
    with pytest.raises(UserError, match="name it as OWNER/NAME"):
        export(write_run("one", {"ours": 0.0}), "huggingface", tmp_path / "out", dataset_id=dataset_id)
    assert not (tmp_path / "out").exists()


def test_a_control_is_not_on_the_front_of_the_csv(write_run: WriteRun, tmp_path: Path) -> None:
    _, summary = export(write_run("one", {"real": 0.4, "ours": 0.1}), "csv", tmp_path / "out")
    assert pd.read_csv(summary)["pareto"].tolist() == [False, True]


def test_csv(write_run: WriteRun, tmp_path: Path) -> None:
    run = write_run("one", {"ours": 0.0, "ti-m": -0.1})
    scores, summary = export(run, "csv", tmp_path / "out")
    assert len(pd.read_csv(scores)) == 24
    assert pd.read_csv(summary)["identity_similarity"].tolist() == pytest.approx([0.55, 0.45])


def manifest() -> Manifest:
    def scene(name: str) -> SceneRecord:
        return SceneRecord(
            name=name,
            split="val",
            image_id=1,
            annotation_ids=(),
            file_name=f"{name}.jpg",
            source_size=(8, 8),
            crop=(0, 0, 8, 8),
            classes=("cat",),
            masks=(),
            licence=None,
            url=f"https://example.org/{name}.jpg",
            prompts=(),
            picture_sha256="0" * 64,
        )

    return Manifest(DatasetSpec(**SPEC), (scene("a"), scene("b")))


SPEC: dict[str, Any] = {"name": "tiny", "recipe": "folder", "options": {}, "size": 8, "sources": {}}


def test_croissant_is_valid_and_its_records_are_read(tmp_path: Path) -> None:
    croissant = pytest.importorskip("mlcroissant")
    made = manifest()
    (tmp_path / MANIFEST).write_bytes(made.encode())
    file = tmp_path / "croissant.json"
    file.write_text(json.dumps(describe(made, content_hash(tmp_path / MANIFEST))))
    dataset = croissant.Dataset(jsonld=file)
    assert not dataset.metadata.ctx.issues.errors
    records = list(dataset.records("scenes"))
    assert [record["scenes/name"] for record in records] == [b"a", b"b"]
    assert records[0]["scenes/url"] == b"https://example.org/a.jpg"


def test_croissant_needs_the_dataset(write_run: WriteRun, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the dataset of .*one is not at tiny; put it there"):
        export(write_run("one", {"ours": 0.0}), "croissant", tmp_path / "out")
