"""What a study is built from."""

from __future__ import annotations

from dataclasses import dataclass

from bench.core.errors import UserError


@dataclass(frozen=True)
class StudyOptions:
    """`questions` prompts are asked about, each task of the design by `answers` of the `raters`.

    Each rater is also given so many attention `checks`. `against` compares by forced choice with one method alone.
    `introduction` is what raters read first, its paragraphs parted by empty lines. `pictures_url` is where the pictures
    will lie on the web, for the exports to other platforms.
    """

    questions: int
    raters: int
    answers: int
    checks: int
    seed: int
    title: str
    introduction: str
    against: str | None
    pictures_url: str

    def __post_init__(self) -> None:
        if self.answers > self.raters:
            raise UserError(f"--answers {self.answers}: each is by another rater, and there are --raters {self.raters}")
