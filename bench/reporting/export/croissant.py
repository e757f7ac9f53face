"""Croissant: the description of a dataset's folder for other tools (http://mlcommons.org/croissant/1.0)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.core.errors import UserError
from bench.core.files import write_bytes
from bench.core.hashing import content_hash
from bench.data.manifest import MANIFEST, Manifest
from bench.reporting.export.results import slug
from bench.reporting.runs.recorded import RecordedRun

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context of Croissant 1.0."""
SCENE_FIELDS = {
    "name": ("sc:Text", "name of the scene; its files are in scenes/NAME/"),
    "split": ("sc:Text", "split of the source that the picture is from"),
    "file_name": ("sc:Text", "file of the source"),
    "url": ("sc:URL", "where the source is"),
    "picture_sha256": ("sc:Text", "SHA-256 of the decoded picture"),
}


def write_croissant(run: RecordedRun, out: Path) -> tuple[Path, ...]:
    """Write `croissant.json`, to lie in the dataset's folder beside its manifest, and a copy of the manifest.

    Raises `UserError` where the run's dataset is not there.
    """
    manifest = run.manifest
    if manifest is None:
        raise UserError(f"the dataset of {run.path} is not at {run.settings.dataset}; put it there")
    file, copy = out / "croissant.json", out / MANIFEST
    write_bytes(copy, (run.dataset_folder / MANIFEST).read_bytes())
    write_bytes(file, (json.dumps(describe(manifest, content_hash(copy)), indent=1) + "\n").encode())
    return file, copy


def describe(manifest: Manifest, file_sha256: str) -> dict[str, Any]:
    """The JSON-LD of a dataset; `file_sha256` is that of its manifest's file."""
    licences = sorted({scene.licence.url for scene in manifest.scenes if scene.licence and scene.licence.url})
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": slug(manifest.spec.name),
        "description": f"{len(manifest.scenes)} scenes with masks and {manifest.prompts} prompts, for single-image "
        f"multi-concept personalization; built by SceneBench's recipe {manifest.spec.recipe}.",
        "version": "1.0.0",
        "identifier": f"sha256:{manifest.sha256}",
        **({"license": licences} if licences else {}),
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "manifest",
                "name": "manifest",
                "contentUrl": MANIFEST,
                "encodingFormat": "application/json",
                "sha256": file_sha256,
            },
            {
                "@type": "cr:FileSet",
                "@id": "pictures",
                "name": "pictures",
                "description": "the scenes' pictures",
                "encodingFormat": "image/png",
                "includes": "scenes/*/img*.png",
            },
            {
                "@type": "cr:FileSet",
                "@id": "masks",
                "name": "masks",
                "description": "a mask per concept, white inside",
                "encodingFormat": "image/png",
                "includes": "scenes/*/mask*.png",
            },
        ],
        "recordSet": [_scenes()],
    }


def _scenes() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "scenes",
        "name": "scenes",
        "description": "a record per scene, from the manifest",
        "key": {"@id": "scenes/name"},
        "field": [_field(name, kind, told) for name, (kind, told) in SCENE_FIELDS.items()],
    }


def _field(name: str, kind: str, told: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"scenes/{name}",
        "name": name,
        "description": told,
        "dataType": kind,
        "source": {"fileObject": {"@id": "manifest"}, "extract": {"jsonPath": f"$.scenes[*].{name}"}},
    }
