"""Rigs elsewhere: found, held, run on."""
