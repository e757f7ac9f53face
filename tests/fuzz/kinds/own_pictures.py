"""Folders of one's own pictures, masks and words, and pairs of them."""

from __future__ import annotations

import random
import shutil
import struct
import zlib
from pathlib import Path
from random import Random

from cases import Attack
from mutate.files import mutate_file
from mutate.words import evil, shown
from PIL import Image

MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I", "F", "I;16", "YCbCr", "LAB", "HSV")
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "ICO", "PPM", "MPO")
SIDES = (0, 1, 2, 15, 16, 48, 300, 10_000, 16_384, 16_385, 30_000, 2**31 - 1)


def own_pictures(rng: Random, place: Path, valid: Path) -> Attack:
    """A folder of one scene, or of one with several pictures, with a damage."""
    shutil.copytree(valid / "own", place / "own")
    if rng.random() < 0.2:
        shutil.copytree(valid / "other", place / "own" / "two")
    told = _damage(rng, place / "own")
    size = rng.choice(("16", "32", "100"))
    argv = ("build-dataset", "folder", "--folder", "own", "--size", size, "--out", "out")
    return Attack(told, (*argv, "--background") if rng.random() < 0.2 else argv)


def pairs(rng: Random, place: Path, valid: Path) -> Attack:
    """A folder of pairs with a damage."""
    shutil.copytree(valid / "pairs", place / "pairs")
    folders = sorted(path for path in (place / "pairs").rglob("*") if path.is_dir())
    told = _damage(rng, rng.choice(folders))
    return Attack(told, ("build-dataset", "pairs", "--folder", "pairs", "--size", "32", "--out", "out"))


def _damage(rng: Random, folder: Path) -> str:
    """Damage one or two files of a folder, or the folder."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    if not files or rng.random() < 0.25:
        return _mutate_folder(rng, folder)
    return "; ".join(_damage_file(rng, file) for file in rng.sample(files, min(len(files), rng.choice((1, 1, 2)))))


def _damage_file(rng: Random, file: Path) -> str:
    if rng.random() < 0.3:
        return mutate_file(rng, file)
    return mutate_picture(rng, file) if file.suffix == ".png" else _mutate_words(rng, file)


def mutate_picture(rng: Random, file: Path) -> str:
    """Another size, mode or format than the picture's, or a head that lies about its size."""
    if rng.random() < 0.25:
        width, height = rng.choice(SIDES), rng.choice(SIDES)
        file.write_bytes(png_that_says(width, height))
        return f"{file.name}: says that it is {width} x {height}"
    mode, kind = rng.choice(MODES), rng.choice(FORMATS)
    size = rng.choice(((48, 32), (48, 32), (32, 48), (1, 1), (300, 2), (2000, 2000)))
    try:
        Image.new(mode, size, rng.choice((0, 1))).save(file, kind)
    except (OSError, ValueError, KeyError):  # not every format has every mode
        Image.new("L", size, rng.choice((0, 1, 127, 255))).save(file, "PNG")
        mode, kind = "L", "PNG"
    return f"{file.name}: {kind} {mode} of {size[0]} x {size[1]}"


def png_that_says(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose head states that size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, random.Random(width).choice((0, 2)), 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")


def _mutate_words(rng: Random, file: Path) -> str:
    lines = file.read_text().splitlines()
    lines[rng.randrange(len(lines))] = word = evil(rng)
    file.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    return f"{file.name}: a word is {shown(word)}"


def _mutate_folder(rng: Random, folder: Path) -> str:
    """A file of an odd name, a link out of the folder, a link to the folder itself, or no access to it."""
    name = rng.choice(("mask7.png", "mask٣.png", "mask" + "9" * 200 + ".png", "img.jpg", "MASK0.PNG", "mask-1.png"))
    how = rng.choice(("unreadable", "a file", "a link out", "a link to itself", "of a file", "odd name"))
    if how == "unreadable":
        folder.chmod(0)
    elif how == "a file":
        shutil.rmtree(folder)
        folder.write_text("x")
    elif how == "a link out":
        (folder / name).symlink_to("/etc/passwd")
    elif how == "a link to itself":
        (folder / "loop").symlink_to(folder, target_is_directory=True)
    elif how == "of a file" and (folder / "img.png").exists():
        shutil.copy(folder / "img.png", folder / name)
    else:
        target = folder.with_name(rng.choice(("a\nb", "größe", "\udcff", "a" * 200, "-", "[b]x[b]")))
        folder.rename(target)
        folder.symlink_to(target)
    return f"{folder.name}: {how} ({shown(name)})"


KINDS = {"own pictures": own_pictures, "pairs": pairs}
