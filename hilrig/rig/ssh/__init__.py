"""Rigs that are reached over ssh."""
