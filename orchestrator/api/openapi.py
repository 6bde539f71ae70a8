"""The OpenAPI document of what the home network may ask, made from the routes themselves.

The page reads it, too: it hands on what stands here, to whom `x-need` allows it, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from orchestrator import __version__
from orchestrator.api.route import Body, Need, Nothing, Route
from orchestrator.api.schema import Schema, Schemas
from orchestrator.client.control import BASE, CSRF

_DESCRIPTION = """\
What the page does, for programs. Reading needs nothing, unless the page was set to show nothing \
without its password. Changing needs a token (`Authorization: Bearer ...`), which is made and \
revoked on the page. A device is named by its name, MAC address or IP address. Every failure is \
an `Error`: a sentence for a person, and what would be right."""

_ERROR: Schema = {
    "type": "object",
    "description": "What is wrong, what would be right, and all mistakes when there are several.",
    "properties": {
        "error": {"type": "string"},
        "hint": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["error", "hint"],
}
_SECURITY: dict[Need, list[dict[str, list[str]]]] = {
    Need.LOOK: [{}, {"token": []}, {"visit": []}],
    Need.OWN: [{"token": []}, {"visit": [], "csrf": []}],
    Need.CHANGE: [{"token": []}, {"visit": [], "csrf": []}],
    Need.KEEP: [{"visit": [], "csrf": []}],
}
_SCHEMES: dict[str, Schema] = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token made on the page."},
    "visit": {
        "type": "apiKey", "in": "cookie", "name": "session",
        "description": "The page's own visit, in a browser.",
    },
    "csrf": {
        "type": "apiKey", "in": "header", "name": CSRF,
        "description": "What the page's forms carry in the field `csrf`.",
    },
}  # fmt: skip


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of those `routes` that the network may use."""
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if route.need is not Need.SOCKET:
            operation = _operation(route, schemas)
            paths.setdefault(route.path, {})[route.method.lower()] = operation
    components = {**schemas.components, "Error": _ERROR}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Manyways", "version": __version__, "description": _DESCRIPTION},
        "servers": [{"url": BASE}],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted(components.items())), "securitySchemes": _SCHEMES},
    }


def _operation(route: Route, schemas: Schemas) -> dict[str, Any]:
    error = {"description": "Refused", "content": _json({"$ref": "#/components/schemas/Error"})}
    operation: dict[str, Any] = {
        "operationId": _identifier(route),
        "summary": route.summary,
        "x-need": route.need.value,
        "security": _SECURITY[route.need],
        "parameters": [*_path_parameters(route), *_query_parameters(route)],
        "responses": {
            "200": {"description": "Done", "content": _json(schemas.of(route.answer))},
            "4XX": error,
            "503": {**error, "description": "The router can't do that now"},
        },
    }
    if route.method == "POST":
        operation["requestBody"] = {
            "required": route.body is not Nothing,
            "content": _json(_of_model(route.body)),
        }
    return operation


def _identifier(route: Route) -> str:
    first, *others = re.findall("[a-z]+", f"{route.method} {route.path}".lower())
    return str(first + "".join(word.capitalize() for word in others))


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    schema = {"type": "string", "minLength": 1, "maxLength": 64}
    return [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name in re.findall(r"{(\w+)}", route.path)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    schema = _of_model(route.query)
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": of}
        for name, of in schema["properties"].items()
    ]


def _of_model(model: type[Body]) -> Schema:
    # The titles that pydantic makes of Python's names say nothing.
    schema = _untitled(model.model_json_schema())
    if "$defs" in schema:
        raise TypeError(f"{model.__name__}: keep a request's body flat")
    return {"properties": {}, **schema}


def _untitled(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_untitled(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _untitled(value)
        for key, value in schema.items()
        if key != "title" or not isinstance(value, str)
    }
