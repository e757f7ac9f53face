"""Orders that are balanced over raters: Williams' Latin squares."""

from __future__ import annotations


def balanced_square(n: int) -> tuple[tuple[int, ...], ...]:
    """Rows of 0..n-1 in which each number is at each place equally often, and follows each other one equally often.

    n rows for an even n, 2n (each row also backwards) for an odd one above 1 (Williams 1949).
    """
    first = [place // 2 if place % 2 == 0 else n - 1 - place // 2 for place in range(n)]
    rows = [tuple((number + shift) % n for number in first) for shift in range(n)]
    if n % 2 and n > 1:
        rows += [row[::-1] for row in rows]
    return tuple(rows)
