"""Views of a result: pure functions from a result to bytes."""
