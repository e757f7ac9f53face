from collections.abc import Callable
from pathlib import Path

import pytest


def test_it_lists_the_published_tables(call: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert call("audit") == 0
    listed = capsys.readouterr().out
    for name in ("break-a-scene-user-study", "clic-user-study", "em-metrics", "em-user-study"):
        assert name in listed


def test_it_finds_the_inconsistent_table(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert call("audit", "break-a-scene-user-study") == 0
    shown = capsys.readouterr().out
    assert "2 of 10 printed claims cannot follow from the table." in shown
    assert "0.97" in shown


def test_a_table_of_ones_own(call: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("method,mean_rank,n,p\na,1.1,20,\nb,1.7,20,\n", encoding="utf-8")
    assert call("audit", str(path)) == 0
    assert "1 of 1 printed claim cannot follow" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "method,mean_rank,n,p\na,one,20,\nb,2,20,\n"])
def test_a_malformed_table_is_one_line_and_exit_2(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")
    assert call("audit", str(path)) == 2
    error = capsys.readouterr().err
    assert error.startswith("bench: ")
    assert len(error.strip().splitlines()) == 1
