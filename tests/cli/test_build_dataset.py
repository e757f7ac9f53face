"""`bench build-dataset` as it is typed."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from bench.cli.build_dataset import add_to
from bench.core.errors import UserError
from bench.data.load import load_dataset
from bench.data.manifest import read_manifest
from bench.playroom.world.coco import CocoSpec, write_coco
from bench.plugins import discovery
from bench.plugins.spec import configure

Run = Callable[..., str]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `bench build-dataset ...` and returns what it printed; errors of the user come through."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        app = typer.Typer()
        app.callback()(lambda: None)
        add_to(app)
        result = CliRunner().invoke(app, ["build-dataset", *arguments], env={"COLUMNS": "200", "NO_COLOR": "1"})
        if isinstance(result.exception, UserError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return run


@pytest.fixture(scope="session")
def coco(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("drawn") / "coco"
    write_coco(folder, CocoSpec(pictures=40, seed=1, size=64))
    return str(folder)


SMALL = ("--scenes", "3", "--mix", "1,0,0", "--formats", "2", "--samples", "1", "--size", "32")


def test_bare_it_builds_playroom_and_says_how_to_use_coco(bench: Run, tmp_path: Path) -> None:
    said = bench()
    assert "5,400 prompts per method" in said
    assert "covers at least 15 % of the square crop" in said
    assert "bench build-dataset break-a-scene --coco DIR" in said
    dataset = load_dataset(tmp_path / "data" / "playroom")
    assert len(dataset.scenes) == 50
    assert "already built" in bench("--out", "data/playroom")


def test_the_quick_variant_is_36_pictures(bench: Run, tmp_path: Path) -> None:
    assert "6 scenes, 36 prompts per method" in bench("playroom:quick", "--out", "quick")
    dataset = load_dataset(tmp_path / "quick")
    assert [len(scene.concepts) for scene in dataset.scenes] == [2] * 6
    assert all(scene.picture.shape == (64, 64, 3) for scene in dataset.scenes)
    configure("datasets", "playroom:quick").instance.build(tmp_path / "again")
    assert (tmp_path / "again" / "manifest.json").read_bytes() == (tmp_path / "quick" / "manifest.json").read_bytes()


def test_break_a_scene_from_a_coco_folder_and_back(bench: Run, tmp_path: Path, coco: str) -> None:
    said = bench("break-a-scene", "--coco", coco, "--out", "a", *SMALL, "--crop", "best", "--prompts", "random")
    assert "3 scenes, 18 prompts per method: this is not the paper's 5,400" in said
    bench("break-a-scene", "--from-manifest", "a/manifest.json", "--coco", coco, "--out", "b")
    for file in (tmp_path / "a").rglob("*.*"):
        assert (tmp_path / "b" / file.relative_to(tmp_path / "a")).read_bytes() == file.read_bytes()


def test_manifest_only(bench: Run, tmp_path: Path, coco: str) -> None:
    bench("break-a-scene", "--coco", coco, "--out", "a", *SMALL, "--manifest-only")
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["manifest.json"]


@pytest.mark.parametrize("size", ["15", "100000"])
def test_every_builder_bounds_its_size(bench: Run, coco: str, fixtures: Path, size: str) -> None:
    bear = str(fixtures / "break-a-scene" / "bear")
    for arguments in (
        ("break-a-scene", "--coco", coco),
        ("em-coco", "--coco", coco),
        ("folder", "--folder", bear),
        ("pairs", "--folder", bear),
        ("playroom",),
    ):
        with pytest.raises(UserError, match=f"--size {size}: a picture"):
            bench(*arguments, "--size", size, "--out", "x")


def test_strict_ends_with_code_2(bench: Run, tmp_path: Path, coco: str) -> None:
    with pytest.raises(UserError, match="the mix needs 30, 15, 5 scenes") as caught:
        bench("break-a-scene", "--coco", coco, "--out", "a", "--strict")
    assert caught.value.code == 2
    assert not (tmp_path / "a").exists()
    assert "took the first" in bench("break-a-scene", "--coco", coco, "--out", "a")


def test_break_a_scene_without_coco_says_what_to_do(bench: Run) -> None:
    with pytest.raises(UserError, match=r"break-a-scene needs --coco DIR .* bench build-dataset playroom"):
        bench("break-a-scene")


def test_own_pictures(bench: Run, tmp_path: Path, fixtures: Path) -> None:
    bear = str(fixtures / "break-a-scene" / "bear")
    bench("folder", "--folder", bear, "--background", "--formats", "beach", "--out", "own")
    (scene,) = load_dataset(tmp_path / "own").scenes
    assert [concept.label for concept in scene.concepts] == ["object", "object", "object", "background"]
    assert len(scene.prompts) == 15 * 2
    with pytest.raises(UserError, match="folder needs --folder DIR"):
        bench("folder")


WORDS = ("a photo of {tokens} on the moon", "{tokens} in a museum, at night", "{tokens} as a stamp")


@pytest.fixture
def words(tmp_path: Path) -> str:
    (tmp_path / "words.txt").write_text("# mine\n" + "\n".join(WORDS))
    return "words.txt"


def pair(folder: Path) -> Path:
    """A folder of one pair in CLiC's layout."""
    for side, word in (("source", "chair"), ("target", "table")):
        place = folder / "furniture" / "chair-to-table" / side
        place.mkdir(parents=True)
        Image.new("RGB", (48, 48), (90, 60, 30)).save(place / "img.jpg")
        Image.new("L", (48, 48), 255).save(place / "mask0.png")
        (place / "objects.txt").write_text(f"{word}\n")
    return folder


def builders(coco: str, fixtures: Path, tmp_path: Path) -> dict[str, tuple[str, ...]]:
    """What the built-in builders are asked for; em-coco's classes are not in the drawn pool."""
    bear = str(fixtures / "break-a-scene" / "bear")
    return {
        "break-a-scene": ("--coco", coco, *(word for word in SMALL if word not in ("--formats", "2"))),
        "folder": ("--folder", bear, "--samples", "1", "--size", "32"),
        "pairs": ("--folder", str(pair(tmp_path / "pairs")), "--samples", "1", "--size", "32"),
        "playroom": ("--scenes", "1", "--mix", "1,0,0", "--samples", "1", "--pool", "20"),
        "playroom:quick": ("--scenes", "1"),
    }


def test_every_builder_takes_templates(bench: Run, tmp_path: Path, coco: str, fixtures: Path, words: str) -> None:
    known = builders(coco, fixtures, tmp_path)
    assert {*(name.partition(":")[0] for name in known), "em-coco"} == set(discovery.discover("datasets").found)
    for name, arguments in known.items():
        said = bench(name, *arguments, "--templates", words, "--out", f"out/{name.replace(':', '-')}")
        assert "3 templates of your own, in place of the formats" in said
        manifest = read_manifest(tmp_path / "out" / name.replace(":", "-") / "manifest.json")
        for scene in manifest.scenes:
            assert tuple(dict.fromkeys(prompt.template for prompt in scene.prompts)) == WORDS
            assert len(scene.prompts) == 3 * (2 ** len(scene.classes) - 1)
        assert manifest.spec.options["templates"] == "\n".join(WORDS)
        assert "formats" not in manifest.spec.options
        assert words not in (tmp_path / "out" / name.replace(":", "-") / "manifest.json").read_text()


def test_em_cocos_list_is_replaced_and_the_manifest_says_so(bench: Run, coco: str, words: str) -> None:
    options = configure("datasets", f"em-coco[coco={coco},templates={words}]").instance._options()
    assert options.prompt_plan.formats == WORDS
    assert options.origin.endswith("these prompts are the user's own")
    with pytest.raises(UserError, match="--prompts 3 is of the list, whose place your templates take"):
        bench("em-coco", "--coco", coco, "--prompts", "3", "--templates", words)


def test_the_folders_own_templates_and_those_of_the_command_line(
    bench: Run, tmp_path: Path, fixtures: Path, words: str
) -> None:
    folder = Path(shutil.copytree(fixtures / "break-a-scene" / "bear", tmp_path / "bear"))
    (folder / "templates.txt").write_text("# mine\n\n{tokens} on mars\n")
    arguments = ("folder", "--folder", "bear", "--size", "32", "--samples", "1")
    bench(*arguments, "--out", "a")
    assert read_manifest(tmp_path / "a" / "manifest.json").spec.options["templates"] == "{tokens} on mars"
    assert len(load_dataset(tmp_path / "a").scenes[0].prompts) == 7
    assert "already built" in bench(*arguments, "--out", "a")
    assert "already built" in bench(*arguments, "--templates", "{tokens} on mars", "--out", "a")
    bench(*arguments, "--templates", words, "--out", "b")
    assert len(load_dataset(tmp_path / "b").scenes[0].prompts) == 3 * 7
    with pytest.raises(UserError, match=r"a holds another dataset: templates \{tokens\} on mars"):
        bench(*arguments, "--templates", words, "--out", "a")
    with pytest.raises(UserError, match="formats beach are of Break-A-Scene's ten"):
        bench(*arguments, "--formats", "beach", "--out", "c")
    (folder / "templates.txt").write_text("{tokens} on mars\na photo of two things\n")
    with pytest.raises(UserError, match=r"^bear/templates.txt, line 2: 'a photo of two things' has \{tokens\} 0 times"):
        bench(*arguments, "--out", "c")
    assert not (tmp_path / "c").exists()


def test_help_shows_every_field_with_its_default(bench: Run) -> None:
    said = bench("break-a-scene", "--help")
    for flag in (
        "--coco",
        "--split",
        "--scenes",
        "--mix",
        "--only-present",
        "--manifest-only",
        "--from-manifest",
    ):
        assert flag in said
    assert "[default: 30,15,5]" in said
    assert "[default: 512]" in said
    assert "[default: 6]" in bench("playroom:quick", "--help")


USER_S = '''
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar


@dataclass(frozen=True)
class Builder:
    """A user's recipe."""

    summary: ClassVar[str] = "a recipe of one's own"
    scene_count: Annotated[int, "how many there are"] = 3

    def build(self, out: Path) -> None:
        out.write_text(str(self.scene_count))
'''


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    folder = tmp_path / "own" / "datasets"
    folder.mkdir(parents=True)
    monkeypatch.setenv(discovery.ENVIRONMENT, str(tmp_path / "own"))
    yield folder
    monkeypatch.undo()
    sys.modules.pop("bench.datasets.my_recipe", None)
    discovery.refresh()


def test_a_user_s_recipe_gets_a_command_by_itself(own_folder: Path, bench: Run, tmp_path: Path) -> None:
    (own_folder / "my_recipe.py").write_text(USER_S)
    discovery.refresh()
    assert "A recipe of one's own" in bench("--help")
    assert "how many there are" in bench("my-recipe", "--help")
    bench("my-recipe", "--scene-count", "7", "--out", "x")
    assert (tmp_path / "x").read_text() == "7"


def test_a_recipe_whose_fields_make_no_options_hides_no_other(
    own_folder: Path, bench: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    (own_folder / "my_recipe.py").write_text(USER_S.replace("Annotated[int,", "Annotated[int | str,"))
    discovery.refresh()
    said = bench("--help")
    assert "my_recipe.py cannot be options" in " ".join(capsys.readouterr().err.split("\n"))
    assert "break-a-scene" in said


def test_building_needs_no_torch(tmp_path: Path) -> None:
    """The command answers at once: torch alone takes seconds to import."""
    script = (
        "import sys; from pathlib import Path; from bench.plugins.spec import configure; "
        "configure('datasets', 'playroom:quick').instance.build(Path(sys.argv[1])); "
        "assert 'torch' not in sys.modules"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "out")], check=True, cwd=root, capture_output=True)
    assert read_manifest(tmp_path / "out" / "manifest.json").prompts == 36
