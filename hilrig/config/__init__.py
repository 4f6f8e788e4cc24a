"""Configuration files turned into nouns, strictly.

They are YAML or JSON.
"""
