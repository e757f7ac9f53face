"""The source scene of an edit: with its own masks, or with one found from pictures that share the concept."""

from __future__ import annotations

import numpy as np

from bench.core.errors import UserError
from bench.core.files import write_bytes
from bench.core.hashing import digest, pixel_hash
from bench.core.images import mask_png
from bench.core.progress import console, progress_bar
from bench.core.scenes import Concept, Mask, Scene, handle
from bench.core.seeds import seed_from
from bench.core.text import count
from bench.data.builders.folder import picture_of, scene_name
from bench.data.builders.mask_file import read_mask
from bench.diffusion.editing.common_region import SharedConcept, shared_region
from bench.edit.inputs import read_sharing, read_source
from bench.edit.options import EditOptions, EditPaths
from bench.edit.session import EditSession


def source_scene(options: EditOptions, paths: EditPaths, session: EditSession) -> Scene:
    """The scene to learn from.

    With `shared` the source needs no mask: its one concept `[v1]` is what its `img.jpg` and the shared pictures
    have in common (CLiC, section 3.3). The mask is stored beside the edits and computed once.

    Raises `UserError` for an unusable source, picture or object.
    """
    if options.shared is None:
        if options.object is not None:
            raise UserError("--object goes with --shared; otherwise write objects.txt into the source's folder")
        return read_source(options.source, session.backbone.resolution)
    if options.object is None:
        raise UserError("--shared needs --object WORD: what all those pictures show, for example chair")
    pictures = read_sharing(options.source, options.shared, session.backbone.resolution)
    shared = SharedConcept(pictures, options.object, session.budget, session.conditions.seed)
    mask = _found(shared, paths, session)
    concept = Concept(options.object, mask, handle(0))
    return Scene(scene_name(picture_of(options.source).parent), pictures[0], (concept,))


def _found(shared: SharedConcept, paths: EditPaths, session: EditSession) -> Mask:
    hashes = [pixel_hash(picture) for picture in shared.pictures]
    key = digest([hashes, shared.object, shared.seed, session.conditions.backbone, session.conditions.precision,
                       dict(session.conditions.budget), session.conditions.sampling_steps])  # fmt: skip
    file = paths.shared_mask(key)
    if not file.is_file():
        seeded = SharedConcept(shared.pictures, shared.object, shared.budget, seed_from(shared=key, seed=shared.seed))
        with progress_bar(f"the region that {count(len(hashes), 'picture')} share", 1.0) as progress:
            session.backbone.restore()
            mask = shared_region(session.backbone, seeded, lambda _done, total: progress.advance(1.0 / total))
        write_bytes(file, mask_png(np.asarray(mask)))
        console.print(f"the source's mask, as found: {file}", soft_wrap=True, markup=False)
    return read_mask(file)
