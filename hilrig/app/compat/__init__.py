"""Whether a model can run on each device class."""
