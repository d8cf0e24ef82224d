"""Frozen dataclasses to JSON and strictly back. Knows nothing of what they mean.

Strict: a missing, unknown or wrongly typed field is an error and never a guess, so that what was
written by another version or damaged on the way is noticed where it is read. Understood are ``str``,
``int``, ``float``, ``bool``, ``None``, ``Literal``, unions, ``tuple[X, ...]`` and dataclasses of them.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import types
import typing
from typing import Any, TypeVar

T = TypeVar("T")


class CodecError(ValueError):
    """What is to be read is not what was expected; says where, and never what stands there."""


def to_plain(value: Any) -> Any:
    """Dataclasses and tuples as dicts and lists, recursively."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    return value


def from_plain(kind: type[T], value: Any) -> T:
    """An instance of a dataclass from what :func:`to_plain` made of one.

    Raises:
        CodecError: if the value is not exactly that, naming the place.
    """
    return typing.cast(T, _read(kind, value, kind.__name__))


def dumps(value: Any) -> bytes:
    """Compact JSON in UTF-8; lone surrogates, which some clients send, survive."""
    text = json.dumps(to_plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def loads(data: bytes) -> Any:
    """Plain values from JSON.

    Raises:
        CodecError: if the bytes are not JSON.
    """
    try:
        return json.loads(data.decode("utf-8", "surrogatepass"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise CodecError("not JSON") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _read(kind: Any, value: Any, place: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return _read_dataclass(kind, value, place)
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _read_union(typing.get_args(kind), value, place)
    if origin is typing.Literal:
        if isinstance(value, str) and value in typing.get_args(kind):
            return value
        raise CodecError(f"{place}: not one of {', '.join(map(str, typing.get_args(kind)))}")
    if origin is tuple:
        item = typing.get_args(kind)[0]
        if not isinstance(value, list):
            raise CodecError(f"{place}: expected a list, found {type(value).__name__}")
        return tuple(_read(item, element, f"{place}[{i}]") for i, element in enumerate(value))
    if kind is float and type(value) in (int, float):
        return _read_float(value, place)
    if type(value) is kind:  # exactly: True is no int
        return value
    raise CodecError(f"{place}: expected {kind.__name__}, found {type(value).__name__}")


def _read_float(value: int | float, place: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise CodecError(f"{place}: expected a finite number")
    return number


def _read_dataclass(kind: Any, value: Any, place: str) -> Any:
    if not isinstance(value, dict):
        raise CodecError(f"{place}: expected an object, found {type(value).__name__}")
    names = [field.name for field in dataclasses.fields(kind)]
    if set(value) != set(names):
        missing = ", ".join(sorted(set(names) - set(value))) or "none"
        raise CodecError(f"{place}: fields missing: {missing}; unknown: {len(set(value) - set(names))}")
    hints = _hints(kind)
    return kind(**{name: _read(hints[name], value[name], f"{place}.{name}") for name in names})


def _read_union(kinds: tuple[Any, ...], value: Any, place: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    rest = [kind for kind in kinds if kind is not type(None)]
    for kind in rest[:-1]:
        try:
            return _read(kind, value, place)
        except CodecError:
            continue
    return _read(rest[-1], value, place)
