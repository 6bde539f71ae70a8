"""JSON schemas from types: those of the client's words, which are plain TypedDicts.

pydantic would do it, but refuses typing's own TypedDict before Python 3.12, and the client may
need nothing beyond the standard library.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping
from typing import (
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

Schema = dict[str, Any]

_PLAIN: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    object: {},
    Any: {},
}


class Schemas:
    """Turns types into schemas; every TypedDict becomes one of `components`, by its name."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}

    def of(self, kind: Any) -> Schema:
        """Return the schema of a type. Raises TypeError for one that JSON has not."""
        if kind in _PLAIN:
            return dict(_PLAIN[kind])
        if is_typeddict(kind):
            return self._named(kind)
        origin, args = get_origin(kind), get_args(kind)
        if origin is Literal:
            return {"type": "string", "enum": list(args)}
        if origin is list:
            return {"type": "array", "items": self.of(args[0])}
        if origin is dict and args[0] is str:
            return {"type": "object", "additionalProperties": self.of(args[1])}
        if origin in (Union, types.UnionType):
            return {"anyOf": [self.of(arg) for arg in args]}
        raise TypeError(f"JSON knows no {kind}")

    def _named(self, kind: Any) -> Schema:
        name = kind.__name__
        if name not in self.components:
            self.components[name] = {}  # before its fields, which may lead back here
            self.components[name] = self._object(kind)
        return {"$ref": f"#/components/schemas/{name}"}

    def _object(self, kind: Any) -> Schema:
        # Not __required_keys__: with postponed annotations it knows of no NotRequired.
        fields = get_type_hints(kind, include_extras=True)
        optional = {name for name, hint in fields.items() if get_origin(hint) is NotRequired}
        return {
            "type": "object",
            "description": " ".join((inspect.getdoc(kind) or "").split()),
            "properties": {
                name: self.of(get_args(hint)[0] if name in optional else hint)
                for name, hint in fields.items()
            },
            "required": [name for name in fields if name not in optional],
        }
