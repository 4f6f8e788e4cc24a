"""A run that goes on, as its directory shows it."""
