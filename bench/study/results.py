"""Reads what came back of a study: files of its own page, Mechanical Turk's batch results, Label Studio's exports."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from bench.core.errors import UserError, one_line
from bench.core.validation import validated
from bench.study import label_studio, mturk
from bench.study.record import StudyRecord
from bench.study.responses import RaterResponse

SCHEMA = 1
"""Of the page's files."""
SUFFIXES = (".json", ".csv")
_COLUMNS = ("study", "rater", "question", "option", "value", "place", "seconds")


def read_results(paths: Iterable[Path], record: StudyRecord) -> tuple[tuple[Path, tuple[RaterResponse, ...]], ...]:
    """The responses of each file; a folder stands for its CSV and JSON files.

    Raises `UserError` where there is none, for a file that is none of the known kinds or damaged, and for answers
    to another study.
    """
    found = [file for path in paths for file in _files(path)]
    if not found:
        raise UserError("there are no results to read; name the files that raters sent back, or a folder of them")
    return tuple((file, _checked(file, _read(file, record), record)) for file in found)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)


def _read(file: Path, record: StudyRecord) -> tuple[RaterResponse, ...]:
    try:
        return tuple(_responses(file, record))
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise UserError(f"{file} holds no results of a study, or is damaged ({_told(error)})") from error


def _told(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else one_line(error)


def _responses(file: Path, record: StudyRecord) -> Iterator[RaterResponse]:
    if file.suffix.lower() != ".csv":
        content = json.loads(file.read_bytes())
        if label_studio.is_export(content):
            return label_studio.read_export(content)
        return _own(file, content, record)
    frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    if mturk.is_batch(list(frame.columns)):
        return mturk.read_batch(frame)
    return _own_csv(file, frame, record)


def _own_csv(file: Path, frame: pd.DataFrame, record: StudyRecord) -> Iterator[RaterResponse]:
    """The rows of the page's own CSV, or of several put together: every row names its study and its rater."""
    for (study, rater), rows in frame.groupby(["study", "rater"], sort=False, dropna=False):
        content = {"schema": SCHEMA, "study": study, "rater": rater, "rows": rows.to_dict("records")}
        yield from _own(file, content, record)


def _own(file: Path, content: dict[str, object], record: StudyRecord) -> Iterator[RaterResponse]:
    """The rows of one rater in the page's own file."""
    if content["schema"] != SCHEMA:
        raise UserError(f"{file} has schema {content['schema']}, this version reads {SCHEMA}")
    if content["study"] != record.study:
        raise UserError(f"{file} holds answers of the study {content['study']}, not of {record.study}; leave them out")
    rows: list[dict[str, object]] = validated(str(file), list[dict[str, object]], content["rows"])
    for row in rows:
        named = {name: row[name] for name in _COLUMNS if name not in ("study", "rater")}
        response: RaterResponse = validated(str(file), RaterResponse, {"rater": str(content["rater"]), **named})
        yield response


def _checked(file: Path, responses: tuple[RaterResponse, ...], record: StudyRecord) -> tuple[RaterResponse, ...]:
    """Raise `UserError` for what the study did not ask or show."""
    known = record.by_id
    for response in responses:
        if response.question not in known:
            raise UserError(f"{file} answers a question '{response.question}' that this study did not ask")
        if response.place and response.option not in known[response.question].pictures:
            raise UserError(f"{file} tells of a picture '{response.option}' that was not shown with its question")
    return responses
