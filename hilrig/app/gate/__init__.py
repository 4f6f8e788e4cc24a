"""From evidence to signed decisions."""
