"""Why frames were late."""
