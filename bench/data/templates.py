"""One's own prompt templates in place of Break-A-Scene's formats: read from a file, or written as they are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from bench.core.console import say
from bench.core.errors import UserError
from bench.core.scenes import BEHIND

TEMPLATES = "templates.txt"
"""The file of templates in a folder of one's own pictures."""
TOKENS = "{tokens}"
"""Where a template has the prompt's concepts; it has it once."""
ALL_FORMATS = "10"
MOST_TEMPLATES = 1000
MOST_BYTES = 1_000_000


def own_templates(
    templates: str, formats: str = ALL_FORMATS, defaults: Collection[str] = (ALL_FORMATS,)
) -> tuple[str, ...]:
    """The user's own templates, which take the place of all formats; none where `templates` is empty.

    `templates` is a file or the lines themselves, as in `read_templates`; `defaults` are the values of a builder's
    field `formats` that say nothing. Raises `UserError` as `read_templates` does, and for any other `formats` beside
    own templates.
    """
    if not templates:
        return ()
    read = read_templates(templates)
    if formats not in defaults:
        raise UserError(
            f"formats {formats} are of Break-A-Scene's ten, whose place your own templates take: leave --formats out, "
            "or the templates"
        )
    say(f"prompts of {len(read)} {'template' if len(read) == 1 else 'templates'} of your own, in place of the formats")
    return read


def read_templates(text: str) -> tuple[str, ...]:
    """The templates of a file, one per line; or, of a text that holds `{tokens}`, its own lines.

    Blank lines and lines that begin with # are skipped. Raises `UserError` with file and line for a template that does
    not have `{tokens}` once, has `{background}` or a control character, or is there twice, and for a file without any.
    """
    if TOKENS in text:
        return _parsed("--templates", text)
    file = Path(text)
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
        lines = content.decode("utf-8-sig")
    except OSError as error:
        why = f"{error.strerror or error}, and it is not a template either: it lacks {TOKENS}"
        raise UserError(f"cannot read the templates {file}: {why}; {_STEP}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not a text in UTF-8 ({error.reason} at byte {error.start}); {_STEP}") from error
    if len(content) > MOST_BYTES:
        raise UserError(f"{file} has more than {MOST_BYTES:,} bytes; {_STEP}")
    return _parsed(str(file), lines)


def takes_no_templates(name: str, file: Path) -> UserError:
    """The error for own templates given to a builder that declares no field for them."""
    return UserError(
        f'{name} takes no --templates: in {file}, the class Builder would declare `templates: str = ""` and make its '
        "prompts of own_templates(self.templates) where that is not empty (an example: docs/api.md, A dataset)"
    )


def templates_of_folder(folder: Path) -> str:
    """The name of the file of templates in a folder of one's own pictures, for `own_templates`; empty if it has none.

    Raises `UserError` for one in a scene's folder: all scenes have the same templates.
    """
    for strayed in sorted(folder.glob(f"*/{TEMPLATES}")):
        raise UserError(f"{strayed} would be of one scene, and all have the same templates; put it into {folder}")
    file = folder / TEMPLATES
    return str(file) if file.is_file() else ""


def template_options(own: Sequence[str], formats: str) -> dict[str, str]:
    """What a manifest records: the contents of the own templates, or the formats where there are none."""
    return {"templates": "\n".join(own)} if own else {"formats": formats}


_STEP = f"--templates takes a file with one template per line, each with {TOKENS} once"


def _parsed(place: str, text: str) -> tuple[str, ...]:
    found: dict[str, int] = {}
    for number, template in _lines(text):
        if fault := _fault(template, found):
            raise UserError(f"{place}, line {number}: '{template[:60]}' {fault}")
        found[template] = number
    if not found:
        raise UserError(f"{place} has no template; {_STEP}")
    if len(found) > MOST_TEMPLATES:
        raise UserError(f"{place} has {len(found):,} templates; at most {MOST_TEMPLATES:,} are supported")
    return tuple(found)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that hold something, stripped, with their numbers from 1."""
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield number, stripped


def _fault(template: str, found: dict[str, int]) -> str:
    """What is wrong with a template; empty if nothing is."""
    if template in found:
        return f"is already in line {found[template]}"
    if template.count(TOKENS) != 1:
        return f"has {TOKENS} {template.count(TOKENS)} times; it must have it once, where the concepts stand"
    if BEHIND in template:
        return f"has {BEHIND}, which a dataset with a background fills in prompts that it adds itself: leave it out"
    return "" if template.isprintable() else "has a character that cannot be printed"
