"""`python -m bench.playroom.tune`: the factors in the pipeline's `scenebench.json`, by one rule for all methods.

The rule: the number of steps is what two cores can afford; of the learning-rate factors tried, the handles' first
and then the weights', the one is taken under which the mean over methods and tuning scenes of prompt similarity plus
identity similarity (0 where the object is not found) is highest. The tuning scenes have their own seed, which
`bench tune` shares; the README's results on fifty scenes have another.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from bench.core.checkpoints import CHECKPOINTS
from bench.core.device import Hardware, resolve
from bench.core.errors import UserError
from bench.core.files import read_json, write_bytes, write_json
from bench.core.progress import progress_bar
from bench.core.scenes import Dataset
from bench.core.seeds import seed_from
from bench.data.load import load_dataset
from bench.diffusion.backbone.checkpoint import BackboneSpec, fingerprint, locate
from bench.diffusion.backbone.loading import load_backbone
from bench.plugins.backbone_settings import FILE, FULL, SCHEMA, Budget, read_settings
from bench.plugins.method import MethodContext, Request
from bench.plugins.metric import PictureJob
from bench.plugins.spec import Configured, configure, split_specs
from bench.scoring.presets import find_preset
from bench.scoring.scorer import Scorer

PIPELINE = CHECKPOINTS / "pipeline"
TRIALS = Path(__file__).parent / "tuning.csv"
TUNING_SEED = 7_001
STARTS = {
    "full": Budget(steps=0.4, handle_learning_rate=10, weights_learning_rate=25, prior_pictures=0.2),
    "quick": Budget(steps=0.2, handle_learning_rate=20, weights_learning_rate=50, prior_pictures=0.1),
}
TRIED = {
    "handle_learning_rate": (0.5, 1.0, 2.0),
    "weights_learning_rate": (0.5, 1.0, 2.0),
}
"""Multiples of the start's factors, in the order in which they are settled."""
COLUMNS = ("backbone", "scene", "method", "budget", "prompt_similarity", "identity_similarity")


def main(
    methods: Annotated[str, typer.Option(help="the methods whose mean is maximised")] = "ours,ti-m",
    scenes: Annotated[int, typer.Option(min=1, help="tuning scenes, two toys each")] = 3,
    pipeline: Annotated[Path, typer.Option(help="the backbone whose scenebench.json is written")] = PIPELINE,
    trials: Annotated[
        Path, typer.Option(help="CSV of all trials, one row each; existing ones are not repeated")
    ] = TRIALS,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
) -> None:
    """Try the factors, write every trial, and put the best into the backbone's settings."""
    spec = BackboneSpec(str(pipeline))
    tuner = Tuner(
        backbone=spec,
        hardware=resolve(device, "auto"),
        content=fingerprint(spec),
        scorer=Scorer.load(find_preset(read_settings(locate(spec)).metrics), device),
        dataset=tuning_scenes(scenes),
        methods=tuple(configure("methods", text) for text in split_specs(methods)),
        trials=trials,
    )
    settings = read_json(pipeline / FILE, SCHEMA)
    settings["budgets"] = {name: dataclasses.asdict(tuner.tune(start)) for name, start in STARTS.items()}
    write_json(pipeline / FILE, settings, SCHEMA)
    print(f"{pipeline / FILE}: {json.dumps(settings['budgets'])}")


def tuning_scenes(count: int) -> Dataset:
    """Scenes of two toys with two prompt formats, of a seed that the README's results on fifty scenes do not have."""
    text = f"playroom[scenes={count},mix=1,0,0,formats=2,samples=1,pool={15 * count},seed={TUNING_SEED}]"
    with tempfile.TemporaryDirectory() as folder:
        configure("datasets", text).instance.build(Path(folder) / "tuning")
        return load_dataset(Path(folder) / "tuning")


@dataclass(frozen=True, eq=False)
class Tuner:
    """Tries budgets on the tuning scenes; `content` identifies the backbone, `trials` is the CSV of all trials."""

    backbone: BackboneSpec
    hardware: Hardware
    content: str
    scorer: Scorer
    dataset: Dataset
    methods: tuple[Configured, ...]
    trials: Path

    def tune(self, start: Budget) -> Budget:
        """The best factors, one after the other, by the module's rule; of equals the first."""
        best = start
        for factor, multiples in TRIED.items():
            tried = [dataclasses.replace(best, **{factor: getattr(start, factor) * each}) for each in multiples]
            best = max(tried, key=self.value)
        return best

    def value(self, budget: Budget) -> float:
        """Mean over methods and scenes of prompt plus identity similarity under this budget."""
        rows = self._rows(budget)
        return float((rows["prompt_similarity"] + rows["identity_similarity"]).mean())

    def _rows(self, budget: Budget) -> pd.DataFrame:
        known = pd.read_csv(self.trials) if self.trials.is_file() else pd.DataFrame(columns=list(COLUMNS))
        wanted = [(scene, method) for scene in range(len(self.dataset.scenes)) for method in self.methods]
        with progress_bar(f"budget {_text(budget)}", len(wanted)) as progress:
            for scene, method in wanted:
                progress.say(f"{method.spec} · {self.dataset.scenes[scene].name}")
                key = self._key(scene, method, budget)
                if not (known[list(key)] == pd.Series(key)).all(axis=1).any():
                    known.loc[len(known)] = {**key, **self._try(scene, method, budget)}
                    write_bytes(self.trials, known.to_csv(index=False, float_format="%.4f").encode())
                progress.advance()
        here = (known["budget"] == _text(budget)) & (known["backbone"] == self.content)
        return known[here & known["method"].isin([method.spec for method in self.methods])]

    def _key(self, scene: int, method: Configured, budget: Budget) -> dict[str, str]:
        name = self.dataset.scenes[scene].name
        return {"backbone": self.content, "scene": name, "method": method.spec, "budget": _text(budget)}

    def _try(self, number: int, method: Configured, budget: Budget) -> dict[str, float]:
        """Fit, draw and score one scene: means over its pictures and concepts."""
        with self.hardware.computing():
            return _means(self.scorer.score(self._drawn(number, method, budget)))

    def _drawn(self, number: int, method: Configured, budget: Budget) -> list[PictureJob]:
        scene = self.dataset.scenes[number]
        settings = dataclasses.replace(read_settings(locate(self.backbone)), budgets={FULL: budget})
        backbone = load_backbone(self.backbone, self.hardware, settings)
        work = MethodContext(backbone, seed_from(tuning=scene.name), 8, FULL, lambda _done, _total: None)
        state = method.instance.fit(scene, work)
        backbone.restore()
        requests = [
            Request(prompt, seed_from(tuning=scene.name, prompt=index)) for index, prompt in enumerate(scene.prompts)
        ]
        pictures = method.instance.generate(state, scene, requests, work)
        return [PictureJob(scene, request.prompt, drawn) for request, drawn in zip(requests, pictures, strict=True)]


def _means(rows: list[Any]) -> dict[str, float]:
    identity = [0.0 if np.isnan(row["identity_similarity"]) else row["identity_similarity"] for row in rows]
    return {
        "prompt_similarity": float(np.mean([row["prompt_similarity"] for row in rows])),
        "identity_similarity": float(np.mean(identity)),
    }


def _text(budget: Budget) -> str:
    return f"steps {budget.steps:g}, handles {budget.handle_learning_rate:g}, weights {budget.weights_learning_rate:g}"


if __name__ == "__main__":
    try:
        typer.run(main)
    except UserError as error:
        raise SystemExit(f"bench.playroom.tune: {error}") from None
