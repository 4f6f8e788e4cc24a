"""The first profile of a model."""
