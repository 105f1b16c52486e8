"""Small drawings in SVG, by hand: a few kilobytes each, coloured by the page's own style sheet."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from markupsafe import Markup

from synth_ops.report.charts import Association, ColumnChart

WIDTH, HEIGHT = 264.0, 92.0
CELL = 10
SHADES = 8
Matrix = Sequence[Sequence[float]]


def histogram(chart: ColumnChart) -> Markup:
    """Draw both densities over one line: the real rows as an area, the synthetic ones as a step line above it."""
    lefts = _positions(chart.edges)
    real, synthetic = _densities(chart.real, lefts), _densities(chart.synthetic, lefts)
    tallest = max((*real, *synthetic, 1e-12))
    area, line = _steps(lefts, real, tallest), _steps(lefts, synthetic, tallest)
    return Markup(  # noqa: S704 — every part is made of figures: nothing here was ever a name
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" class="hist" aria-hidden="true" preserveAspectRatio="none">'
        f'<path class="real" d="M0 {HEIGHT:g}{area}L{WIDTH:g} {HEIGHT:g}Z"/>'
        f'<path class="synth" d="M0 {_y(synthetic[0], tallest):.1f}{line}"/></svg>'
    )


def heat(matrix: Matrix, hue: str = "signed") -> Markup:
    """Draw a matrix as cells of graded colour: by sign, or where `hue` is ``difference`` by size only."""
    side = CELL * len(matrix)
    layers = "".join(
        f'<path class="{name}" fill-opacity="{shade / SHADES:g}" d="{"".join(cells)}"/>'
        for (name, shade), cells in sorted(_layers(matrix, hue).items())
    )
    return Markup(  # noqa: S704 — figures and our own words
        f'<svg viewBox="0 0 {side} {side}" class="heat" aria-hidden="true">'
        f'<rect class="ground" width="{side}" height="{side}"/>{layers}</svg>'
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


def _y(density: float, tallest: float) -> float:
    return HEIGHT - 2 - (HEIGHT - 6) * density / tallest


def _steps(lefts: Sequence[float], densities: Sequence[float], tallest: float) -> str:
    return "".join(_step(a, b, _y(d, tallest)) for (a, b), d in zip(pairwise(lefts), densities, strict=True))


def _step(left: float, right: float, y: float) -> str:
    return f"L{left:.1f} {y:.1f}H{right:.1f}"


def _layers(matrix: Matrix, hue: str) -> dict[tuple[str, int], list[str]]:
    """Group the cells by colour: one path a colour is a tenth of the size of one element a cell."""
    layers: dict[tuple[str, int], list[str]] = defaultdict(list)
    for name, shade, x, y in _cells(matrix, hue):
        layers[name, shade].append(f"M{x} {y}h{CELL}v{CELL}h-{CELL}z")
    return layers


def _cells(matrix: Matrix, hue: str) -> Iterator[tuple[str, int, int, int]]:
    for i, row in enumerate(matrix):
        for j, value in enumerate(row):
            shade = round(min(abs(value), 1.0) * SHADES)
            if shade:
                signed = "plus" if value > 0 else "minus"
                yield (signed if hue == "signed" else hue), shade, j * CELL, i * CELL
