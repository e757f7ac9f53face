"""Where a run may lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.run.folder import run_folder


@pytest.mark.parametrize("name", ["a", "my run.2", "größe", ".hidden", "a" * 200])
def test_a_name_is_a_folder_below_the_runs(tmp_path: Path, name: str) -> None:
    assert run_folder(tmp_path, name).path == tmp_path / name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../v", "a/b", "/v", r"a\b", "c:v", "a\nb", "a\0b", "\udcc3", "a" * 201, "é" * 101]
)
def test_other_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="--name"):
        run_folder(tmp_path, name)


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    for runs, name in (
        (tmp_path / "file", "a"),
        (tmp_path / "file" / "b", "a"),
        (tmp_path, "file"),
        (tmp_path, "gone"),
    ):
        with pytest.raises(UserError, match=r"(file|gone) is not a folder, so it cannot hold runs"):
            run_folder(runs, name)
