"""Identities: they change with what can change a result, and with nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.core.hashing import scene_digest
from bench.core.scenes import Dataset, Prompt, Scene
from bench.plugins.discovery import refresh
from bench.plugins.spec import configure
from bench.run.plan import Conditions, Unit, make_plan

CONDITIONS = Conditions("sha256:abc", "fp32", {"steps": 1.0}, 20, 4.0, seed=0)


def units(scene: Scene, methods: str = "ti-m", conditions: Conditions = CONDITIONS, name: str = "d") -> list[Unit]:
    configured = [configure("methods", text) for text in methods.split(";")]
    return list(make_plan(Dataset(name, (scene,)), configured, conditions))


def test_the_same_is_the_same(scene: Scene) -> None:
    one, other = units(scene), units(scene)
    assert [unit.key for unit in one] == [unit.key for unit in other]
    assert [p.key for p in one[0].pictures] == [p.key for p in other[0].pictures]
    assert len({picture.key for picture in one[0].pictures}) == len(scene.prompts)


@pytest.mark.parametrize(
    "change", [{"backbone": "sha256:b"}, {"precision": "bf16"}, {"budget": {"steps": 0.5}}, {"seed": 1}]
)
def test_what_changes_a_fit(scene: Scene, change: dict[str, object]) -> None:
    assert units(scene)[0].key != units(scene, conditions=replace(CONDITIONS, **change))[0].key


def test_what_bf16_draws_in_is_in_its_pictures_keys_alone(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    conditions = replace(CONDITIONS, precision="bf16")
    (now,), (with_prior,) = units(scene, conditions=conditions), units(scene, "ours:code", conditions)
    monkeypatch.setattr("bench.run.plan.drawing_precision", lambda precision: precision)
    (before,), (other_prior,) = units(scene, conditions=conditions), units(scene, "ours:code", conditions)
    assert now.key == before.key
    assert {one.key for one in now.pictures}.isdisjoint(one.key for one in before.pictures)
    assert with_prior.key != other_prior.key, "its prior pictures are drawn"


def test_a_field_a_pixel_a_mask_and_a_label_change_a_fit(scene: Scene) -> None:
    before = units(scene)[0].key
    assert units(scene, "ti-m[steps=7]")[0].key != before
    pixel = scene.picture.copy()
    pixel[0, 0, 0] ^= 1
    mask = scene.concepts[0].mask.copy()
    mask[0, 0] ^= True
    first, *rest = scene.concepts
    for other in (
        replace(scene, picture=pixel),
        replace(scene, concepts=(replace(first, mask=mask), *rest)),
        replace(scene, concepts=(replace(first, label="dog"), *rest)),
    ):
        assert units(other)[0].key != before


def test_the_source_changes_a_fit_and_its_docstrings_and_imports_do_not(scene: Scene, drop_ins: Path) -> None:
    quick, palette = drop_ins / "quick.py", drop_ins / "palette.py"
    palette.write_text("SHADE = 1.0\n")
    text = quick.read_text().replace("import numpy as np", "import numpy as np\nimport palette")
    quick.write_text(text.replace("shade: float = 1.0", "shade: float = palette.SHADE"))
    refresh()
    before = units(scene, "quick")[0].key
    quick.write_text(
        quick.read_text().replace("Paints", "Draws").replace("import torch", "from typing import Any\n\nimport torch")
    )
    refresh()
    assert units(scene, "quick")[0].key == before
    palette.write_text("SHADE = 1\n")
    refresh()
    assert units(scene, "quick")[0].key != before


def test_names_and_prompts_do_not_change_a_fit(scene: Scene) -> None:
    """New prompts never refit, and a scene under another name is the same fit."""
    prompts = (*scene.prompts, Prompt("a photo of {tokens} in the jungle", (0,)))
    grown = replace(scene, name="other", prompts=prompts)
    assert units(grown, name="e")[0].key == units(scene)[0].key


def test_scenes_of_equal_content_in_one_dataset_have_units_of_their_own(scene: Scene) -> None:
    """A unit's scores and record are files by its key; the first one's is that of a dataset without the others."""
    third, method = replace(scene, name="third", picture=scene.picture // 2), configure("methods", "ti-m")
    dataset = Dataset("d", (scene, replace(scene, name="twin"), third, replace(scene, name="triplet")))
    plan = make_plan(dataset, [method, configure("methods", "ours")], CONDITIONS)
    assert len({unit.key for unit in plan}) == 8
    of_one = {unit.scene.name: unit.key for unit in plan if unit.method is method}
    assert (of_one["pair"], of_one["third"]) == (units(scene)[0].key, units(third)[0].key)


@pytest.mark.parametrize("change", [{"sampling_steps": 21}, {"guidance": 5.0}])
def test_the_sampler_changes_pictures_but_no_fit(scene: Scene, change: dict[str, object]) -> None:
    before, after = units(scene)[0], units(scene, conditions=replace(CONDITIONS, **change))[0]
    assert before.key == after.key
    assert {p.key for p in before.pictures}.isdisjoint(p.key for p in after.pictures)


@pytest.mark.parametrize("change", [{"sampling_steps": 21}, {"guidance": 5.0}])
@pytest.mark.parametrize("method", ["db-m:prior", "cd-m:code", "ours:code"])
def test_the_sampler_changes_a_fit_that_draws_prior_pictures(
    scene: Scene, method: str, change: dict[str, object]
) -> None:
    before, after = units(scene, method)[0], units(scene, method, replace(CONDITIONS, **change))[0]
    assert before.key != after.key


def test_methods_share_the_noise_and_the_seed_of_the_fit(scene: Scene) -> None:
    one, other = units(scene, "ti-m;ours")
    assert [p.request for p in one.pictures] == [p.request for p in other.pictures]
    assert one.fit_seed == other.fit_seed
    assert {p.key for p in one.pictures}.isdisjoint(p.key for p in other.pictures)


def test_samples_of_a_prompt_have_noises_of_their_own(scene: Scene) -> None:
    prompt = scene.prompts[0]
    twice = replace(scene, prompts=(prompt, replace(prompt, sample=1)))
    first, second = units(twice)[0].pictures
    assert first.request.noise_seed != second.request.noise_seed


def test_units_go_scene_by_scene(scene: Scene) -> None:
    other = replace(scene, name="other", picture=np.zeros_like(scene.picture))
    configured = [configure("methods", text) for text in ("ours", "ti-m")]
    plan = make_plan(Dataset("d", (scene, other)), configured, CONDITIONS)
    assert [(unit.scene.name, unit.method.spec) for unit in plan] == [
        ("pair", "ours"), ("pair", "ti-m"), ("other", "ours"), ("other", "ti-m")
    ]  # fmt: skip


def test_further_pictures_and_where_concepts_are_change_a_fit(scene: Scene) -> None:
    more = (scene.picture[::-1].copy(),)
    moved = tuple(replace(concept, picture=index) for index, concept in enumerate(scene.concepts))
    digests = {scene_digest(one) for one in (
        scene,
        replace(scene, more=more),
        replace(scene, more=more, concepts=moved),
        replace(scene, more=(scene.picture,), concepts=moved),
    )}  # fmt: skip
    assert len(digests) == 4
