"""What the evaluators can do on drawn scenes that no training saw, with the truth known by construction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import binomtest
from torch import Tensor
from torch.nn.functional import normalize
from transformers import CLIPModel, ViTModel

from bench.metrics.evaluators import load_model, load_processor, load_tokenizer
from bench.metrics.presets import Preset
from bench.metrics.segment import Segmentation, Segmenter
from bench.playroom.captions import caption
from bench.playroom.contexts import CONTEXTS
from bench.playroom.scene import Drawing, Scene, draw, sample_scene
from bench.playroom.toys import CLASSES, Looks, sample_identity
from bench.playroom.train.data import SIZE, masked_toy
from bench.playroom.train.maskformer import LABELS
from bench.scenes import Picture, with_article

HELD_OUT = 1_000_003
"""Every scene of the exam derives from this number, none of the training's does."""
OTHERS = 20
CAPTIONS = 50


@dataclass(frozen=True)
class Rate:
    """`hits` of `total`, with Wilson's 95 % interval."""

    hits: int
    total: int

    @classmethod
    def of(cls, outcomes: Iterable[bool]) -> Rate:
        """Count them."""
        known = list(outcomes)
        return cls(sum(map(bool, known)), len(known))

    @property
    def rate(self) -> float:
        """The share, four decimals."""
        return round(self.hits / self.total, 4)

    def describe(self) -> dict[str, float]:
        """The share, the interval and the count, for the card."""
        interval = binomtest(self.hits, self.total).proportion_ci(method="wilson")
        low, high = (round(float(end), 4) for end in (interval.low, interval.high))
        return {"rate": self.rate, "low": low, "high": high, "n": self.total}


@dataclass(frozen=True, eq=False)
class Examiners:
    """The evaluators of Playroom with their processors."""

    segmenter: Segmenter
    clip: Any
    clip_processor: Any
    tokenizer: Any
    vit: ViTModel
    vit_processor: Any

    def classes(self, picture: Picture) -> set[str]:
        """The classes of which the segmenter finds a segment."""
        return toy_names(self.segmenter.segment([picture])[0])

    @torch.no_grad()
    def likeness(self, picture: Picture, texts: list[str]) -> Tensor:
        """Cosine of the picture with each text, [N]."""
        pixels = self.clip_processor(picture, return_tensors="pt").pixel_values.to(self.clip.device)
        tokens = self.tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt")
        shown = self.clip.get_image_features(pixel_values=pixels).pooler_output
        said = self.clip.get_text_features(**tokens.to(self.clip.device)).pooler_output
        return (normalize(said, dim=-1) @ normalize(shown, dim=-1).T)[:, 0].cpu()

    @torch.no_grad()
    def identity(self, pictures: list[Picture]) -> Tensor:
        """Normalised CLS tokens of black-masked toys, [N, width]."""
        pixels = self.vit_processor(pictures, return_tensors="pt").pixel_values.to(self.vit.device)
        return normalize(self.vit(pixel_values=pixels).last_hidden_state[:, 0], dim=-1).cpu()


def toy_names(found: Segmentation) -> set[str]:
    """The classes of the segments, the background left out."""
    return {LABELS[index] for index in found.classes.values()} & set(CLASSES)


def load_examiners(preset: Preset, device: torch.device) -> Examiners:
    """Load what the preset names; raises `UserError` if a checkpoint cannot be had."""
    return Examiners(
        Segmenter.load(preset, device),
        load_model(CLIPModel, preset.clip, device),
        load_processor(preset.clip),
        load_tokenizer(preset.clip),
        load_model(ViTModel, preset.identity, device, add_pooling_layer=False),
        load_processor(preset.identity),
    )


def examine(examiners: Examiners, count: int) -> dict[str, Any]:
    """All figures of the evaluators on `count` held-out scenes."""
    return {
        "maskformer_seen": segmentation(examiners, count, "seen"),
        "maskformer_unseen": segmentation(examiners, count, "unseen"),
        "clip_context_first_of_ten": Rate.of(_contexts_first(examiners, count)).describe(),
        "clip_caption_first_of_50": Rate.of(_captions_first(examiners, count)).describe(),
        "vit_seen_first_of_21": Rate.of(_identities_first(examiners, count, "seen")).describe(),
        "vit_unseen_first_of_21": Rate.of(_identities_first(examiners, count, "unseen")).describe(),
    }


def held_out(count: int, looks: Looks, **options: Any) -> Iterator[tuple[Scene, Drawing]]:
    """Drawn scenes whose seeds no training uses; `options` go to `sample_scene`."""
    for number in range(count):
        scene = sample_scene(np.random.default_rng([HELD_OUT, looks == "seen", number]), looks=looks, **options)
        yield scene, draw(scene, SIZE)


def segmentation(examiners: Examiners, count: int, looks: Looks) -> dict[str, Any]:
    """Mean over classes of the IoU of predicted and true class region, pooled over scenes; and false alarms.

    `detection` counts toys of which at least 40 pixels show, and whether a segment of their class was found;
    `false_alarms` counts scenes with a segment of a class that is not there.
    """
    both, either = np.zeros(len(CLASSES)), np.zeros(len(CLASSES))
    found_toys: list[bool] = []
    alarms: list[bool] = []
    for scene, drawing in held_out(count, looks):
        found = examiners.segmenter.segment([drawing.picture])[0]
        names = toy_names(found)
        there = {toy.identity.class_name for toy in scene.toys}
        alarms.append(bool(names - there))
        shown = zip(scene.toys, drawing.masks, strict=True)
        found_toys += [toy.identity.class_name in names for toy, mask in shown if mask.sum() >= 40]
        for index, name in enumerate(CLASSES):
            true = drawing.masks[[toy.identity.class_name == name for toy in scene.toys]].any(axis=0)
            guess = np.isin(found.ids, [segment for segment, kind in found.classes.items() if kind == index])
            both[index] += (true & guess).sum()
            either[index] += (true | guess).sum()
    return {
        "mean_iou": round(float((both / either).mean()), 4),
        "detection": Rate.of(found_toys).describe(),
        "false_alarms": Rate.of(alarms).describe(),
    }


def context_first(examiners: Examiners, picture: Picture, subject: str, context: str) -> bool:
    """Whether CLIP puts the true context before the nine others, the subject being the same words in all."""
    texts = [f"a photo of {subject} {each}" for each in CONTEXTS]
    return CONTEXTS[int(examiners.likeness(picture, texts).argmax())] == context


def _contexts_first(examiners: Examiners, count: int) -> Iterator[bool]:
    for number in range(count):
        context = CONTEXTS[number % len(CONTEXTS)]
        rng = np.random.default_rng([HELD_OUT, 2, number])
        scene = sample_scene(rng, count=1 + number % 2, context=context)
        subject = " and ".join(with_article(toy.identity.class_name) for toy in scene.toys)
        yield context_first(examiners, draw(scene, SIZE).picture, subject, context)


def _captions_first(examiners: Examiners, count: int) -> Iterator[bool]:
    """Whether the caption CLIP likes best, of 50 scenes' captions, names the right set of classes."""
    rng = np.random.default_rng([HELD_OUT, 3])
    scenes = [sample_scene(rng) for _ in range(max(count, CAPTIONS))]
    for number in range(count):
        others = rng.choice(np.delete(np.arange(len(scenes)), number), CAPTIONS - 1, replace=False)
        lined = [scenes[number], *(scenes[other] for other in others)]
        likeness = examiners.likeness(draw(lined[0], SIZE).picture, [caption(scene, rng) for scene in lined])
        best = lined[int(likeness.argmax())]
        yield _classes(best) == _classes(lined[0])


def _classes(scene: Scene) -> list[str]:
    return sorted(toy.identity.class_name for toy in scene.toys)


def _identities_first(examiners: Examiners, count: int, looks: Looks) -> Iterator[bool]:
    """Whether a toy's second drawing is nearer to its first than 20 other toys of its class are."""
    for number in range(count):
        rng = np.random.default_rng([HELD_OUT, 4 + (looks == "seen"), number])
        name = CLASSES[number % len(CLASSES)]
        toys = [sample_identity(rng, looks, name) for _ in range(OTHERS + 1)]
        pictures = [masked_toy(toy, rng) for toy in (toys[0], *toys)]
        features = examiners.identity(pictures)
        yield int((features[1:] @ features[0]).argmax()) == 0


def sizes(checkpoints: Path) -> dict[str, int]:
    """Bytes of each checkpoint and of the largest file."""
    folders = sorted(path for path in checkpoints.iterdir() if path.is_dir())
    files = {folder.name: [file.stat().st_size for file in folder.rglob("*") if file.is_file()] for folder in folders}
    totals = {name: sum(found) for name, found in files.items()}
    return {**totals, "all": sum(totals.values()), "largest_file": max(map(max, files.values()))}
