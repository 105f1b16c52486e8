"""What mechanisms cost together, by Rényi differential privacy (Mironov 2017, arXiv 1702.07476).

A mechanism's cost is its Rényi divergence at each of many orders, for tables that differ by one row that is there or
not. Costs add up, over the steps of a training and over nights, and only their sum is turned into ε at a δ.

NOTE[DIFF] Noise is drawn in floating point by a seeded generator of 64 bits, and not by a cryptographic one: who knows
the generator's state, or reads the lowest bits of a noisy sum (Mironov 2012), is not held off. Counts are rounded, and
weights are kept private.
"""

import math
from collections.abc import Callable, Iterable
from functools import cache
from typing import Annotated, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from synth_ops.errors import PlanError
from synth_ops.records import Record

Curve: TypeAlias = NDArray[np.float64]
"""Rényi divergence at each of `ORDERS`, in nats."""

ORDERS: tuple[float, ...] = (
    *(1 + x / 10 for x in range(1, 40)),
    *(5 + x / 4 for x in range(24)),
    *range(11, 64),
    *(64, 80, 96, 128, 192, 256, 512, 1024, 2048),
)
MOST_NOISE = 1e5
_TERMS = 256
"""Terms of a series at least; with an order of `a`, twice `a` more."""
_CLOSE = 1e-4
"""Relative width of the interval in which noise is found."""


class SampledGaussian(Record):
    """Steps on a Poisson sample: each row is in it with a probability of its own, and Gaussian noise is added."""

    kind: Literal["sampled gaussian"] = "sampled gaussian"
    noise: float = Field(gt=0)
    """Standard deviation, in the most that one row adds (the clipping norm)."""
    rate: float = Field(gt=0, le=1)
    """Probability of each row to be in a step's sample."""
    steps: int = Field(ge=0)


class Gaussian(Record):
    """Numbers released with Gaussian noise, each of which one row changes by one at most, in Euclidean length."""

    kind: Literal["gaussian"] = "gaussian"
    noise: float = Field(gt=0)
    """Standard deviation."""
    count: int = Field(default=1, ge=0)
    """How often; a histogram is one, for one row is in one of its cells."""


class Laplace(Record):
    """Numbers released with Laplace noise, each of which one row changes by one at most, in absolute sum."""

    kind: Literal["laplace"] = "laplace"
    scale: float = Field(gt=0)
    count: int = Field(default=1, ge=0)


class Failure(Record):
    """What may go wrong outright: a name is kept that one row alone holds."""

    kind: Literal["failure"] = "failure"
    delta: float = Field(ge=0, lt=1)
    """Its probability."""


Mechanism = Annotated[SampledGaussian | Gaussian | Laplace | Failure, Field(discriminator="kind")]


def epsilon_of(mechanisms: Iterable[Mechanism], delta: float) -> float:
    """Give the ε of all of them together at that δ; infinite where failures alone take up δ.

    >>> round(epsilon_of([SampledGaussian(noise=1.0, rate=0.002, steps=5_000)], 1e-7), 2)
    1.47
    """
    all_of_them = tuple(mechanisms)
    left = delta - sum(m.delta for m in all_of_them if isinstance(m, Failure))
    if left <= 0:
        return math.inf
    divergence = divergence_of(all_of_them)
    return _epsilon(divergence, left) if divergence.any() else 0.0


def divergence_of(mechanisms: Iterable[Mechanism]) -> Curve:
    """Give the divergence of all of them together, ``(len(ORDERS),)``."""
    total = np.zeros(len(ORDERS))
    for mechanism in mechanisms:
        total = total + _divergence(mechanism)
    return total


@cache
def noise_for(epsilon: float, delta: float, rate: float, steps: int, *, besides: tuple[Mechanism, ...] = ()) -> float:
    """Give the least noise of a sampled Gaussian with which it, and what is spent besides, cost ε at δ.

    Raises:
        PlanError: no noise is enough.
    """
    return _least_noise(epsilon, delta, besides, lambda s: SampledGaussian(noise=s, rate=rate, steps=steps))


@cache
def gaussian_noise_for(epsilon: float, delta: float, count: int = 1, *, besides: tuple[Mechanism, ...] = ()) -> float:
    """Give the least noise of so many Gaussian releases with which they, and what is spent besides, cost ε at δ.

    Raises:
        PlanError: no noise is enough.
    """
    return _least_noise(epsilon, delta, besides, lambda s: Gaussian(noise=s, count=count))


def _least_noise(
    epsilon: float, delta: float, besides: tuple[Mechanism, ...], mechanism: Callable[[float], Mechanism]
) -> float:
    """Halve an interval of logarithms; what is given is from its upper end, so that ε is never passed."""
    low, high = math.log(1e-2), math.log(MOST_NOISE)

    def costs(noise: float) -> float:
        return epsilon_of([*besides, mechanism(math.exp(noise))], delta)

    if costs(high) > epsilon:
        raise PlanError(
            f"Training must be possible within ε = {epsilon:g} at δ = {delta:g}, however no noise is enough for that."
            " Give privacy.epsilon or privacy.delta a larger value in synth.yaml."
        )
    while high - low > _CLOSE:
        middle = (low + high) / 2
        low, high = (middle, high) if costs(middle) > epsilon else (low, middle)
    return math.exp(high)


def _epsilon(divergence: Curve, delta: float) -> float:
    """Turn a divergence into ε (Balle et al. 2020, theorem 21): the best order decides."""
    orders = np.array(ORDERS)
    bounds = divergence + np.log1p(-1 / orders) - (math.log(delta) + np.log(orders)) / (orders - 1)
    return max(0.0, float(bounds.min()))


def _divergence(mechanism: Mechanism) -> Curve:
    orders = np.array(ORDERS)
    match mechanism:
        case SampledGaussian():
            return mechanism.steps * np.array(_sampled(mechanism.rate, mechanism.noise))
        case Gaussian():
            return mechanism.count * orders / (2 * mechanism.noise**2)
        case Laplace():
            return mechanism.count * _laplace(orders, mechanism.scale)
        case Failure():
            return np.zeros(len(orders))


def _laplace(orders: Curve, scale: float) -> Curve:
    """Mironov 2017, proposition 6."""
    above = np.log(orders / (2 * orders - 1)) + (orders - 1) / scale
    below = np.log((orders - 1) / (2 * orders - 1)) - orders / scale
    return np.asarray(np.logaddexp(above, below) / (orders - 1))


@cache
def _sampled(rate: float, noise: float) -> tuple[float, ...]:
    """Give the divergence of one step at each order."""
    if rate == 1:
        return tuple(order / (2 * noise**2) for order in ORDERS)
    moments = (_whole(o, rate, noise) if float(o).is_integer() else _fractional(o, rate, noise) for o in ORDERS)
    return tuple(max(0.0, moment) / (order - 1) for moment, order in zip(moments, ORDERS, strict=True))


def _whole(order: float, rate: float, noise: float) -> float:
    """Give the logarithm of the moment at a whole order (Mironov, Talwar & Zhang 2019, section 3.3, equation 4)."""
    from scipy.special import gammaln, logsumexp  # scipy takes a while to load, and a plan without ε needs it not

    k = np.arange(int(order) + 1)
    choose = gammaln(order + 1) - gammaln(k + 1) - gammaln(order - k + 1)
    terms = choose + k * math.log(rate) + (order - k) * math.log1p(-rate) + (k * k - k) / (2 * noise**2)
    return float(logsumexp(terms))


def _fractional(order: float, rate: float, noise: float) -> float:
    """Give it at any order, by two series (likewise, section 3.3): of the parts below and above where samples meet."""
    from scipy.special import binom, log_ndtr, logsumexp  # as above

    i = np.arange(_TERMS + 2 * int(order))
    meet = noise**2 * math.log(1 / rate - 1) + 0.5
    choose = binom(order, i)
    with np.errstate(divide="ignore"):
        size, sign = np.log(np.abs(choose)), np.sign(choose)
    j = order - i
    below = size + i * math.log(rate) + j * math.log1p(-rate) + (i * i - i) / (2 * noise**2)
    above = size + j * math.log(rate) + i * math.log1p(-rate) + (j * j - j) / (2 * noise**2)
    below = below + log_ndtr((meet - i) / noise)
    above = above + log_ndtr((j - meet) / noise)
    return float(logsumexp(np.append(below, above), b=np.append(sign, sign)))
