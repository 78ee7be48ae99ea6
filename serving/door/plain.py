"""Requests that are plainly as their schema says, read several times faster than Pydantic reads them.

The schema stays in one place: what msgspec takes is made from the Pydantic model. Whatever it
refuses is read again by the route, with Pydantic, which says what is wrong; so this has to refuse all
that the model refuses, and may refuse more.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import Annotated, Any, TypeVar, Union, cast

import msgspec
from annotated_types import MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

Model = TypeVar("Model", bound=BaseModel)

_BOUNDS = {MinLen: "min_length", MaxLen: "max_length"}


class NotPlain(Exception):
    """A body that needs a closer look."""


def reader(model: type[Model]) -> Callable[[bytes], Model]:
    """What reads bodies of JSON as a model says.

    Parameters
    ----------
    model : type
        A Pydantic model that is strict, forbids other fields and has no validators of its own.

    Returns
    -------
    callable
        Gives an object with the fields of the model, or raises `NotPlain`.

    Raises
    ------
    TypeError
        When the model says something that has no translation.
    """
    decode = msgspec.json.Decoder(_struct(model)).decode

    def read(body: bytes) -> Model:
        # A NUL can be written only in this way, and no database takes it.
        if b"u0000" in body:
            raise NotPlain
        try:
            return cast(Model, decode(body))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise NotPlain from error

    return read


def _struct(model: type[BaseModel]) -> type[msgspec.Struct]:
    config = model.model_config
    if not config.get("strict") or config.get("extra") != "forbid":
        raise TypeError(f"{model.__name__} is not strict, or takes other fields too.")
    own = model.__pydantic_decorators__
    if any(getattr(own, kind) for kind in own.__slots__):
        raise TypeError(f"{model.__name__} has validators of its own.")
    fields = [
        (name, _annotated(field.annotation, field.metadata), _default(field))
        for name, field in model.model_fields.items()
    ]
    return msgspec.defstruct(
        model.__name__, fields, forbid_unknown_fields=True, kw_only=True, gc=False
    )


def _default(field: FieldInfo) -> Any:
    if field.is_required():
        return msgspec.NODEFAULT
    if field.default_factory is not None:
        return msgspec.field(default_factory=cast(Callable[[], Any], field.default_factory))
    return field.default


def _annotated(kind: Any, told: list[Any]) -> Any:
    bounds = {}
    for one in told:
        if type(one) in _BOUNDS:
            name = _BOUNDS[type(one)]
            bounds[name] = getattr(one, name)
        # msgspec takes no endless number from JSON whatever it is told.
        elif getattr(one, "allow_inf_nan", None) is not False:
            raise TypeError(f"{one!r} has no translation.")
    if typing.get_origin(kind) in (Union, types.UnionType):
        return reduce(or_, (_annotated(one, told) for one in typing.get_args(kind)))
    limited = bounds and kind is not type(None)
    return Annotated[_plain(kind), msgspec.Meta(**bounds)] if limited else _plain(kind)


def _plain(kind: Any) -> Any:
    """A type of Pydantic's as msgspec would have it."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        told = [one for field in arguments[1:] for one in getattr(field, "metadata", [field])]
        return _annotated(arguments[0], told)
    if origin in (Union, types.UnionType):
        return reduce(or_, map(_plain, arguments))
    if origin in (list, dict):
        return origin[tuple(map(_plain, arguments))]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _struct(kind)
    if kind in (str, int, float, bool, type(None)):
        return kind
    raise TypeError(f"{kind!r} has no translation.")
