"""What becomes of a run directory once its frames are measured."""
