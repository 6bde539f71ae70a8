"""Cleaning of OpenVPN profiles, so that somebody else's file cannot hurt the router."""

from orchestrator.profile.clean import Cleaned, clean
from orchestrator.profile.credentials import parse_credentials
from orchestrator.profile.problems import Problem, ReadBeside, Unreadable

__all__ = ["Cleaned", "Problem", "ReadBeside", "Unreadable", "clean", "parse_credentials"]
