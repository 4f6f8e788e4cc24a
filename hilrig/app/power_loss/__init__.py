"""Power-loss tests of an update."""
