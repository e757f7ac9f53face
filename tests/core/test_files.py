"""Files are whole or absent."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.core.files import read_json, write_bytes, write_json, write_whole
from bench.core.hashing import content_hash


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_json(tmp_path / "a" / "b.json", {"x": [1, "é"]}, schema=3)
    assert read_json(tmp_path / "a" / "b.json", schema=3) == {"x": [1, "é"]}


def test_equal_content_is_equal_bytes(tmp_path: Path) -> None:
    write_json(tmp_path / "one.json", {"a": 1, "b": 2}, schema=1)
    write_json(tmp_path / "two.json", {"b": 2, "a": 1}, schema=1)
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_bytes(tmp_path / "file", b"old")

    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match=r"cannot write .*No space left on device"):
        write_whole(tmp_path / "file", fail)
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_another_schema_and_damage_are_one_line_errors(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {}, schema=2)
    with pytest.raises(UserError, match="has schema 2, this version reads 1"):
        read_json(tmp_path / "a.json", schema=1)
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        read_json(tmp_path / "b.json", schema=1)
    with pytest.raises(UserError, match="cannot read"):
        read_json(tmp_path / "c.json", schema=1)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"[" * 10_000 + b"]" * 10_000, "it is nested too deep"),
        (b'{"schema": 1, "a": "\\ud800"}', "surrogates not allowed"),
        (b"\xff\xff", "codec can't decode"),
        (b"1" * 5_000, "Exceeds the limit"),
    ],
)
def test_whatever_is_no_record_says_that_deleting_it_makes_it_anew(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match=rf"a\.json is damaged \(.*{why}.*delete it and start again"):
        read_json(tmp_path / "a.json", schema=1)


def test_a_pair_of_surrogates_is_a_character(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"schema": 1, "a": "\\ud83d\\ude00"}')
    assert read_json(tmp_path / "a.json", schema=1) == {"a": "\U0001f600"}


def test_a_files_hash_is_that_of_its_content(tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    for content in (b"abc", b"abcd"):
        file.write_bytes(content)
        assert content_hash(file) == hashlib.sha256(content).hexdigest()
    with pytest.raises(UserError, match=r"cannot read .*none: No such file"):
        content_hash(tmp_path / "none")
