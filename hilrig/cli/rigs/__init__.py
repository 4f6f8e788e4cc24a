"""Commands on rigs."""
