"""Nouns of hilrig: frozen data, protocols, errors, units, clock."""
