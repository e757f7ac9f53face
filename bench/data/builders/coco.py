"""Builds Break-A-Scene's dataset (B.2) from any folder in COCO's format."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

from bench.core.console import say
from bench.core.errors import UserError
from bench.core.hashing import content_hash, pixel_hash
from bench.core.images import crop_mask, crop_picture, read_picture
from bench.core.limits import check_side
from bench.core.progress import progress_bar
from bench.core.scenes import BACKGROUND
from bench.core.text import count
from bench.data.background import with_background
from bench.data.coco import masks
from bench.data.coco.funnel import Candidate, Crop, Funnel, candidates
from bench.data.coco.images import find_picture, find_pictures
from bench.data.coco.index import Index, annotation_files, load_index
from bench.data.coco.rules import COVERAGE, FEWEST_CONCEPTS, SelectionCriteria
from bench.data.coco.selection import parse_mix, quotas, select
from bench.data.manifest import (
    MANIFEST,
    DatasetSpec,
    LicenceRecord,
    Manifest,
    MaskRecord,
    Option,
    SceneRecord,
    read_manifest,
)
from bench.data.prompts import PromptPlan, PromptScheme, parse_formats
from bench.data.templates import template_options
from bench.data.writer import SHEET, RenderedScene, is_built, write_dataset, write_manifest

PAPERS_COVERAGE = int(100 * COVERAGE)
"""Each concept's least share of the picture in percent (B.2)."""


class SelectionPolicy(Protocol):
    """Selects the scenes and prompts of a dataset: a dataclass whose fields are all recorded in the manifest.

    `only_present` leaves out images whose picture is not in the folder (a partial download of COCO).
    """

    @property
    def split(self) -> str:
        """The splits to use, with commas; empty for all."""
        ...

    @property
    def only_present(self) -> bool:
        """Whether to choose only among images whose picture is in the folder."""
        ...

    @property
    def prompt_plan(self) -> PromptPlan:
        """The prompts of every scene."""
        ...

    def pool(self, indexes: Sequence[Index], on_images: Callable[[int], None]) -> tuple[list[Candidate], Funnel]:
        """All images that may become scenes, and how many each rule left."""
        ...

    def choose(self, pool: Sequence[Candidate]) -> SelectedScenes:
        """The images that become scenes."""
        ...

    def lack_of(self, scenes: Sequence[Sequence[str]]) -> str:
        """What built scenes, each as the classes of its concepts, lack of what is wanted; empty if nothing."""
        ...


@dataclass(frozen=True, eq=False)
class SelectedScenes:
    """The images that become scenes; `lack` says what the pool lacks, and `remedy` how the gap was filled."""

    scenes: tuple[Candidate, ...]
    lack: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class SceneOptions:
    """Break-A-Scene's selection: scenes of two to four concepts (by a longer mix six) in the proportions of `mix`.

    Own `templates` take the place of the `formats`. `coverage` is each concept's least share of the picture in percent.
    With `repeated_classes` a scene may have several concepts of a class.
    """

    scenes: int
    mix: str
    formats: str
    samples: int
    seed: int
    crop: Crop
    prompts: PromptScheme
    split: str = ""
    only_present: bool = False
    templates: tuple[str, ...] = ()
    coverage: int = PAPERS_COVERAGE
    repeated_classes: bool = False

    def __post_init__(self) -> None:
        """Raises `UserError` for invalid values."""
        if min(self.scenes, self.samples) < 1:
            raise UserError("--scenes and --samples must be at least 1")
        if self.crop not in ("center", "best") or self.prompts not in ("powerset", "random"):
            raise UserError("--crop is center or best, --prompts is powerset or random")
        if not 1 <= self.coverage <= 100:
            raise UserError("--coverage is 1 to 100 percent")
        parse_mix(self.mix)
        parse_formats(self.formats)

    @property
    def prompt_plan(self) -> PromptPlan:
        """The prompts of every scene."""
        return PromptPlan(self.templates or parse_formats(self.formats), self.samples, self.prompts, self.seed)

    def pool(self, indexes: Sequence[Index], on_images: Callable[[int], None]) -> tuple[list[Candidate], Funnel]:
        """All images with at least two concepts in their crop."""
        most = FEWEST_CONCEPTS - 1 + len(parse_mix(self.mix))
        criteria = SelectionCriteria(
            most=most, coverage=Fraction(self.coverage, 100), repeated_classes=self.repeated_classes
        )
        return candidates(indexes, self.crop, on_images, criteria)

    def choose(self, pool: Sequence[Candidate]) -> SelectedScenes:
        """The first in hash order for each number of concepts; if the pool lacks the mix, the first of all."""
        selection = select(pool, quotas(parse_mix(self.mix), self.scenes), self.seed)
        if selection.as_mixed:
            return SelectedScenes(selection.chosen)
        lack = _lack(selection.wanted, selection.available, "the pool")
        return SelectedScenes(selection.chosen, lack, f"took the first {len(selection.chosen)} in hash order")

    def lack_of(self, scenes: Sequence[Sequence[str]]) -> str:
        """What built scenes lack of the mix; empty if nothing."""
        wanted, built = quotas(parse_mix(self.mix), self.scenes), Counter(map(len, scenes))
        return "" if all(built[k] >= number for k, number in wanted.items()) else _lack(wanted, built, "the dataset")


@dataclass(frozen=True)
class CocoBuilder:
    """A dataset to build: its builder's name, the folder in COCO's format, options and side in pixels.

    `papers_prompts` is the paper's number of prompts, if there is a paper; `strict` refuses a pool that lacks the
    mix; `manifest_only` writes no pictures and needs none. With `no_masks` the masks are for the evaluation alone.
    `background` adds what the concepts leave as one more, which texts for scoring call by this word ("": none).
    """

    recipe: str
    coco: Path
    options: SelectionPolicy
    size: int
    manifest_only: bool = False
    strict: bool = False
    papers_prompts: int | None = None
    no_masks: bool = False
    background: str = ""

    def build(self, out: Path) -> None:
        """Filter, select, write; prints the funnel, the number of prompts and the path of the contact sheet.

        Raises `UserError` for bad input; then nothing is written.
        """
        check_side(self.size)
        files = annotation_files(self.coco, self.options.split)
        spec = self._spec(files)
        if is_built(out, spec, pictures=not self.manifest_only):
            self._check_built(out)
            say(f"already built: {out}")
            return
        pool, funnel = _filter(files, self.options)
        manifest = Manifest(spec, self._scenes(self._select(_distinct(self._present(pool, funnel)), funnel)))
        self._report_prompts(manifest)
        if self.manifest_only:
            write_manifest(out, manifest)
            say(f"wrote {out / MANIFEST} (no pictures)")
        else:
            write_dataset(out, manifest, CocoPictures.find(self.coco, manifest).draw)
            say(f"wrote {out}; look at {out / SHEET}")

    def _spec(self, files: Sequence[Path]) -> DatasetSpec:
        # Any: a protocol cannot say that it is a dataclass.
        own: Any = self.options
        fields = asdict(own)
        if "templates" in fields:
            fields |= template_options(fields.pop("templates"), fields.pop("formats"))
        if fields.get("coverage") == PAPERS_COVERAGE:  # no option of earlier manifests, whose hashes stay
            del fields["coverage"]
        if not fields.get("repeated_classes", True):  # nor this one
            del fields["repeated_classes"]
        if self.no_masks:  # nor these two
            fields["no_masks"] = True
        if self.background:
            fields["background"] = self.background
        options: Mapping[str, Option] = fields
        return DatasetSpec(
            self.recipe, self.recipe, self.size, options, {file.name: content_hash(file) for file in files}
        )

    def _check_built(self, out: Path) -> None:
        """Raise `UserError` if the dataset in `out` was built without `strict`, and with it would not have been."""
        if not self.strict:
            return
        scenes = read_manifest(out / MANIFEST).scenes
        if lack := self.options.lack_of([[one for one in scene.classes if one != BACKGROUND] for scene in scenes]):
            raise UserError(f"{out}: {lack}; leave --strict out to take it as it is")

    def _present(self, pool: list[Candidate], funnel: Funnel) -> list[Candidate]:
        if not self.options.only_present:
            return pool
        present = [c for c in pool if find_picture(self.coco, c.photo.split, c.photo.file_name) is not None]
        _count(funnel, "its picture is there", present)
        return present

    def _select(self, pool: Sequence[Candidate], funnel: Funnel) -> tuple[Candidate, ...]:
        chosen = self.options.choose(pool)
        _count(funnel, "selected", chosen.scenes)
        say(funnel.table())
        if not chosen.scenes:
            raise UserError(f"no image of {self.coco} passes the rules; the table above says which rule leaves none")
        if chosen.lack and self.strict:
            raise UserError(f"{chosen.lack}; leave --strict out to take what there is")
        if chosen.lack:
            say(f"{chosen.lack}: {chosen.remedy}")
        return chosen.scenes

    def _report_prompts(self, manifest: Manifest) -> None:
        remark = f"{count(len(manifest.scenes), 'scene')}, {count(manifest.prompts, 'prompt')} per method"
        if self.papers_prompts not in (None, manifest.prompts):
            remark += f": this is not the paper's {self.papers_prompts:,}"
        say(remark)

    def _scenes(self, chosen: Sequence[Candidate]) -> tuple[SceneRecord, ...]:
        plan = self.options.prompt_plan
        records = (replace(_record(candidate, self.size, plan), no_masks=self.no_masks) for candidate in chosen)
        return tuple(with_background(one, self.background, plan) if self.background else one for one in records)


@dataclass(frozen=True)
class CocoPictures:
    """The picture files of a manifest's scenes, and the crops of the scenes."""

    size: int
    files: Mapping[str, Path]

    @classmethod
    def find(cls, coco: Path, manifest: Manifest) -> CocoPictures:
        """Find every picture file before any is read.

        Raises `UserError` that says how many are missing and what to do.
        """
        try:
            files = find_pictures(coco, [(scene.split, scene.file_name) for scene in manifest.scenes])
        except UserError as error:
            raise UserError(
                f"{error}. --only-present chooses among those there are, --manifest-only needs none"
            ) from None
        return cls(manifest.spec.size, {s.name: file for s, file in zip(manifest.scenes, files, strict=True)})

    def draw(self, record: SceneRecord) -> RenderedScene:
        """Read, crop and resize a scene's picture.

        Raises `UserError` if it cannot be read or does not have the size that the annotations state.
        """
        file = self.files[record.name]
        source = read_picture(file)
        height, width = source.shape[:2]
        if (width, height) != record.source_size:
            said = " x ".join(map(str, record.source_size))
            raise UserError(f"{file} is {width} x {height} pixels, its annotations are for {said}")
        return RenderedScene(crop_picture(source, record.square, self.size), pixel_hash(source))


def _lack(wanted: Mapping[int, int], available: Mapping[int, int], place: str) -> str:
    """A sentence on what a place lacks of the mix; both count scenes by number of concepts."""
    numbers = sorted(wanted)
    needed, there = (", ".join(str(counts.get(k, 0)) for k in numbers) for counts in (wanted, available))
    return f"the mix needs {needed} scenes with {', '.join(map(str, numbers))} concepts, {place} has {there}"


def _distinct(pool: Sequence[Candidate]) -> list[Candidate]:
    """The pool with each photo once, as in the first file: COCO's splits of 2014 and 2017 are of the same photos."""
    first: dict[object, Candidate] = {}
    for candidate in pool:
        first.setdefault(candidate.photo_key, candidate)
    if again := len(pool) - len(first):
        say(f"left out {count(again, 'photo')} that an earlier annotation file has too, as COCO's of 2014 and 2017 do")
    return list(first.values())


def _filter(files: Sequence[Path], options: SelectionPolicy) -> tuple[list[Candidate], Funnel]:
    with progress_bar("reading annotations", len(files)) as progress:
        indexes = []
        for file in files:
            progress.say(f"reading {file.name}")
            indexes.append(load_index(file))
            progress.advance()
    with progress_bar("filtering images", sum(len(index.photos) for index in indexes)) as progress:
        return options.pool(indexes, progress.advance)


def _count(funnel: Funnel, rule: str, left: Sequence[Candidate]) -> None:
    funnel.set(rule, len(left), sum(len(candidate.concepts) for candidate in left))


def _record(candidate: Candidate, size: int, plan: PromptPlan) -> SceneRecord:
    """The record of a chosen image, still without the hashes of its pixels."""
    photo = candidate.photo
    name = f"{re.sub(r'[^A-Za-z0-9_]+', '-', photo.split).strip('-')}-{photo.id:012d}"
    licence = LicenceRecord(photo.licence.name, photo.licence.url) if photo.licence else None
    return SceneRecord(
        name=name.removeprefix("-"),
        split=photo.split,
        image_id=photo.id,
        annotation_ids=tuple(concept.annotation.id for concept in candidate.concepts),
        file_name=photo.file_name,
        source_size=(photo.width, photo.height),
        crop=candidate.square.box,
        classes=tuple(concept.label for concept in candidate.concepts),
        masks=tuple(_output_mask(concept.rle, candidate, size) for concept in candidate.concepts),
        licence=licence,
        url=photo.url,
        prompts=plan.prompts(name.removeprefix("-"), len(candidate.concepts)),
    )


def _output_mask(rle: masks.Rle, candidate: Candidate, size: int) -> MaskRecord:
    return MaskRecord((size, size), masks.counts_text(crop_mask(masks.decode(rle), candidate.square, size)))
