"""YAML and JSON files turned into nouns, strictly."""
