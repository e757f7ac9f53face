"""Names the folders of drop-ins that a run was begun with, where a name is not known without them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from bench.core.errors import UserError
from bench.run.folder import RunFolder


@contextlib.contextmanager
def naming_paths(folder: RunFolder) -> Iterator[None]:
    """If the block raises `UserError`, raise one that names the run's folders of drop-ins which are not given.

    A name that is not known may be that of a drop-in of theirs.
    """
    try:
        yield
    except UserError:
        _check_paths(folder)
        raise


def _check_paths(folder: RunFolder) -> None:
    from bench.run.as_begun import check_drop_ins  # noqa: PLC0415 - drop-ins import torch, which is slow
    from bench.run.settings import earlier_settings  # noqa: PLC0415

    if (earlier := earlier_settings(folder)) is not None:
        check_drop_ins(folder.path, earlier, ", or take another --name")
