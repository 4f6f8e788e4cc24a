"""Whether the instrument may be believed."""
