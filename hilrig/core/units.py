"""Conversions between units: the only place that holds their factors."""

NS_PER_US = 1_000
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
BYTES_PER_MIB = 1 << 20
S_PER_MIN = 60


def ms_to_ns(ms: float) -> int:
    """Return nanoseconds, rounded to the nearest."""
    return round(ms * NS_PER_MS)


def s_to_ns(s: float) -> int:
    """Return nanoseconds, rounded to the nearest."""
    return round(s * NS_PER_S)


def bytes_to_mib(n_bytes: float) -> float:
    """Return mebibytes (2^20 bytes), what `_mb` in a profile means, as in nvidia-smi."""
    return n_bytes / BYTES_PER_MIB


def format_duration(s: float) -> str:
    """Return a duration for people: `45 s`, `10 min`, `8 h 05 min`."""
    whole_s = round(s)
    hours, rest_s = divmod(whole_s, 3600)
    minutes, seconds = divmod(rest_s, 60)
    if hours:
        return f"{hours} h {minutes:02d} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min {seconds:02d} s" if seconds else f"{minutes} min"
    return f"{seconds} s" if s >= 1 or s == 0 else f"{s * 1000:.0f} ms"
