"""Small drawings in SVG, by hand: a kilobyte each or little more, coloured by the page's own style sheet."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from markupsafe import Markup

from synth_ops.report.charts import Association, ColumnChart

WIDTH, HEIGHT = 264, 92
SHADES = 8
LINE_WIDTH, LINE_HEIGHT = 264, 64
_DOTTED = 12
"""Nights up to which each has a dot."""
Matrix = Sequence[Sequence[float]]
Line = Sequence[float | None]


def histogram(chart: ColumnChart) -> Markup:
    """Draw both densities over one line: the real rows as an area, the synthetic ones as a step line above it."""
    lefts = _positions(chart.edges)
    real, synthetic = _densities(chart.real, lefts), _densities(chart.synthetic, lefts)
    tallest = max((*real, *synthetic, 1e-12))
    area, line = _steps(lefts, real, tallest), _steps(lefts, synthetic, tallest)
    return Markup(  # noqa: S704 — every part is made of figures: nothing here was ever a name
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" class="hist" aria-hidden="true" preserveAspectRatio="none">'
        f'<path class="real" d="M0 {HEIGHT}{area}V{HEIGHT}"/>'
        f'<path class="synth" d="M0 {_y(synthetic[0], tallest)}{line}"/></svg>'
    )


def heat(matrix: Matrix, mark: str, hue: str = "signed") -> Markup:
    """Draw a symmetric matrix as cells of graded colour: by sign, or where `hue` is ``difference`` by size only.

    One half is drawn and the other is its mirror image; `mark` names it, once in a page.
    """
    side = len(matrix)
    layers = "".join(
        f'<path class="{name}" stroke-opacity="{shade / SHADES:g}" d="{"".join(cells)}"/>'
        for (name, shade), cells in sorted(_layers(matrix, hue).items())
    )
    return Markup(  # noqa: S704 — figures and our own words
        f'<svg viewBox="0 0 {side} {side}" class="heat" aria-hidden="true">'
        f'<g id="{mark}">{layers}</g><use href="#{mark}" transform="matrix(0 1 1 0 0 0)"/></svg>'
    )


@dataclass(frozen=True)
class Axis:
    """Which figures a line chart spans."""

    low: float
    high: float

    def y(self, value: float) -> float:
        """Give the height of a figure in the drawing."""
        span = self.high - self.low or 1.0
        share = min(max((value - self.low) / span, 0.0), 1.0)
        return round(LINE_HEIGHT - 5 - (LINE_HEIGHT - 10) * share, 1)


def lines(values: Line, reference: Line = (), *, axis: Axis) -> Markup:
    """Draw one figure over the nights, and another dashed beside it; a night without one leaves a gap."""
    return Markup(  # noqa: S704 — figures and our own words
        f'<svg viewBox="0 0 {LINE_WIDTH} {LINE_HEIGHT}" class="line" aria-hidden="true">'
        f'<path class="base" d="M0 {axis.y(axis.low)}H{LINE_WIDTH}"/>'
        f'<path class="beside" d="{_path(reference, axis)}"/><path class="marks" d="{_alone(reference, axis)}"/>'
        f'<path class="shown" d="{_path(values, axis)}"/>'
        f'<path class="dots" d="{_dots(values, axis)}"/></svg>'
    )


def differences(association: Association) -> Matrix:
    """Give how far each pair strays, twice as strong, so that 0.5 has the full colour."""
    return [
        [2 * abs(r - s) for r, s in zip(*rows, strict=True)]
        for rows in zip(association.real, association.synthetic, strict=True)
    ]


def farthest(association: Association, n: int = 5) -> list[tuple[str, str, float, float]]:
    """Give the pairs that stray most, with both figures."""
    names = association.columns
    pairs = [
        (names[j], names[i], association.real[i][j], association.synthetic[i][j])
        for i in range(len(names))
        for j in range(i)
    ]
    return sorted(pairs, key=lambda p: -abs(p[2] - p[3]))[:n]


def _positions(edges: Sequence[float]) -> list[float]:
    low, span = edges[0], edges[-1] - edges[0]
    return [WIDTH * (e - low) / span for e in edges]


def _densities(shares: Sequence[float], lefts: Sequence[float]) -> list[float]:
    return [s / (b - a) for s, (a, b) in zip(shares, pairwise(lefts), strict=True)]


def _y(density: float, tallest: float) -> int:
    return round(HEIGHT - 2 - (HEIGHT - 6) * density / tallest)


def _steps(lefts: Sequence[float], densities: Sequence[float], tallest: float) -> str:
    return "".join(f"V{_y(d, tallest)}H{right:.0f}" for right, d in zip(lefts[1:], densities, strict=True))


def _layers(matrix: Matrix, hue: str) -> dict[tuple[str, int], list[str]]:
    """Group the cells by colour, as strokes of one cell's width that run over neighbours of one colour."""
    layers: dict[tuple[str, int], list[str]] = defaultdict(list)
    for i, row in enumerate(matrix):
        at = 0
        for key, run in groupby(row[: i + 1], key=lambda value: _shade(value, hue)):
            length = len(list(run))
            if key[1]:
                layers[key].append(f"M{at} {i}.5h{length}")
            at += length
    return layers


def _shade(value: float, hue: str) -> tuple[str, int]:
    signed = "plus" if value > 0 else "minus"
    return (signed if hue == "signed" else hue), round(min(abs(value), 1.0) * SHADES)


def _points(values: Line, axis: Axis) -> Iterator[tuple[int, float, float]]:
    step = (LINE_WIDTH - 10) / max(len(values) - 1, 1)
    for i, value in enumerate(values):
        if value is not None:
            yield i, round(5 + i * step, 1), axis.y(value)


def _path(values: Line, axis: Axis) -> str:
    drawn, last = [], -2
    for i, x, y in _points(values, axis):
        drawn.append(f"{'L' if i == last + 1 else 'M'}{x:g} {y:g}")
        last = i
    return "".join(drawn)


def _dots(values: Line, axis: Axis) -> str:
    """Mark the last night; of few nights, and of those between gaps, each."""
    last = len(values) - 1
    marked = "".join(f"M{x:g} {y:g}h0" for i, x, y in _points(values, axis) if last < _DOTTED or i == last)
    return marked if last < _DOTTED else marked + _alone(values, axis)


def _alone(values: Line, axis: Axis) -> str:
    """Mark nights between gaps: no line goes through them."""
    points = list(_points(values, axis))
    there = {i for i, _, _ in points}
    return "".join(f"M{x:g} {y:g}h0" for i, x, y in points if not {i - 1, i + 1} & there)
