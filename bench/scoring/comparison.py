"""How identity similarity is measured: the model, the view of an object, which objects; and alternatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeAlias

from bench.core.table import alternative_column
from bench.scoring.models.sources import ModelSource, ResizeCrop

Kind: TypeAlias = Literal["dino", "dinov2", "clip"]
"""`dino`, `dinov2`: the CLS token of a `ViTModel`, a `Dinov2Model`; `clip`: CLIP's projected image embedding."""
Fill: TypeAlias = tuple[int, int, int] | None
"""The colour outside the object's mask; None: the picture is unchanged."""
Framing: TypeAlias = Literal["picture", "box"]
"""`picture`: the whole picture; `box`: a square around the detector's box, or the mask's (`views.boxed`)."""
Instances: TypeAlias = Literal["largest", "best", "union"]
"""Which of several objects found for one concept: the largest, the most similar, or all of them together."""

BLACK, GREY, WHITE = (0, 0, 0), (128, 128, 128), (255, 255, 255)
OWN_VIEW = "the model's own processor (PIL)"


@dataclass(frozen=True)
class Embedding:
    """An image model; `view` None means its own processor."""

    source: ModelSource
    kind: Kind = "dino"
    view: ResizeCrop | None = None

    def describe(self) -> dict[str, Any]:
        """Kind, model and view, ready for JSON."""
        view = OWN_VIEW if self.view is None else asdict(self.view)
        return {"kind": self.kind, "model": self.source.pinned, "view": view}


@dataclass(frozen=True)
class RegionView:
    """The view of a masked object and the model that embeds it: equal views of one mask have equal features."""

    embedding: Embedding
    fill: Fill = BLACK
    framing: Framing = "picture"

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole picture, whatever the mask."""
        return self.fill is None and self.framing == "picture"

    @property
    def apart(self) -> RegionView:
        """The view that distinguishes the objects of one picture: itself, or for whole pictures one on black."""
        return replace(self, fill=BLACK) if self.is_whole else self

    @property
    def whole(self) -> RegionView:
        """The view of the whole picture by the same model."""
        return RegionView(self.embedding, None, "picture")


@dataclass(frozen=True)
class FeatureComparison:
    """How the objects found for a concept are compared with the concept."""

    view: RegionView
    instances: Instances = "largest"


@dataclass(frozen=True)
class Alternative:
    """A preset's comparison with one setting changed; `setting` is its name in the table, such as `fill=grey`."""

    setting: str
    change: Fill | Framing | Instances | Embedding

    @property
    def column(self) -> str:
        """Its column of the table: `identity[fill=grey]`."""
        return alternative_column(self.setting)

    def of(self, own: FeatureComparison) -> FeatureComparison:
        """The preset's comparison with this setting changed."""
        factor = self.setting.partition("=")[0]
        change: dict[str, Any] = {factor: self.change}
        return replace(own, **change) if factor == "instances" else replace(own, view=replace(own.view, **change))

    def describe(self) -> Any:
        """The changed settings, ready for JSON."""
        if isinstance(self.change, Embedding):
            return self.change.describe()
        return list(self.change) if isinstance(self.change, tuple) else self.change


FILL_GREY = Alternative("fill=grey", GREY)
FILL_WHITE = Alternative("fill=white", WHITE)
FILL_BLACK = Alternative("fill=black", BLACK)
FRAMING_BOX = Alternative("framing=box", "box")
INSTANCES_BEST = Alternative("instances=best", "best")
INSTANCES_UNION = Alternative("instances=union", "union")
ON_THE_PICTURE = (FILL_GREY, FILL_WHITE, FRAMING_BOX, INSTANCES_BEST, INSTANCES_UNION)
"""The alternatives to: the largest object, alone on black, in the whole picture."""


def embedding(kind: Kind, source: ModelSource, view: ResizeCrop | None = None) -> Alternative:
    """The alternative with another model in place of the preset's, named by its kind: `embedding=clip`."""
    return Alternative(f"embedding={kind}", Embedding(source, kind, view))


def described(alternatives: tuple[Alternative, ...]) -> Mapping[str, Any]:
    """The changed settings of every alternative by its name."""
    return {one.setting: one.describe() for one in alternatives}
