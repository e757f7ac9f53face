"""Text between two marks of a document, which a script writes: a model card's table, a README's results."""

from __future__ import annotations

from pathlib import Path

from bench.core.errors import UserError
from bench.core.files import write_bytes


def marked_text(document: str, begin: str, end: str) -> str:
    """The text between the marks, which stand in lines of their own; raises `UserError` if one is missing."""
    rest = document.partition(begin)[2]
    inside, found = rest.partition(end)[:2]
    if not found:
        raise UserError(f"the document has no place for the text; put in the lines {begin} and {end}")
    return f"{inside.strip()}\n"


def write_marked(path: Path, begin: str, end: str, text: str) -> None:
    """Replace the text between the marks of a file; raises `UserError` if one is missing."""
    document = path.read_text(encoding="utf-8")
    marked_text(document, begin, end)
    before, after = document.split(begin)[0], document.split(end)[1]
    write_bytes(path, f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}".encode())
