"""One value of one answer, however it came back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RaterResponse:
    """What a rater gave one picture: a rating, a rank, or 1 for the choice (of a picture's token, or "neutral").

    `place` is where the picture stood, from 1 on; 0 of "neutral". `seconds` is what the whole question took.
    """

    rater: str
    question: str
    option: str
    value: int
    place: int
    seconds: float
