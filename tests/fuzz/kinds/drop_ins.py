"""One's own drop-ins: sources that are wrong in every way that ends by itself."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

from cases import Attack
from mutate.files import mutate_file
from mutate.words import evil, shown

LINES = (
    "import no_such_module", "raise SystemExit(0)", "raise SystemExit('a\\nb')", "1 / 0",
    "(", "raise ValueError('a\\nb\\nc')", "def f(): return f()\nf()", "raise MemoryError",
    "x = " + "(" * 300 + ")" * 300,
    "x = 9" + "9" * 5000, "raise OSError(5, 'odd')", "from bench.api import no_such_name", "import methods.ours",
    "class Method: pass", "Method = 3", "Builder = Method", "Report = 3", "class Metric:\n    columns = 3", "\t x",
    "raise BaseException('x')", "raise UnicodeDecodeError('utf-8', b'x', 0, 1, 'odd')", "import quick", "x: int = 'a'",
    "from __future__ import braces", "Method.variants = 3", "Method.variants = {'a': {'nothing': 1}}",
    "Method.summary = 3", "Method.ledger = 3", "Method.source = 'a\\nb'", "del Method.fit", "Method.generate = 3",
    "Method.fingerprint = lambda self: 1 / 0", "Method.precomputed = lambda self, dataset: 3",
    "Method.missing_requirements = lambda self: 3", "Method.generates_prior = 3", "Method.fit = lambda self: 3",
    "Method.__post_init__ = lambda self: 1 / 0", "Method.__init__ = lambda self, **k: None",
)  # fmt: skip
FIELDS = (
    "float",
    "int = 'x'",
    "no_such_type = 1",
    "list = []",
    "object = None",
    "'int | None' = None",
    "dict[str, int] = None",
)
NAMES = ("ours.py", "a-b.py", "größe.py", "__init__.py", "1.py", "a.b.py", "torch.py", "json.py", ".py")


def drop_ins(rng: Random, place: Path, valid: Path) -> Attack:
    """A method's file with a line more, another field, a damage or a name that no module can have."""
    for name in ("mine", "data"):
        shutil.copytree(valid / name, place / name)
    file = place / "mine" / "quick.py"
    told = _mutated(rng, file)
    return Attack(told, rng.choice((
        ("run", "--dry-run", "--path", "mine", "--dataset", "data", "--methods", "quick,real"),
        ("run", "--dry-run", "--path", "mine", "--dataset", "data", "--methods", "all"),
        ("list", "--path", "mine"),
        ("list", "quick", "--path", "mine"),
    )))  # fmt: skip


def _mutated(rng: Random, file: Path) -> str:
    how = rng.random()
    if how < 0.15:
        return mutate_file(rng, file)
    if how < 0.3:
        name = rng.choice(NAMES)
        file.rename(file.with_name(name))
        return f"the file is called {shown(name)}"
    text = file.read_text()
    if how < 0.4:
        field = rng.choice(FIELDS)
        file.write_text(text.replace("float = 1.0", field))
        return f"a field is {field}"
    if how < 0.5:
        place, odd = rng.randrange(len(text)), evil(rng)
        file.write_bytes((text[:place] + odd + text[place:]).encode("utf-8", "surrogateescape"))
        return f"{shown(odd)} at {place}"
    line = rng.choice(LINES)
    file.write_text(f"{line}\n{text}" if rng.random() < 0.3 else f"{text}\n{line}\n")
    return f"with {shown(line)}"


KINDS = {"drop-in": drop_ins}
