"""The Wilson score interval: how sure a share of few cases is.

E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927) 209-212;
recommended for small n by Brown, Cai, DasGupta, "Interval estimation for a binomial proportion", Statistical
Science 16 (2001) 101-133.
"""

from math import ceil, sqrt
from typing import Final

from hilrig.core.golden import Rate

Z_95: Final = 1.959963984540054
"""The 97.5 % quantile of the normal distribution: two sides, 95 % between them."""


def wilson_rate(n_hits: int, n: int) -> Rate | None:
    """Return the share `n_hits / n` with its interval at 95 %; None of no cases, which say nothing.

    Only additions, products and one square root, which IEEE rounds correctly: the same bits on every machine.

    Raises:
        ValueError: there cannot be so many hits.
    """
    if not 0 <= n_hits <= n:
        raise ValueError(f"{n_hits} of {n} cases")
    if n == 0:
        return None
    z2 = Z_95 * Z_95
    value = n_hits / n
    centre = (n_hits + z2 / 2) / (n + z2)
    half = Z_95 * sqrt(n_hits * (n - n_hits) / n + z2 / 4) / (n + z2)
    low = 0.0 if n_hits == 0 else min(value, max(0.0, centre - half))
    high = 1.0 if n_hits == n else max(value, min(1.0, centre + half))
    return Rate(value=value, low=low, high=high, n=n)


def cases_needed(limit: float) -> int | None:
    """Return how many cases without one mistake put the interval's end at `limit`; None: no number does.

    Without a mistake the lower end is n / (n + z^2), solved for n. A greatest share of mistakes m is `1 - m` here.
    """
    return None if limit >= 1 else ceil(limit * Z_95 * Z_95 / (1 - limit))
