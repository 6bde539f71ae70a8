"""Configuration: router.yaml and profiles/ become a validated Config, or a list of mistakes."""

from orchestrator.config.errors import ConfigError, ConfigErrors, nearest
from orchestrator.config.load import load
from orchestrator.config.report import report

__all__ = ["ConfigError", "ConfigErrors", "load", "nearest", "report"]
