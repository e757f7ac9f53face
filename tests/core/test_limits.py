"""Sizes are refused before anything of that size is decoded."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from bench.core.errors import UserError
from bench.core.images import opened, read_picture
from bench.core.limits import check_side, size_fault


def png_that_says(width: int, height: int) -> bytes:
    """The head of a PNG of that size with a few bytes of pixels: decoding it would allocate the whole."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(1, 1), (16_384, 6_103), (10_000, 10_000)])
def test_pictures_up_to_the_limits_are_taken(width: int, height: int) -> None:
    assert size_fault(width, height) is None


@pytest.mark.parametrize(("width", "height"), [(16_385, 1), (1, 16_385), (16_384, 6_104), (10_001, 10_000)])
def test_larger_ones_are_not(width: int, height: int) -> None:
    assert "16,384 pixels per side and 100 megapixels" in (size_fault(width, height) or "")


def test_a_datasets_side_is_between_16_and_10000() -> None:
    check_side(16)
    check_side(10_000)
    for side in (15, 0, -1, -(10**400), 10_001, 100_000, 10**5000):
        with pytest.raises(UserError, match="pixels per side") as caught:
            check_side(side)
        assert len(str(caught.value)) < 120


@pytest.mark.parametrize(("width", "height"), [(16_385, 10), (12_000, 12_000), (60_000, 60_000)])
def test_a_picture_larger_than_the_limits_is_refused_by_its_head(tmp_path: Path, width: int, height: int) -> None:
    file = tmp_path / "bomb.png"
    file.write_bytes(png_that_says(width, height))
    with pytest.raises(UserError, match="more than the limit"):
        read_picture(file)


def test_content_that_was_read_already_is_opened_under_the_files_name(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    Image.new("RGB", (3, 2)).save(file)
    content = file.read_bytes()
    file.unlink()
    with opened(file, content) as image:
        assert image.size == (3, 2)
    with pytest.raises(UserError, match=r"cannot read the picture .*a\.png"), opened(file, b"no picture"):
        pass
