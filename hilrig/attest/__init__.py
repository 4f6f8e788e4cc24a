"""Keys, signatures, strict verification."""
