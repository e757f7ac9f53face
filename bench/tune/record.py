"""What a tuning found, as `tuned.json` and `tuning.csv` in its run's folder; `bench run --tuned` reads the former."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from bench.core.errors import UserError, one_line
from bench.core.files import read_record, write_bytes, write_json
from bench.core.hashing import content_hash
from bench.data.manifest import MANIFEST, SceneRecord, read_manifest
from bench.plugins.backbone_settings import Budget
from bench.run.folder import TRIALS, TUNED, RunFolder
from bench.run.session import Session
from bench.stats.intervals import SceneMean
from bench.tune.search import Optimum, Search, TuningTrial, Verdict
from bench.tune.space import Values

SCHEMA = 1


@dataclass(frozen=True)
class TunedMethod:
    """A method's optimum. `spec` is the method with its tuned `values`, `ends` the fields at an end of what was tried.

    `chosen_by` is the objective on the tuning scenes, which is too favourable; `held_out` that of scenes which chose
    nothing, `gain` what is gained there on the method as it was, paired by scene. `steps` is what half and twice as
    many steps change on the tuning scenes, paired, by the spec of the method with them.
    """

    spec: str
    values: Values
    verdict: Verdict
    ends: tuple[str, ...]
    trials: int
    chosen_by: SceneMean
    held_out: SceneMean
    gain: SceneMean
    steps: Mapping[str, SceneMean]


@dataclass(frozen=True)
class Tuning:
    """All that a run with tuned methods needs to know: the backbone and its budget, the scenes, and the methods.

    `scenes` are what the tuning and its held-out scenes were made of, as `scene_sources` names it.
    """

    backbone: str
    fingerprint: str
    budget: str
    factors: Budget
    preset: str
    dataset: str
    dataset_hash: str
    scenes: tuple[str, ...]
    methods: Mapping[str, TunedMethod]

    @classmethod
    def of(cls, session: Session, search: Search, optima: Mapping[str, Optimum], quoted: pd.DataFrame) -> Tuning:
        """What a search found in the run of a session; `quoted` are the objectives on the held-out scenes."""
        settings = session.settings
        return cls(
            backbone=settings.backbone,
            fingerprint=settings.fingerprint,
            budget=settings.budget,
            factors=session.backbone_settings.budget(settings.budget),
            preset=settings.preset,
            dataset=settings.dataset,
            dataset_hash=settings.dataset_hash,
            scenes=scene_sources(session.dataset_folder),
            methods={spec: _tuned(search, optimum, spec, quoted) for spec, optimum in optima.items()},
        )


def _tuned(search: Search, optimum: Optimum, spec: str, quoted: pd.DataFrame) -> TunedMethod:
    best = optimum.trial
    held_out, as_it_was = _by_scene(quoted, best.spec), _by_scene(quoted, search.default(spec).spec)
    here = _by_scene(search.results, best.spec)
    others = [trial for trial in search.trials if trial.method == spec and trial.stage == "steps"]
    return TunedMethod(
        spec=best.spec,
        values=best.values,
        verdict=optimum.verdict,
        ends=optimum.ends,
        trials=optimum.trials,
        chosen_by=optimum.objective,
        held_out=SceneMean.of(held_out, (0.0, 1.0)),
        gain=SceneMean.of(held_out - as_it_was),
        steps={trial.spec: SceneMean.of(_by_scene(search.results, trial.spec) - here) for trial in others},
    )


def _by_scene(results: pd.DataFrame, spec: str) -> pd.Series[float]:
    return results[results["method"] == spec].set_index("scene")["objective"].astype(float)


def scene_sources(dataset: Path) -> tuple[str, ...]:
    """What tells the scenes of a dataset's folder from those of others: the hash of every picture's source.

    A drawn picture of another size is the same scene: recipe, seed and the picture's number count too.
    """
    manifest = read_manifest(dataset / MANIFEST)
    drawn = (manifest.spec.recipe, manifest.spec.options.get("seed"))
    return tuple(sorted({one for scene in manifest.scenes for one in _sources(scene, drawn)}))


def _sources(scene: SceneRecord, drawn: tuple[str, object]) -> set[str]:
    hashes = {scene.source_sha256, *(picture.source_sha256 for picture in scene.more)} - {""}
    recipe, seed = drawn
    return hashes | ({f"{recipe} {seed} {scene.image_id}"} if scene.image_id is not None else set())


def save_tuning(folder: RunFolder, tuning: Tuning, trials: Sequence[TuningTrial], results: pd.DataFrame) -> None:
    """Write `tuned.json` and, with a row per trial and scene, `tuning.csv`."""
    fields = {trial.spec: {"tuned": trial.method, "stage": trial.stage, **trial.values} for trial in trials}
    described = pd.DataFrame.from_dict(fields, orient="index").rename_axis("method").reset_index()
    write_bytes(folder.path / TRIALS, described.merge(results, on="method").to_csv(index=False).encode())
    write_json(folder.path / TUNED, asdict(tuning), SCHEMA)


def tuning_file(path: Path) -> Path:
    """The `tuned.json` that `path` is, or that of the run's folder that it is; raises `UserError` if there is none."""
    file = path / TUNED if path.is_dir() else path
    if not file.is_file():
        raise UserError(f"{file} is not there: {_why_none(path)}")
    return file


def _why_none(path: Path) -> str:
    if RunFolder(path).settings.is_file():
        return "this run is no tuning, or one that is not finished: the same `bench tune` goes on"
    return "`bench tune` writes it into its run's folder"


def read_tuning(path: Path) -> Tuning:
    """Read `tuned.json`, or that of a run's folder.

    Raises `UserError` if it is missing, damaged or of another schema.
    """
    tuning: Tuning = read_record(tuning_file(path), SCHEMA, Tuning)
    return tuning


def read_trials(folder: Path) -> pd.DataFrame:
    """Every trial of a tuning by scene: `method` (the trial's spec), `tuned`, `stage`, the fields' values, `scene`,
    `prompt`, `identity`, `objective`, `updates`.

    Raises `UserError` if the run's folder has no `tuning.csv`, or a damaged one.
    """
    file = folder / TRIALS
    if not file.is_file():
        raise UserError(f"{file} is not there; `bench tune` writes it into its run's folder")
    try:
        return pd.read_csv(file)
    except (OSError, ValueError) as error:
        raise UserError(f"{file} is damaged ({one_line(error)}); the same `bench tune` writes it anew") from error


def tuning_digest(path: Path) -> str:
    """A hash of `tuned.json`, or that of a run's folder, as a run records it; raises `UserError` as `tuning_file`."""
    return content_hash(tuning_file(path))[:12]
