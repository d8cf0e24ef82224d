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
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


Reader = Callable[[Any], Any]
_ATOMS = frozenset({str, int, float, bool, type(None)})


class CodecError(ValueError):
    """What is to be read is not what was expected; says where, and never what stands there."""

    def inside(self, place: str) -> CodecError:
        """The same error as seen from one level further out."""
        said = str(self)
        joint = "" if said.startswith("[") else "." if ":" in said.split(" ", 1)[0] else ": "
        return CodecError(f"{place}{joint}{said}")


def to_plain(value: Any) -> Any:
    """Dataclasses and tuples as dicts and lists, recursively."""
    kind: Any = type(value)
    if kind in _ATOMS:
        return value
    names = _field_names(kind)
    if names is not None:
        return {name: to_plain(getattr(value, name)) for name in names}
    if kind in (list, tuple):
        return [to_plain(item) for item in value]
    return value


def from_plain(kind: type[T], value: Any) -> T:
    """An instance of a dataclass from what :func:`to_plain` made of one.

    Raises:
        CodecError: if the value is not exactly that, naming the place.
    """
    try:
        reader = _reader(typing.cast(Any, kind))
        return typing.cast(T, reader(value))
    except CodecError as error:
        raise error.inside(kind.__name__) from error


def dumps(value: Any) -> bytes:
    """Compact JSON in UTF-8; lone surrogates, which some clients send, survive."""
    text = json.dumps(value, default=_fields, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
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


def _fields(value: Any) -> dict[str, Any]:
    """A dataclass as the encoder, which is C, goes on with it: several times as fast as to_plain."""
    kind: Any = type(value)
    names = _field_names(kind)
    if names is None:
        raise TypeError(f"{kind.__name__} cannot be written as JSON")
    return {name: getattr(value, name) for name in names}


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _refuse(expected: str, value: Any) -> typing.NoReturn:
    raise CodecError(f"expected {expected}, found {type(value).__name__}")


@functools.cache
def _field_names(kind: type) -> tuple[str, ...] | None:
    """Names of a dataclass's fields, None for any other class."""
    return tuple(field.name for field in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else None


@functools.cache
def _reader(kind: Any) -> Reader:
    """What reads a value of a kind; made once, for a session holds thousands of values."""
    if dataclasses.is_dataclass(kind):
        return _dataclass_reader(kind)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _union_reader(arguments)
    if origin is typing.Literal:
        return _literal_reader(arguments)
    if origin is tuple:
        return _tuple_reader(_reader(arguments[0]))
    return _read_float if kind is float else _atom_reader(kind)


def _atom_reader(kind: type) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is kind:  # exactly: True is no int
            return value
        _refuse(kind.__name__, value)

    return read


def _read_float(value: Any) -> float:
    if type(value) not in (int, float):
        _refuse("float", value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise CodecError("expected a finite number")
    return number


def _literal_reader(values: tuple[Any, ...]) -> Reader:
    def read(value: Any) -> Any:
        if isinstance(value, str) and value in values:
            return value
        raise CodecError(f"not one of {', '.join(map(repr, values))}")

    return read


def _tuple_reader(read_item: Reader) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not list:
            _refuse("a list", value)
        items = []
        for i, item in enumerate(value):
            try:
                items.append(read_item(item))
            except CodecError as error:
                raise error.inside(f"[{i}]") from error
        return tuple(items)

    return read


def _union_reader(kinds: tuple[Any, ...]) -> Reader:
    readers = [_reader(kind) for kind in kinds if kind is not type(None)]
    optional = type(None) in kinds

    def read(value: Any) -> Any:
        if value is None and optional:
            return None
        for reader in readers[:-1]:
            try:
                return reader(value)
            except CodecError:
                continue
        return readers[-1](value)

    return read


def _dataclass_reader(kind: Any) -> Reader:
    hints = typing.get_type_hints(kind)
    readers = [(field.name, _reader(hints[field.name])) for field in dataclasses.fields(kind)]
    names = {name for name, _ in readers}

    def read(value: Any) -> Any:
        if type(value) is not dict:
            _refuse("an object", value)
        if value.keys() != names:
            missing = ", ".join(sorted(names - value.keys())) or "none"
            raise CodecError(f"fields missing: {missing}; unknown: {len(value.keys() - names)}")
        arguments = []
        for name, reader in readers:
            try:
                arguments.append(reader(value[name]))
            except CodecError as error:
                raise error.inside(name) from error
        return kind(*arguments)

    return read
