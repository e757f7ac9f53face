"""The stages of `bench generate`: fit if needed, draw every text that is missing, and lay out the sheet."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.core.errors import UserError
from bench.core.files import read_record, write_bytes, write_json
from bench.core.hashing import digest
from bench.core.images import picture_png, read_picture
from bench.core.progress import ProgressBar, console, progress_bar
from bench.core.scenes import Prompt, Scene
from bench.core.seeds import seed_from
from bench.data.templates import TOKENS
from bench.diffusion.sampling.sampler import DrawJob, draw
from bench.diffusion.training.recipe_method import RecipeMethod
from bench.edit.fitting import Share, learner, load_fit
from bench.edit.inputs import handles, read_source
from bench.edit.options import EditPaths, GenerateOptions
from bench.edit.output import output_name
from bench.edit.session import EditSession
from bench.edit.sheet import Row, contact_sheet
from bench.plugins.method import ExtendsScene
from bench.plugins.spec import Configured
from bench.run.options import BackboneOptions
from bench.run.plan import Unit

VERSION = 1
"""Raised whenever a change of the engine changes what the same text gives."""
SCHEMA = 1
RECORD, SHEET = "generated.json", "sheet.png"
_FIT, _PICTURE = 10.0, 1.0
"""Shares of the progress bar."""
_HANDLE = re.compile(r"\[[^\[\]]*\]")
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Record:
    """What lies in an output's folder: the hash of the settings that all its pictures share, and samples by text."""

    key: str
    texts: Mapping[str, int]
    settings: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Generation:
    """A validated `bench generate` with its source read; `scene` has every concept that the method learns."""

    session: EditSession
    unit: Unit
    scene: Scene
    texts: tuple[str, ...]
    paths: EditPaths
    batch_size: int

    @property
    def folder(self) -> Path:
        """The output's folder: the name that was given, or one of method, source and key."""
        made = output_name((self.unit.method.spec, self.unit.scene.name), self.key)
        return self.paths.outputs / (self.paths.name or made)

    @property
    def key(self) -> str:
        """A hash of everything besides text and sample that can change a picture."""
        sampler = self.session.backbone.settings.sampler
        return digest([VERSION, self.unit.key, sampler.steps, sampler.guidance, self.session.conditions.seed])

    @property
    def settings(self) -> dict[str, Any]:
        """What is recorded beside the pictures and inside each."""
        return {
            "method": self.unit.method.spec,
            "configuration": self.unit.method.configuration,
            "source": self.unit.scene.name,
            "handles": {concept.handle: concept.label for concept in self.scene.concepts},
            "fit": self.unit.key,
            **asdict(self.session.conditions),
        }


@dataclass(frozen=True)
class Picture:
    """One picture to draw: its text and the number of its sample, from 1."""

    text: str
    sample: int

    @property
    def file(self) -> str:
        """The name of its file: the text's letters, a hash of the text, and the sample."""
        letters = re.sub(r"[^A-Za-z0-9]+", "-", self.text).strip("-")[:_LONGEST_NAME].strip("-")
        return f"{letters or 'text'}-{digest(self.text)[:6]}-{self.sample}.png"

    def noise_seed(self, seed: int) -> int:
        """The same for every method and source."""
        return seed_from(text=self.text, sample=self.sample, seed=seed)


def generate(options: GenerateOptions, backbone: BackboneOptions, paths: EditPaths) -> tuple[Path, ...]:
    """Draw what is missing of the texts; returns the sheet, then the pictures of these texts, in order.

    Texts and samples are added to what the folder holds; nothing is drawn twice or overwritten.

    Raises `UserError` for options that cannot be applied; then nothing is written.
    """
    method = learner(options.method)
    session = EditSession.opened(backbone)
    generation = _generation(options, session, method, paths)
    _warn_of_own_drawing(method)
    session.warn_of_unknown_words(generation.scene)
    record = _recorded(generation, options.samples)
    pictures = [Picture(text, number + 1) for text in generation.texts for number in range(options.samples)]
    missing = [picture for picture in pictures if not (generation.folder / picture.file).is_file()]
    watched = pictures if options.attention else []
    more: tuple[Path, ...] = ()
    if missing or watched:
        count = len(missing) + len(watched)
        total = _FIT + _PICTURE * count
        with session.backbone.hardware.computing(), progress_bar("generate", total, count) as progress:
            load_fit(session, generation.unit, paths, Share(progress, _FIT))
            _draw(generation, missing, progress)
            more = _watch(generation, watched, options.attention, progress)
    write_bytes(generation.folder / SHEET, contact_sheet(generation.scene, tuple(_rows(generation, record))))
    paths.settle(generation.unit.key)
    return (generation.folder / SHEET, *more, *(generation.folder / picture.file for picture in pictures))


def expanded(template: str, scene: Scene) -> tuple[str, ...]:
    """A text of every concept alone and one of all together: the template with their handles in place of `{tokens}`.

    A background is not among them; its handle can stand in the template.

    Raises `UserError` for a template that does not have `{tokens}` once.
    """
    if template.count(TOKENS) != 1:
        raise UserError(f"--each '{template}': write {TOKENS} once, as in 'a photo of {TOKENS} in the snow'")
    shown = [index for index, concept in enumerate(scene.concepts) if not concept.is_background]
    subsets = dict.fromkeys([*((index,) for index in shown), tuple(shown)])
    return tuple(scene.text_with_handles(Prompt(template, subset, 0)) for subset in subsets)


def check_texts(texts: Sequence[str], scene: Scene) -> None:
    """Raise `UserError` for a text with a handle that the scene does not have; warn of one without any."""
    known, has = {concept.handle for concept in scene.concepts}, handles(scene.concepts)
    for text in texts:
        written = _HANDLE.findall(text)
        if unknown := [one for one in written if one not in known]:
            raise UserError(f"'{text}': the source has no {unknown[0]}; it has {has}")
        if not written:
            console.print(
                f"'{text}' names no handle, so nothing that was learned is drawn; known: {has}, to be written as in "
                f"'a photo of {scene.concepts[0].handle}'",
                soft_wrap=True,
                markup=False,
            )


def _warn_of_own_drawing(method: Configured) -> None:
    """Say that texts are drawn plainly where `bench run` draws them in the method's own way, as CLiC's two stages."""
    if isinstance(method.instance, RecipeMethod) and type(method.instance).generate is not RecipeMethod.generate:
        told = f"{method.spec} draws in a way of its own in bench run; here the fitted backbone draws every text alone"
        console.print(told, soft_wrap=True, markup=False)


def _generation(options: GenerateOptions, session: EditSession, method: Configured, paths: EditPaths) -> Generation:
    scene = read_source(options.source, session.backbone.resolution)
    learned = method.instance.training_scene(scene) if isinstance(method.instance, ExtendsScene) else scene
    texts = dict.fromkeys((*options.texts, *(text for one in options.each for text in expanded(one, learned))))
    check_texts(tuple(texts), learned)
    session.backbone.settings.sampler.check_attention(options.attention)
    return Generation(session, session.unit(method, scene), learned, tuple(texts), paths, options.batch_size)


def _recorded(generation: Generation, samples: int) -> Record:
    """The folder's record with these texts added, written; raises `UserError` if the folder holds something else."""
    folder, texts = generation.folder, dict.fromkeys(generation.texts, samples)
    if folder.exists():
        texts = {**(there := _read(generation).texts), **{t: max(n, there.get(t, 0)) for t, n in texts.items()}}
    record = Record(generation.key, texts, generation.settings)
    write_json(folder / RECORD, asdict(record), SCHEMA)
    return record


def _read(generation: Generation) -> Record:
    file = generation.folder / RECORD
    if not file.is_file():
        raise UserError(f"{generation.folder} is there already and holds something else; give these another --name")
    record: Record = read_record(file, SCHEMA, Record)
    if record.key != generation.key:
        raise UserError(
            f"{generation.folder} holds pictures of another method, source, sampler or seed; give these another --name"
        )
    return record


def _draw(generation: Generation, missing: Sequence[Picture], progress: ProgressBar) -> None:
    """Draw pictures into the folder, each with its settings inside as PNG text."""
    seed, backbone = generation.session.conditions.seed, generation.session.backbone
    jobs = [DrawJob(picture.text, picture.noise_seed(seed)) for picture in missing]
    progress.say("drawing")
    drawn = zip(missing, jobs, draw(backbone, jobs, generation.batch_size), strict=True)
    for number, (picture, job, pixels) in enumerate(drawn, start=1):
        told = {**generation.settings, **asdict(picture), "noise_seed": job.noise_seed}
        inside = {"prompt": picture.text, "scenebench": json.dumps(told, sort_keys=True, ensure_ascii=False)}
        write_bytes(generation.folder / picture.file, picture_png(pixels, inside))
        progress.done(number)
        progress.advance(_PICTURE)


def _watch(
    generation: Generation, watched: Sequence[Picture], steps: tuple[int, ...], progress: ProgressBar
) -> tuple[Path, ...]:
    """Draw pictures once more to record where the network looks before the sampling steps; returns sheet and CSV."""
    from bench.edit.attention import AttentionReport  # noqa: PLC0415 - evaluators are slow to import

    if not watched:
        return ()
    report = AttentionReport(generation.session.backbone, generation.scene, steps)
    for picture in watched:
        progress.say("attention")
        report.add(picture.text, picture.sample, picture.noise_seed(generation.session.conditions.seed))
        progress.advance(_PICTURE)
    return report.write(generation.folder)


def _rows(generation: Generation, record: Record) -> Iterator[Row]:
    for text, samples in record.texts.items():
        files = (generation.folder / Picture(text, number + 1).file for number in range(samples))
        yield Row(text, tuple(read_picture(file) for file in files if file.is_file()))
