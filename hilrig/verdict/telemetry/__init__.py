"""What the readings of a run say."""
