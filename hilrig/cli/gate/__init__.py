"""Commands of the release gate."""
