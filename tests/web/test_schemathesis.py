"""The API on the home network, asked everything that its OpenAPI document allows, and more.

gunicorn serves the page, and behind it is the daemon's real API: only Docker and the router's
kernel are missing, so what needs them answers 503.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from orchestrator.client import BASE, CSRF, Control
from tests.unit.orchestra import Orchestra
from tests.unit.served import served
from tests.web.conftest import Site

EXAMPLES = 8  # of each address and kind
# What the page's policy answers is told in words and tested by itself (test_page_api.py).
OTHERS = ("ignored_auth", "missing_required_header", "positive_data_acceptance")


@pytest.fixture
def control(site: Site, tmp_path: Path) -> Iterator[Control]:
    orchestra = Orchestra(tmp_path)
    orchestra.service.up()
    with served(orchestra.service, site.socket) as path:
        yield Control(str(path))
    site.socket.unlink()


def _token(site: Site, control: Control) -> dict[str, str]:
    return {"Authorization": f"Bearer {control.make_token('tests')['secret']}"}


def _visit(site: Site, control: Control) -> dict[str, str]:
    host = urlsplit(site.url).netloc
    port = urlsplit(site.url).port
    answer = requests.get(f"http://127.0.0.1:{port}/settings", headers={"Host": host}, timeout=10)
    secret = re.search(r'name="csrf" value="([^"]+)"', answer.text)
    assert secret
    cookie = "; ".join(f"{name}={value}" for name, value in answer.cookies.items())
    return {"Cookie": cookie, CSRF: secret[1], "Origin": f"http://{host}"}


@pytest.mark.parametrize("proof", [_token, _visit])
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda m: m.value)
def test_no_request_is_too_odd_for_an_answer_as_described(
    site: Site,
    control: Control,
    proof: Callable[[Site, Control], dict[str, str]],
    mode: GenerationMode,
) -> None:
    headers = {"Host": urlsplit(site.url).netloc, **proof(site, control)}
    address = f"http://127.0.0.1:{urlsplit(site.url).port}{BASE}"
    schema: Any = schemathesis.openapi.from_dict(_without_security(control.openapi()))
    schema.config.update(base_url=address)
    excluded: Any = [check for check in CHECKS.get_all() if check.__name__ in OTHERS]
    # A password that was set ends the visit, so that comes last.
    operations = sorted(
        (found.ok() for found in schema.get_all_operations()), key=lambda o: o.path == "/password"
    )
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and not _takes_something(operation.definition.raw):
            continue
        asked = 0

        @settings(
            max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case) -> None:
            nonlocal asked
            asked += 1
            case.call_and_validate(headers=headers, excluded_checks=excluded, timeout=10)

        ask()
        assert asked, operation.label
    assert control.status()


def _takes_something(operation: dict[str, Any]) -> bool:
    """Whether there is anything to be sent wrong."""
    return bool(operation["parameters"]) or "requestBody" in operation


def _without_security(document: dict[str, Any]) -> dict[str, Any]:
    """Without it nobody leaves out the headers that every request here has."""
    for operations in document["paths"].values():
        for operation in operations.values():
            del operation["security"]
    return document
