"""What many unit tests begin with: the orchestrator's parts at work on a made-up engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from orchestrator.api import make_app
from tests.unit.orchestra import Orchestra


@pytest.fixture
def orchestra(tmp_path: Path) -> Orchestra:
    """A router that is up."""
    made = Orchestra(tmp_path)
    assert made.service.up().errors == ()
    return made


@pytest.fixture
def api(orchestra: Orchestra) -> FlaskClient:
    """The control API of that router."""
    return make_app(orchestra.service).test_client()
