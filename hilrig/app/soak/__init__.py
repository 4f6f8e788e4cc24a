"""A run done: preflight, self-test, measurement, in a process of its own."""
