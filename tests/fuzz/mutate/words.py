"""Words that nobody should write, and mutations of words that are right."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

NINES = "9" * 400
"""An integer larger than any float."""
EVIL = (
    "", " ", ".", "..", "../v", "/proc", "/proc/nowhere", "~", "a\nb", "a\rb", "\x1b[31m", "größe", "東京", "\udcff",
    "a\u2028b", "a\0b", "a" * 300, "a" * 100_000, NINES, f"-{NINES}", "-1", "0", "1.5", "1e999", "nan", "inf", "None",
    "true", "[", "]", "[]", "[[", "]]", "=", ",", ",,", ":", "a:b:c", "a[b=c", "a[b]", "*", "%s", "{}", "{tokens}",
    "$HOME", "--", "-", "\\", '"', "'", "0x10", "1_000", "٣", "file", "[bold]x[/bold]", "[/]", "٪",
)  # fmt: skip
"""None makes a path of a word that leads anywhere but to the case's own folder: a case may write what it names."""


def evil(rng: Random) -> str:
    """A word that nobody should write."""
    if rng.random() < 0.2:
        return "".join(chr(rng.choice((rng.randrange(1, 128), rng.randrange(160, 0x2FFF)))) for _ in range(8))
    return rng.choice(EVIL)


def mutated_word(rng: Random, word: str) -> str:
    """The word with something evil in it, without a part, twice, or another word altogether."""
    start, end = sorted((rng.randint(0, len(word)), rng.randint(0, len(word))))
    return rng.choice((
        evil(rng),
        word[:start] + evil(rng) + word[end:],
        word[:start] + evil(rng) + word[start:],
        word[:start] + word[end:],
        word[:end] + word[start:],
        word * 2,
        word.upper(),
        f"{word},{word}",
    ))  # fmt: skip


def mutated_line(rng: Random, argv: Sequence[str], fixed: int) -> tuple[str, ...]:
    """A command line with one or two words mutated, dropped, doubled or swapped; the first `fixed` ones stay."""
    words = list(argv)
    for _ in range(rng.choice((1, 1, 2))):
        if len(words) <= fixed:
            break
        place = _place(rng, words, fixed)
        how = rng.random()
        if how < 0.7:
            words[place] = mutated_word(rng, words[place])
        elif how < 0.8:
            del words[place]
        elif how < 0.9:
            words.insert(place, rng.choice((words[place], evil(rng))))
        else:
            other = rng.randrange(fixed, len(words))
            words[place], words[other] = words[other], words[place]
    return tuple(words)


def _place(rng: Random, words: Sequence[str], fixed: int) -> int:
    """A word to mutate: mostly a value, seldom the name of an option, which is refused at once."""
    values = [number for number in range(fixed, len(words)) if not words[number].startswith("--")]
    return rng.choice(values) if values and rng.random() < 0.9 else rng.randrange(fixed, len(words))


def shown(text: str) -> str:
    """A word as shown in a summary: short, in ASCII."""
    escaped = text.encode("ascii", "backslashreplace").decode()
    return repr(escaped) if len(escaped) <= 40 else f"{escaped[:20]!r}... ({len(text)} characters)"
