"""Counts and lists within sentences."""

from bench.core.text import count, some


def test_one_is_singular_and_everything_else_plural() -> None:
    assert [count(n, "scene") for n in (0, 1, 2, 5400)] == ["0 scenes", "1 scene", "2 scenes", "5,400 scenes"]
    assert [count(n, "class", "classes") for n in (1, 2)] == ["1 class", "2 classes"]


def test_a_long_list_is_cut_where_that_saves_a_line() -> None:
    assert some(()) == ""
    assert some(("a", "b", "c"), 2) == "a, b, c", "one more word takes no more room than `and 1 more`"
    assert some(("a", "b", "c", "d"), 2) == "a, b and 2 more"
