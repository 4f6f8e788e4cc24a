"""Reaching a rig."""
