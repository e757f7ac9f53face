"""Finding and reading pictures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.core.errors import UserError
from bench.core.images import read_picture
from bench.data.coco.images import find_picture, find_pictures


def save(path: Path, mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).convert(mode).save(path)
    return path


@pytest.mark.parametrize("place", ["val2017", "images/val2017", "images"])
def test_the_three_places(tmp_path: Path, place: str) -> None:
    file = save(tmp_path / place / "1.png")
    assert find_picture(tmp_path, "val2017", "1.png") == file
    assert find_picture(tmp_path, "val2017", "2.png") is None


def test_the_split_s_own_folder_comes_first(tmp_path: Path) -> None:
    save(tmp_path / "images" / "1.png")
    own = save(tmp_path / "val2017" / "1.png")
    assert find_picture(tmp_path, "val2017", "1.png") == own


@pytest.mark.parametrize("name", ["../1.png", "/etc/passwd", "a/../../1.png", "..\\1.png"])
def test_a_name_that_points_outside_is_refused(tmp_path: Path, name: str) -> None:
    save(tmp_path / "1.png")
    with pytest.raises(UserError, match="lies outside the image folder"):
        find_picture(tmp_path, "val2017", name)
    with pytest.raises(UserError, match="lies outside the image folder"):
        find_picture(tmp_path, name, "1.png")


def test_missing_pictures_are_counted_and_named_with_the_places(tmp_path: Path) -> None:
    save(tmp_path / "images" / "1.png")
    wanted = [("val", f"{k}.png") for k in range(1, 7)]
    with pytest.raises(UserError, match=r"5 of 6 pictures missing: 2.png, 3.png, 4.png, \.\.\.") as caught:
        find_pictures(tmp_path, wanted)
    assert str(tmp_path / "images" / "val") in str(caught.value)
    assert find_pictures(tmp_path, wanted[:1]) == [tmp_path / "images" / "1.png"]


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "CMYK"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    picture = read_picture(save(tmp_path / ("1.jpg" if mode == "CMYK" else "1.png"), mode))
    assert picture.shape == (48, 64, 3)
    assert picture.dtype == np.uint8


@pytest.mark.parametrize("kept", [0, 10, 200])
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_truncated_picture_is_told_in_one_line(tmp_path: Path, kept: int, suffix: str) -> None:
    file = save(tmp_path / f"1.{suffix}")
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(UserError, match="missing, truncated or not a picture") as caught:
        read_picture(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_picture_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read the picture"):
        read_picture(tmp_path / "none.jpg")
