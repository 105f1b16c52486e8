"""Charts and tables small enough for Dagster to show in place: Markdown below a thousand characters."""

import base64
from collections.abc import Sequence

MAX_CHARACTERS = 999
N_POINTS = 36
WIDTH, HEIGHT = 160, 36
_INK = "#6b5fed"
"""Read on white and on black."""


def loss_chart(losses: Sequence[float]) -> str:
    """Give a line of the losses of one training as Markdown, or nothing where there are fewer than two."""
    if len(losses) < 2:  # noqa: PLR2004 — a line needs two ends
        return ""
    shown = _thinned(losses)
    low, high = min(shown), max(shown)
    step, span = WIDTH / (len(shown) - 1), (high - low) or 1.0
    points = " ".join(f"{i * step:.0f},{2 + (high - y) / span * (HEIGHT - 4):.0f}" for i, y in enumerate(shown))
    line = f'<polyline points="{points}" fill="none" stroke="{_INK}" stroke-width="2"/>'
    return _image(line, f"loss from {losses[0]:.3f} to {min(losses):.3f}")


def bars_chart(observed: float, floor: float) -> str:
    """Give a figure beside its floor as two bars in Markdown."""
    top = max(observed, floor) or 1.0
    rows = "".join(
        f'<rect y="{y}" width="{figure / top * WIDTH:.0f}" height="12" fill="{ink}"/>'
        for y, figure, ink in ((2, observed, _INK), (20, floor, "#999"))
    )
    return _image(rows, f"pair error {observed:.4f}, floor {floor:.4f}")


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Give a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(c) for c in line)} |" for line in lines)


def _thinned(losses: Sequence[float]) -> list[float]:
    """Keep so many points, the last among them."""
    if len(losses) <= N_POINTS:
        return list(losses)
    places = [round(i * (len(losses) - 1) / (N_POINTS - 1)) for i in range(N_POINTS)]
    return [losses[p] for p in places]


def _image(body: str, words: str) -> str:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}">{body}</svg>'
    shown = f"![{words}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"
    return shown if len(shown) <= MAX_CHARACTERS else words


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
