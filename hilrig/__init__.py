"""Decide whether an edge AI model may go to a factory line."""

__version__ = "0.1.0"
