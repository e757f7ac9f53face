"""The peak of the bytes that tensors hold, also under a `FakeTensorMode`, where there is no memory and no device.

It agrees with `torch.distributed._tools.mem_tracker.MemTracker` (a test), which looks at every live tensor after every
operation and so takes minutes where this takes seconds.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

BLOCK = 512
"""Bytes; CUDA's caching allocator rounds every tensor up to a multiple."""


class LiveMemory(TorchDispatchMode):
    """Counts the bytes of live storages per device type; `peak` has the largest count of each since `reset`.

    `known` are tensors that exist before. `traffic` are the bytes that operations read and wrote: every operation reads
    and writes all of its tensors, as without fusion; views are free.
    """

    def __init__(self, known: Iterable[Tensor] = ()) -> None:
        super().__init__()
        self.now: Counter[str] = Counter()
        self.peak: Counter[str] = Counter()
        self.traffic = 0
        self._seen: dict[int, weakref.ref[Any]] = {}
        for tensor in known:
            self._count(tensor)

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation and count what it made."""
        result = function(*args, **(kwargs or {}))
        made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        for tensor in made:
            self._count(tensor)
        if not is_view(function):
            used = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
            self.traffic += sum(tensor.numel() * tensor.element_size() for tensor in (*used, *made))
        return result

    def reset(self) -> None:
        """Forget the peak until now."""
        self.peak = Counter(self.now)

    def _count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = id(storage)
        if (seen := self._seen.get(key)) is not None and seen() is storage:
            return
        place, size = tensor.device.type, -(-storage.size() // BLOCK) * BLOCK
        self.now[place] += size
        self.peak[place] = max(self.peak[place], self.now[place])

        def gone(_: object) -> None:
            self.now[place] -= size
            self._seen.pop(key, None)

        self._seen[key] = weakref.ref(storage, gone)


def is_view(function: Any) -> bool:
    """Whether an operation only gives a tensor another shape."""
    aliases = [one.alias_info for one in function._schema.returns]
    return any(alias is not None and not alias.is_write for alias in aliases)


def gibibytes(count: float) -> float:
    """Bytes as GiB."""
    return count / 2**30
