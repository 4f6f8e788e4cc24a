"""What hilrig does on a rig: verbs that need nothing but Python's standard library."""
