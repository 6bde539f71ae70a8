"""The OpenAPI document says the truth: about what is answered, and about who may ask."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import jsonschema_rs
import pytest
from flask.testing import FlaskClient

from orchestrator.api import make_app
from orchestrator.api.app import ROUTES
from orchestrator.api.openapi import document
from orchestrator.api.schema import Schemas
from tests import golden_files
from tests.homes import WIFI
from tests.unit.orchestra import Orchestra

DOCUMENT = document(ROUTES)


def test_the_document_is_as_programs_know_it() -> None:
    golden_files.check("openapi/openapi.json", json.dumps(DOCUMENT, indent=1) + "\n")


def test_it_is_a_document_that_tools_understand() -> None:
    import schemathesis

    schema: Any = schemathesis.openapi.from_dict(DOCUMENT)
    schema.validate()
    found = {operation.ok().label for operation in schema.get_all_operations()}
    assert "POST /devices/{device}/assign" in found
    assert all(f"{r.method} {r.path}" in found for r in ROUTES if r.need != "socket")
    assert not any(f"{r.method} {r.path}" in found for r in ROUTES if r.need == "socket")


class _Inner(TypedDict):
    """What stands inside."""

    number: float | None


class _Sample(TypedDict):
    """One of everything,
    in two lines.
    """

    word: Literal["a", "b"]
    maybe: NotRequired[list[_Inner]]
    table: dict[str, bool]


def test_types_become_schemas() -> None:
    schemas = Schemas()
    assert schemas.of(_Sample) == {"$ref": "#/components/schemas/_Sample"}
    sample = schemas.components["_Sample"]
    assert sample["description"] == "One of everything, in two lines."
    assert sample["required"] == ["word", "table"]
    assert sample["properties"] == {
        "word": {"type": "string", "enum": ["a", "b"]},
        "maybe": {"type": "array", "items": {"$ref": "#/components/schemas/_Inner"}},
        "table": {"type": "object", "additionalProperties": {"type": "boolean"}},
    }
    number = schemas.components["_Inner"]["properties"]["number"]
    assert number == {"anyOf": [{"type": "number"}, {"type": "null"}]}
    with pytest.raises(TypeError, match="JSON knows no"):
        schemas.of(set[str])


def _validator(method: str, path: str) -> Any:
    """What judges an answer; fields that stand in no schema are refused as well."""
    answer = DOCUMENT["paths"][path][method.lower()]["responses"]["200"]
    closed = {
        name: {**schema, "additionalProperties": False}
        for name, schema in DOCUMENT["components"]["schemas"].items()
    }
    schema = answer["content"]["application/json"]["schema"]
    return jsonschema_rs.Draft202012Validator({**schema, "components": {"schemas": closed}})


@pytest.fixture
def api(tmp_path: Path) -> FlaskClient:
    orchestra = Orchestra(tmp_path)
    orchestra.service.up()
    orchestra.lease("02:00:00:00:00:09 192.168.77.109 tablet")
    orchestra.wireless(WIFI)
    orchestra.stations({"Home": {"02:00:00:00:00:09": -50}})
    orchestra.reconciler.take_in_leases()
    return make_app(orchestra.service).test_client()


def _judge(method: str, path: str, answer: Any) -> None:
    assert answer.status_code == 200, answer.text
    mistakes = [
        f"{'/'.join(map(str, e.instance_path))}: {e.message}"
        for e in _validator(method, path).iter_errors(answer.get_json())
    ]
    assert mistakes == []


@pytest.mark.parametrize(
    "path",
    [r.path for r in ROUTES if r.method == "GET" and r.need != "socket" and "{" not in r.path],
)
def test_answers_are_as_described(api: FlaskClient, path: str) -> None:
    query = {"/wifi/join": "?ssid=Home"}.get(path, "")
    _judge("GET", path, api.get(f"/api/v1{path}{query}"))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/devices/{device}/assign", {"destination": "direct"}),
        ("/devices/{device}/rename", {"name": "telly"}),
        ("/destinations/{name}/pause", {}),
        ("/destinations/{name}/resume", {}),
        ("/password", {"password": "correct horse"}),
        ("/access", {"policy": "everybody"}),
        ("/tokens", {"name": "house"}),
    ],
)
def test_receipts_are_as_described(api: FlaskClient, path: str, body: dict[str, str]) -> None:
    filled = path.replace("{device}", "tv").replace("{name}", "work")
    _judge("POST", path, api.post(f"/api/v1{filled}", json=body))
