"""The search runs on the same living router as the container tests."""

from __future__ import annotations

from tests.containers.conftest import living_home, programs, router

__all__ = ["living_home", "programs", "router"]
