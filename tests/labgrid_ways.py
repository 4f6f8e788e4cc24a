"""A way to a labgrid place, looked at over time."""


class Clock:
    """Seconds as a test says."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


def lost(way, clock):
    """Look again, whatever was seen a moment ago."""
    clock.now_s += 3
    return way.lost()
