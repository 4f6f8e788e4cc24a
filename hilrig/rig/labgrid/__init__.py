"""Rigs that labgrid manages."""
