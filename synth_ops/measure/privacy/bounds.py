"""How sure a figure of an attack is, and what it could have seen."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from synth_ops.measure.records import Measure

Scores = NDArray[np.float64]

Z = 1.6448536269514722
"""One-sided 95 %."""

Z_POWER = 0.8416212335729143
"""Four times of five."""

Z_HONEST = 3.719
"""An honest copy passes all but once in ten thousand nights where its bound leaves so many standard errors."""


@dataclass(frozen=True)
class Bounded:
    """An estimate with its bounds, each one-sided 95 %."""

    value: float
    low: float
    high: float

    def measure(self, table: str, name: str, *, floor: float, detectable: float, n: int) -> Measure:
        """Give it as the figure of an attack, beside what chance would reach and what could have been seen."""
        return Measure(
            table=table,
            name=name,
            observed=self.value,
            floor=floor,
            low=self.low,
            high=self.high,
            detectable=detectable,
            n=n,
        )


def wilson(share: float, n: float) -> Bounded:
    """Bound a share seen in n rows (Wilson 1927); n may be an effective number."""
    if n <= 0:
        return Bounded(share, 0.0, 1.0)
    centre = share + Z * Z / (2 * n)
    apart = Z * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    scale = 1 + Z * Z / n
    return Bounded(share, max(0.0, (centre - apart) / scale), min(1.0, (centre + apart) / scale))


def clopper_pearson(k: int, n: int, confidence: float = 0.95) -> Bounded:
    """Bound a share of k in n rows exactly (Clopper and Pearson 1934)."""
    from scipy.special import betaincinv

    low = float(betaincinv(k, n - k + 1, 1 - confidence)) if k else 0.0
    high = float(betaincinv(k + 1, n - k, confidence)) if k < n else 1.0
    return Bounded(k / n if n else 0.0, low, high)


def residual_risk(attack: float, n_attacks: int, control: float, n_controls: int) -> Bounded:
    """Give what an attack gains beyond its control, as a share of what there is to gain.

    ``(attack - control) / (1 - control)``, as Anonymeter defines it, with Newcombe's bounds (1998, method 10) of the
    difference. A control that never fails leaves nothing to gain: the risk is 0, and its bounds are -1 and 1.
    """
    if control >= 1:
        return Bounded(0.0, -1.0, 1.0)
    a, c = wilson(attack, n_attacks), wilson(control, n_controls)
    apart, left = attack - control, 1 - control
    low = apart - sqrt((attack - a.low) ** 2 + (c.high - control) ** 2)
    high = apart + sqrt((a.high - attack) ** 2 + (control - c.low) ** 2)
    return Bounded(apart / left, max(-1.0, low / left), min(1.0, high / left))


def detectable_risk(control: float, n_attacks: int, n_controls: int) -> float:
    """Give the smallest residual risk told from none, four times of five."""
    return (Z + Z_POWER) * _error_of_risk(control, n_attacks, n_controls)


def controls_needed(limit: float, control: float, n_attacks: int, n_controls: int) -> int:
    """Give how many controls it takes for an honest copy to pass the limit, as many attacks to each as there are."""
    wanted = ((Z + Z_HONEST) * _error_of_risk(control, n_attacks, n_controls) / limit) ** 2
    return int(np.ceil(n_controls * wanted))


def _error_of_risk(control: float, n_attacks: int, n_controls: int) -> float:
    """Give the standard error of the risk of an honest copy."""
    control = (control * n_controls + 0.5) / (n_controls + 1)  # none of n is not never
    return sqrt(control * (1 - control) * (1 / n_attacks + 1 / n_controls)) / (1 - control)


def placements(members: Scores, others: Scores) -> tuple[Scores, Scores]:
    """Give for each member the share of others below it, and for each other the share of members above; ties by half.

    Their means are both the area under the curve; their spread is its error (DeLong 1988; Sun and Xu 2014).
    """
    return _share_below(members, others), 1 - _share_below(others, members)


def auc(members: Scores, others: Scores) -> Bounded:
    """Give the chance that a member scores above another, with DeLong's bounds."""
    of_members, of_others = placements(members, others)
    return bounded_auc(of_members, (of_others,))


def bounded_auc(of_members: Scores, of_others: tuple[Scores, ...]) -> Bounded:
    """Bound the mean of several areas that share members and whose others are disjoint.

    **Shape**

    - of_members: ``(n_members,)`` mean placements
    - of_others: ``(n_others,)`` placements of each area
    """
    value = float(of_members.mean())
    variance = of_members.var() / max(1, len(of_members) - 1)
    variance += sum(o.var() / max(1, len(o) - 1) for o in of_others) / len(of_others) ** 2
    apart = Z * sqrt(variance)
    return Bounded(value, max(0.0, value - apart), min(1.0, value + apart))


def detectable_auc(n_members: int, n_others: int) -> float:
    """Give the smallest area told from one half, four times of five (Mann and Whitney's error, no ties)."""
    error = sqrt((n_members + n_others + 1) / (12 * n_members * n_others))
    return min(1.0, 0.5 + (Z + Z_POWER) * error)


def fisher_greater(hits: int, n_drawn: int, n_members: int, n_others: int) -> float:
    """Give the chance that so many of the rows drawn are members, or more, if membership meant nothing."""
    from scipy.stats import hypergeom

    return float(hypergeom.sf(hits - 1, n_members + n_others, n_members, n_drawn))


def highest_by_chance(n_drawn: int, n_members: int, n_others: int, alpha: float) -> int:
    """Give the number of members among the rows drawn that chance passes with probability alpha at most."""
    from scipy.stats import hypergeom

    return int(hypergeom.isf(alpha, n_members + n_others, n_members, n_drawn))


def _share_below(scores: Scores, others: Scores) -> Scores:
    ordered = np.sort(others)
    below = np.searchsorted(ordered, scores, side="left") + np.searchsorted(ordered, scores, side="right")
    return below / (2 * len(others))
