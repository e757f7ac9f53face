"""Helper modules: files beside a user's drop-ins that these import by bare name, as in `import palette`."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from bench.core.errors import UserError


class HelperFinder(MetaPathFinder):
    """Finds top-level modules in the user's folders: `NAME.py`, or a package `NAME/` with an `__init__.py`.

    It comes after all other finders, so nothing installed is ever shadowed; and unlike an entry of `sys.path` it does
    not treat a folder without an `__init__.py` as a package: a user's `datasets/` must not replace Hugging Face's.
    `folders` returns the user's current folders.
    """

    def __init__(self, folders: Callable[[], Iterable[Path]]) -> None:
        self._folders = folders
        self.found: set[str] = set()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """The module of that name in the user's folders, or None; raises `ImportError` if there are two."""
        if path is not None or "." in fullname:
            return None
        files = self.files(fullname)
        if len(files) > 1:
            told = f"two modules are called '{fullname}': {files[0]} and {files[1]}; rename one of the files"
            raise ImportError(told, name=fullname)
        if not files:
            return None
        self.found.add(fullname)
        return importlib.util.spec_from_file_location(fullname, files[0])

    def files(self, name: str) -> tuple[Path, ...]:
        """The files in the user's folders that may be the top-level module `name`."""
        candidates = (folder / part for folder in self._folders() for part in (f"{name}.py", f"{name}/__init__.py"))
        return tuple(dict.fromkeys(file.resolve() for file in candidates if file.is_file()))

    def resolve(self, name: str) -> Path | None:
        """The file in the user's folders that `import name` loads; None if it loads something installed or nothing.

        Raises `UserError` if there are two.
        """
        files = self.files(name)
        if not files:
            return None
        try:
            spec = importlib.util.find_spec(name)
        except ImportError as error:
            raise UserError(str(error)) from error
        found = Path(spec.origin).resolve() if spec and spec.origin else None
        return found if found in files else None
