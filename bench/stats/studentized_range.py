"""The studentized range, which Tukey's test is about: its upper tail and critical value, for many pairs at once.

scipy integrates one value at a time, by adaptive quadrature: 18 methods take it minutes.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import scipy

from bench.stats.scene_means import Floats

NODES = 96
"""Of each Gauss-Legendre quadrature: both integrands are smooth, and more change nothing above 1e-12."""
_CUT = 1e-18
"""What of the chi distribution is left out at both ends."""
_REACH = (-9.0, 10.0)
"""Beyond these a normal density is nothing."""
_AT_ONCE = 64
"""Values worked out together, so that memory stays small."""


def studentized_range_tail(values: Floats, groups: int, degrees: float) -> Floats:
    """P(Q > q) for each q >= 0, float [n], of the range of `groups` normal means over an independent deviation.

    `degrees` are those of the deviation. P(Q > q) is the mean, over the deviation s, of the range's tail at q s
    (Tukey 1949); the range's tail is the integral over its greatest value z of
    k phi(z) (Phi(z)^(k-1) - (Phi(z) - Phi(z - w))^(k-1)), which has no cancellation where the tail is thin.
    """
    scales, weights = _deviations(degrees)
    parts = [
        _range_tail(values[start : start + _AT_ONCE, None] * scales, groups) @ weights
        for start in range(0, len(values), _AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.empty(0)


@cache
def critical_range(level: float, groups: int, degrees: float) -> float:
    """The q with P(Q > q) = 1 - level."""

    def excess(value: float) -> float:
        return float(studentized_range_tail(np.array([value]), groups, degrees)[0]) - (1 - level)

    high = 4.0
    while excess(high) > 0:
        high *= 2
    return float(scipy.optimize.brentq(excess, 0.0, high, xtol=1e-10))


def _range_tail(widths: Floats, groups: int) -> Floats:
    """P(range of `groups` standard normal values > w), for widths of any shape."""
    nodes, weights = _nodes(*_REACH)
    below = scipy.special.ndtr(nodes)
    weighted = groups * weights * np.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi) * below ** (groups - 1)
    share = np.minimum(scipy.special.ndtr(nodes - widths[..., None]) / below, 1.0)
    with np.errstate(divide="ignore"):  # the logarithm of 0, where the range is 0
        return np.asarray(-np.expm1((groups - 1) * np.log1p(-share)) @ weighted, dtype=np.float64)


def _deviations(degrees: float) -> tuple[Floats, Floats]:
    """Values of the deviation, and the weight of each in a mean over its chi distribution."""
    half = degrees / 2
    ends = scipy.special.gammaincinv(half, _CUT), scipy.special.gammainccinv(half, _CUT)
    logs, weights = _nodes(*(0.5 * np.log(np.maximum(ends, 1e-300) / half)))
    chi = half * np.exp(2 * logs)
    density = 2 * np.exp(half * np.log(chi) - chi - scipy.special.gammaln(half))
    return np.exp(logs), weights * density


def _nodes(low: float, high: float) -> tuple[Floats, Floats]:
    """Nodes and weights of an integral from `low` to `high`."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return (low + high) / 2 + (high - low) / 2 * nodes, (high - low) / 2 * weights
