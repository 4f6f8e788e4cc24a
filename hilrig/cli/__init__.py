"""Argument parsing, printing."""
