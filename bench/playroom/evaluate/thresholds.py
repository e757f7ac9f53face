"""The thresholds that Playroom's checkpoints should reach, and the figures that their card shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Form = Literal["share", "number", "seconds", "megabytes"]


@dataclass(frozen=True)
class Threshold:
    """The threshold of a figure: `limit` or more, or (`at_most`) `limit` or less."""

    limit: float
    at_most: bool = False

    def reached(self, value: float) -> bool:
        """Whether the figure itself, not its interval, meets the threshold."""
        return value <= self.limit if self.at_most else value >= self.limit


@dataclass(frozen=True)
class Line:
    """One line of the card's table: figure `name` of `part`, its description, and its threshold if any."""

    part: str
    name: str
    words: str
    bar: Threshold | None = None
    form: Form = "share"


ONE, TWO, APPEARANCE = "one-toy", "two-toys", "base-looks"
FEW = Threshold(0.03, at_most=True)
LINES: tuple[Line, ...] = (
    Line(ONE, "found", "base model: asked class found, all classes x ten contexts", Threshold(0.95)),
    Line(ONE, "false_alarms", "base model: a class found that was not asked for", FEW),
    Line(ONE, "false_alarms_per_class", "the same, of the twelve classes not asked for in each picture"),
    Line(ONE, "context_first_of_ten", "base model: asked context first of ten (CLIP)", Threshold(0.95)),
    Line(TWO, "both_found", "base model: two toys asked for, both found", Threshold(0.85)),
    Line(TWO, "false_alarms", "base model: two toys asked for, another class found"),
    Line(TWO, "context_first_of_ten", "base model: two toys asked for, asked context first of ten (CLIP)"),
    Line(
        APPEARANCE,
        "colours_and_motif",
        "base model: named colours and motif right (CLIP), not found is wrong",
        Threshold(0.85),
    ),
    Line(APPEARANCE, "colours", "of these, colours right"),
    Line(APPEARANCE, "motif", "of these, motif right"),
    Line("drawn-looks", "colours_and_motif_of_found", "CLIP: colours and motif of drawn toys right", Threshold(0.97)),
    Line("clip", "context_first_of_ten", "CLIP: context of drawn scenes first of ten", Threshold(0.98)),
    Line("clip", "classes_among_50", "CLIP: right set of classes among 50 captions", Threshold(0.90)),
    Line("vit", "seen_first_of_21", "ViT: same toy before 20 others of its class, seen looks", Threshold(0.90)),
    Line("vit", "unseen_first_of_21", "ViT: the same, never-seen looks", Threshold(0.85)),
    Line("maskformer", "seen_mean_iou", "MaskFormer: mean IoU over classes, seen looks", Threshold(0.85), "number"),
    Line("maskformer", "unseen_mean_iou", "MaskFormer: the same, never-seen looks", Threshold(0.80), "number"),
    Line("maskformer", "seen_found", "MaskFormer: toys found, seen looks"),
    Line("maskformer", "unseen_found", "MaskFormer: toys found, never-seen looks"),
    Line("maskformer", "one_toy_false_alarms", "MaskFormer: drawn scene of one toy, another class found", FEW),
    Line("maskformer", "seen_false_alarms", "MaskFormer: any drawn scene, a class found that is not there"),
    Line("maskformer", "unseen_false_alarms", "MaskFormer: the same, never-seen looks"),
    Line("yolo", "yolo_seen_map50", "YOLO-seg: mask mAP50, seen looks", Threshold(0.90), "number"),
    Line("yolo", "yolo_unseen_map50", "YOLO-seg: the same, never-seen looks", form="number"),
    Line("yolo", "yolo_seen_found", "YOLO-seg: toys found at the preset's confidence, seen looks"),
    Line("yolo", "yolo_unseen_found", "YOLO-seg: the same, never-seen looks"),
    Line("lpips", "all", "LPIPS: pairs of distortions in the order of their severity", Threshold(0.95)),
    Line("lpips", "mild_before_other_toy", "LPIPS: a mild distortion nearer than another toy"),
    Line("headroom", "redrawn", "identity similarity: never-seen toy drawn again", form="number"),
    Line("headroom", "class_words", "identity similarity: base model with class words", form="number"),
    Line("headroom", "best_words", "identity similarity: base model with the best description", form="number"),
    Line("headroom", "above_class_words", "headroom: drawn again above class words", Threshold(0.25), "number"),
    Line("headroom", "above_best_words", "headroom: drawn again above the best description", Threshold(0.15), "number"),
    Line("size", "all", "all checkpoints", Threshold(40, at_most=True), "megabytes"),
    Line("size", "largest_file", "largest file", Threshold(15, at_most=True), "megabytes"),
    Line("speed", "guided_sample", "a guided picture, one CPU thread", Threshold(1.0, at_most=True), "seconds"),
    Line(
        "speed", "training_step", "a training step of batch 1, one CPU thread", Threshold(0.10, at_most=True), "seconds"
    ),
)
"""The lines of the table, in order; further figures of a part are in the card alone."""


def mark(part: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    """The part's figures with `bar`, `at_most` and `reached` added to each one that has a threshold."""
    bars = {line.name: line.bar for line in LINES if line.part == part and line.bar is not None}
    return {name: _marked(figure, bars.get(name)) for name, figure in figures.items()}


def _marked(figure: Any, bar: Threshold | None) -> Any:
    if bar is None:
        return figure
    return {**figure, "bar": bar.limit, "at_most": bar.at_most, "reached": bar.reached(figure["value"])}
