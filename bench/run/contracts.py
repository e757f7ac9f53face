"""Checks of what a method returns; errors are one line that names the method's file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bench.core.errors import REFUSED, UserError, line_in, one_line
from bench.core.limits import size_fault
from bench.core.scenes import ImageArray
from bench.plugins.method import ChecksConfiguration, DeclaresPictureSide
from bench.plugins.spec import Configured

if TYPE_CHECKING:
    import torch


class ContractError(Exception):
    """A method returned something invalid; the message is one line with its file."""


@contextlib.contextmanager
def own_code(method: Configured) -> Iterator[None]:
    """A block that asks a method for something; what that raises is a `UserError`, one line with the method's file."""
    try:
        yield
    except (UserError, *REFUSED):
        raise
    except Exception as error:
        place = line_in(error, method.drop_in.file)
        raise UserError(f"{place}: {method.spec} cannot be run: {one_line(error)}") from error


def check_configuration(method: Configured) -> None:
    """Let the method check its configuration, as a recipe method does by building its recipe.

    Raises `UserError`, one line with the method's file, if that fails.
    """
    if not isinstance(method.instance, ChecksConfiguration):
        return
    try:
        method.instance.check_configuration()
    except Exception as error:
        place = line_in(error, method.drop_in.file)
        raise UserError(f"{place}: {method.spec} cannot be run: {one_line(error)}") from error


def checked_state(method: Configured, state: object, verb: str = "fit") -> dict[str, torch.Tensor]:
    """The state that `fit`, or what stands for it, returned, checked.

    Raises `ContractError` unless it is a mapping of names to tensors.
    """
    import torch  # noqa: PLC0415 - it is there once something was fitted

    if not isinstance(state, Mapping):
        raise _broken(method, f"{verb} returned {_told(state)}; it must return a mapping of str to torch.Tensor")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            what = f"{name!r}: {_told(value)}"
            raise _broken(method, f"{verb} returned a mapping with {what}; it must be of str to torch.Tensor")
    return dict(state)


def checked_beginnings(method: Configured, given: object, wanted: int) -> list[dict[str, torch.Tensor] | Exception]:
    """What `begin_fits` returned, checked.

    Raises `ContractError` unless it is so many states or exceptions.
    """
    if not isinstance(given, Sequence) or len(given) != wanted:
        raise _broken(method, f"begin_fits returned {_told(given)}; it must return a state for each scene, in order")
    return [one if isinstance(one, Exception) else checked_state(method, one, "begin_fits") for one in given]


def drawn_pictures(method: Configured, pictures: object) -> Iterator[object]:
    """An iterator over what `generate` returned; raises `ContractError` if it is not iterable."""
    try:
        return iter(pictures)  # type: ignore[call-overload, no-any-return]
    except TypeError:
        raise _broken(method, f"generate returned {_told(pictures)}; it must yield pictures") from None


def checked_pictures(
    method: Configured, pictures: Sequence[object], count: int, resolution: int
) -> Sequence[ImageArray]:
    """The pictures of `generate`, checked one by one; `count` of them are expected.

    Raises `ContractError` if there are more or fewer, or one is not uint8 [side, side, 3], where `side` is the
    backbone's `resolution` unless the method declares another (`DeclaresPictureSide`).
    """
    if len(pictures) != count:
        told = "more pictures than were asked for" if len(pictures) > count else "fewer pictures than were asked for"
        raise _broken(method, f"generate gave {told}; it must give one per request, in order")
    own = method.instance
    side = own.picture_side if isinstance(own, DeclaresPictureSide) else resolution
    return [_checked_picture(method, picture, side) for picture in pictures]


def _checked_picture(method: Configured, picture: object, side: int | None) -> ImageArray:
    wanted = f"uint8 [{side or 'H'}, {side or 'W'}, 3]"
    if not isinstance(picture, np.ndarray):
        raise _broken(method, f"generate gave {_told(picture)} for a picture; it must be a numpy array {wanted}")
    sized = picture.ndim == 3 and picture.shape[2] == 3 and 0 not in picture.shape
    if picture.dtype != np.uint8 or not sized or (side is not None and picture.shape[:2] != (side, side)):
        found = f"{picture.dtype} {list(picture.shape)}"
        right_size = side is None or picture.shape[:2] == (side, side)
        hint = "; convert it: .astype(np.uint8)" if right_size else " (pictures of another size need `picture_side`)"
        raise _broken(method, f"generate gave a picture {found}; it must be {wanted}{hint if sized else ''}")
    if fault := size_fault(picture.shape[1], picture.shape[0]):
        raise _broken(method, f"generate gave a picture that {fault}")
    return picture


def _broken(method: Configured, why: str) -> ContractError:
    return ContractError(f"{method.drop_in.file}: {why}")


def _told(value: object) -> str:
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return "None" if value is None else f"a value of type {name}"
