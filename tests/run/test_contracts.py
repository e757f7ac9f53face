"""What a method owes the engine is checked where it is handed over, and told in one line with the method's file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from bench.core.errors import UserError
from bench.plugins.discovery import DropIn, refresh
from bench.plugins.precomputed import PrecomputedImages
from bench.plugins.spec import Configured, configure
from bench.run.contracts import (
    ContractError,
    check_configuration,
    checked_pictures,
    checked_state,
    drawn_pictures,
)

FILE = Path("mine/method.py")
PICTURE = np.zeros((64, 64, 3), np.uint8)


def method(instance: object = None) -> Configured:
    return Configured("method", DropIn("methods", "method", FILE, type(instance)), instance)


def test_a_mapping_of_tensors_is_a_state() -> None:
    state = {"a": torch.zeros(2), "b": torch.ones(())}
    assert checked_state(method(), state) == state
    assert checked_state(method(), {}) == {}


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (None, "fit returned None"),
        ([("a", torch.zeros(2))], "fit returned a value of type list"),
        ({"a": 1.0}, "'a': a value of type float"),
        ({"a": np.zeros(2)}, "'a': a value of type numpy.ndarray"),
        ({3: torch.zeros(2)}, "3: a value of type torch.Tensor"),
    ],
)
def test_any_other_state_is_refused(state: object, told: str) -> None:
    with pytest.raises(ContractError) as error:
        checked_state(method(), state)
    assert str(error.value).startswith(f"{FILE}: ")
    assert told in str(error.value)
    assert "mapping of str to torch.Tensor" in str(error.value) or "be of str to torch.Tensor" in str(error.value)


class Sided:
    """A method with a size of its own."""

    def __init__(self, side: int | None) -> None:
        self.picture_side = side


@pytest.mark.parametrize(
    ("instance", "picture"),
    [
        (None, PICTURE),
        (Sided(512), np.zeros((512, 512, 3), np.uint8)),
        (Sided(None), np.zeros((10, 64, 3), np.uint8)),
    ],
)
def test_pictures_have_the_backbones_size_or_the_declared_one(instance: object, picture: Any) -> None:
    (found,) = checked_pictures(method(instance), [picture], 1, 64)
    assert found is picture


@pytest.mark.parametrize(
    ("instance", "picture", "told"),
    [
        (None, np.zeros((64, 10, 3), np.uint8), "uint8 [64, 10, 3]; it must be uint8 [64, 64, 3] (pictures of another"),
        (None, np.zeros((32, 32, 3), np.uint8), "uint8 [32, 32, 3]; it must be uint8 [64, 64, 3]"),
        (Sided(512), PICTURE, "uint8 [64, 64, 3]; it must be uint8 [512, 512, 3]"),
        (None, np.zeros((64, 64, 3)), "float64 [64, 64, 3]; it must be uint8"),
        (None, np.zeros((64, 64), np.uint8), "uint8 [64, 64]; it must be uint8 [64, 64, 3]"),
        (None, np.zeros((64, 64, 4), np.uint8), "uint8 [64, 64, 4]; it must be"),
        (Sided(None), np.zeros((64, 64, 4), np.uint8), "uint8 [64, 64, 4]; it must be uint8 [H, W, 3]"),
        (Sided(None), np.zeros((0, 64, 3), np.uint8), "uint8 [0, 64, 3]; it must be uint8 [H, W, 3]"),
        (None, torch.zeros(64, 64, 3), "a value of type torch.Tensor for a picture; it must be a numpy array uint8"),
        (None, None, "None for a picture"),
    ],
)
def test_any_other_picture_is_refused(instance: object, picture: object, told: str) -> None:
    with pytest.raises(ContractError) as error:
        checked_pictures(method(instance), [PICTURE if instance is None else picture, picture], 2, 64)
    assert str(error.value).startswith(f"{FILE}: generate gave ")
    assert told in str(error.value)


@pytest.mark.parametrize(("count", "told"), [(1, "more"), (3, "fewer")])
def test_the_number_of_pictures_is_the_one_asked_for(count: int, told: str) -> None:
    with pytest.raises(ContractError, match=f"{FILE}: generate gave {told} pictures than were asked for"):
        checked_pictures(method(), [PICTURE, PICTURE], count, 64)


def test_what_cannot_be_walked_is_refused() -> None:
    assert list(drawn_pictures(method(), [PICTURE])) == [PICTURE]
    with pytest.raises(ContractError, match=f"{FILE}: generate returned None; it must yield pictures"):
        drawn_pictures(method(), None)


def test_given_pictures_may_have_any_size_and_adapters_declare_theirs() -> None:
    assert PrecomputedImages.picture_side is None
    assert configure("methods", "elite").instance.picture_side == 512


BROKEN = {
    "stateless": (
        'return {"mean": torch.tensor(scene.picture.mean() * self.shade)}',
        "return 3",
        "fit returned a value",
    ),
    "narrow": (".astype(np.uint8)", ".astype(np.uint8)[:, :10]", "uint8 [64, 10, 3]; it must be uint8 [64, 64, 3]"),
    "floating": (".astype(np.uint8)", "", "float64 [64, 64, 3]; it must be uint8"),
    "lazy": ("for request in requests:", "for request in requests[:-1]:", "generate gave fewer pictures"),
    "eager": ("for request in requests:", "for request in [*requests, requests[0]]:", "generate gave more pictures"),
}
RUN = ("run", "--dataset", "playroom[scenes=1,formats=1,mix=1,0,0,samples=1,pool=20]", "--name", "r", "--methods")


def test_a_method_that_breaks_its_contract_fails_alone_and_every_time(
    bench: Callable[..., int], drop_ins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (drop_ins / "quick.py").read_text()
    for name, (old, new, _) in BROKEN.items():
        assert old in text
        (drop_ins / f"{name}.py").write_text(text.replace(old, new))
    refresh()
    for again in ((), ("--retry-failed",)):
        assert bench(*RUN, ",".join([*BROKEN, "quick"]), *again) == 1
        lines = capsys.readouterr().err.splitlines()
        for name, (_, _, told) in BROKEN.items():
            (line,) = [line for line in lines if line.startswith(f"{name} on ")]
            assert f"failed: {drop_ins / name}.py: " in line
            assert told in line
        assert len(list(Path("runs/r/failed").iterdir())) == len(BROKEN)
        assert "ContractError" in next(Path("runs/r/failed").iterdir()).read_text()
    assert set(pd.read_parquet("runs/r/scores.parquet")["method"]) == {"quick"}


RECIPE = '''
from dataclasses import dataclass

from bench.diffusion.training.recipe import PAPER_ADAM, AttentionLoss, Phase, Recipe
from bench.diffusion.training.recipe_method import RecipeMethod
from bench.diffusion.training.samples import SceneSamples


@dataclass(frozen=True)
class Method(RecipeMethod):
    """Mine."""

    def recipe(self):
        return Recipe(
            phases=(Phase("handles", 400, 5e-4),),
            samples=SceneSamples("uniform", flip=0.0),
            optimiser=PAPER_ADAM,
            initialiser="mean",
            masked=True,
            attention=AttentionLoss(0.01, "mean"),
        )
'''
WRONG = [
    ('SceneSamples("uniform"', 'SceneSamples("unifrom"', 16, "subsets='unifrom'", "'uniform', 'size-first' or 'all'"),
    ('initialiser="mean"', 'initialiser="avg"', 14, "initialiser='avg'", "'mean' or 'first'"),
    ('0.01, "mean"', '0.01, "median"', 20, "reduction='median'", "'mean' or 'sum'"),
    ('Phase("handles"', 'Phase("kv"', 15, "trains='kv'", "'handles', 'cross-attention', 'cross-attention-and-input',"),
    ("flip=0.0", "flop=0.0", 16, "TypeError", "unexpected keyword argument 'flop'"),
    ("return Recipe(", "Recipe(", None, "own cannot be run", "recipe() must return a Recipe, not NoneType"),
]


@pytest.fixture
def own(drop_ins: Path) -> Callable[[str, str], Path]:
    """Writes the recipe method `own` with something replaced."""

    def write(old: str, new: str) -> Path:
        assert old in RECIPE
        (drop_ins / "own.py").write_text(RECIPE.replace(old, new))
        refresh()
        return drop_ins / "own.py"

    return write


@pytest.mark.parametrize(("old", "new", "line", "told", "known"), WRONG)
def test_a_wrong_recipe_is_one_line_with_file_and_known_words(
    own: Callable[[str, str], Path], old: str, new: str, line: int | None, told: str, known: str
) -> None:
    file = own(old, new)
    with pytest.raises(UserError) as error:
        check_configuration(configure("methods", "own"))
    assert str(error.value).startswith(f"{file}:{line}: " if line else f"{file}: ")
    assert told in str(error.value)
    assert known in str(error.value)
    assert "\n" not in str(error.value)


def test_a_right_recipe_and_a_method_that_is_none_pass(own: Callable[[str, str], Path]) -> None:
    own('"mean")', '"sum")')
    for text in ("own", "quick", "ours", "real"):
        check_configuration(configure("methods", text))


def test_a_dry_run_finds_wrong_recipes(
    own: Callable[[str, str], Path], bench: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    file = own('SceneSamples("uniform"', 'SceneSamples("unifrom"')
    assert bench(*RUN, "own,quick", "--dry-run") == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith(f"bench: {file}:16: own cannot be run: SceneSamples(subsets='unifrom')")
    assert not Path("runs/r/run.json").exists()


def test_a_class_that_cannot_be_made_is_one_line(drop_ins: Path) -> None:
    text = (drop_ins / "quick.py").read_text()
    made = "    def __post_init__(self):\n        raise KeyError('colour')\n\n    def fit("
    (drop_ins / "unmade.py").write_text(text.replace("    def fit(", made))
    refresh()
    with pytest.raises(UserError) as error:
        configure("methods", "unmade[shade=2]")
    assert str(error.value).startswith(f"{drop_ins / 'unmade.py'}:")
    assert "unmade[shade=2] cannot be made: KeyError: 'colour'" in str(error.value)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("Method.fingerprint = lambda self: 1 / 0", "quick.py:23: quick cannot be run: ZeroDivisionError: "),
        ("Method.precomputed = lambda self, dataset: 3", "quick cannot be run: AttributeError: 'int' object has no"),
        (
            "Method.missing_requirements = lambda self: [][0]",
            "quick.py:23: quick cannot be run: IndexError: list",
        ),
        ("Method.missing_requirements = lambda self: 3", "missing_requirements() gave 3; it must give a text, or None"),
        ("Method.generates_prior = property(lambda self: {}['a'])", "quick.py:23: quick cannot be run: KeyError: 'a'"),
    ],
)
def test_a_method_that_fails_when_it_is_asked_for_something_is_one_line(
    bench: Callable[..., int], drop_ins: Path, capsys: pytest.CaptureFixture[str], line: str, told: str
) -> None:
    file = drop_ins / "quick.py"
    file.write_text(f"{file.read_text()}\n{line}\n")
    refresh()
    assert bench(*RUN, "quick", "--dry-run") == 2
    errors = [error for error in capsys.readouterr().err.splitlines() if error.startswith("bench: ")]
    assert len(errors) == 1
    assert told in errors[0]
