"""What a file imports, as its text says."""

from __future__ import annotations

import ast

from bench.plugins.imports import imported_names

TEXT = """
import a
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import never
try:
    import b
except ImportError:
    import c
else:
    import d
finally:
    import e
class F:
    import f
    async def g(self):
        async with x:
            import g
        for _ in y:
            pass
        else:
            import h
match z:
    case 1:
        import i
if q: import j
elif r:
    from . import k
from ..up import l as other
"""


def test_imports_are_found_in_every_kind_of_block() -> None:
    here = {"x.y", "x.y.k", "x.up", "x.up.l", "typing", "typing.TYPE_CHECKING"}
    assert imported_names(ast.parse(TEXT), "x.y") == here | set("abcdefghij")
