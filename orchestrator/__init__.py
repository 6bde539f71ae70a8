"""Manyways: a home router made of containers, in which every device picks its own way out."""

__version__ = "0.1.0"
