import base64
import re
from xml.etree import ElementTree as ET

import pytest

pytest.importorskip("dagster", reason="needs the extra dagster: pip install 'synth-ops[dagster]'")

from synth_ops.dagster.charts import MAX_CHARACTERS, bars_chart, loss_chart, markdown_table


@pytest.mark.parametrize("n_points", [2, 36, 37, 5_000])
def test_a_loss_is_a_line_that_dagster_shows_in_place(n_points: int) -> None:
    chart = loss_chart([30.0 / (i + 1) + 1234.5 for i in range(n_points)])

    assert len(chart) <= MAX_CHARACTERS
    assert len(points_of(chart)) == min(n_points, 36)
    assert [y for _, y in points_of(chart)] == sorted(y for _, y in points_of(chart))  # it falls: y grows downwards


def test_a_single_loss_has_no_line() -> None:
    assert loss_chart([1.0]) == ""


def test_a_constant_loss_is_a_flat_line() -> None:
    assert len({y for _, y in points_of(loss_chart([2.0, 2.0, 2.0]))}) == 1


def test_bars_are_as_long_as_their_figures() -> None:
    bars = [float(r.attrib["width"]) for r in svg_of(bars_chart(0.02, 0.01)).iter() if r.tag.endswith("rect")]

    assert bars == [160, 80]


def test_a_cell_holds_no_bar_of_its_own() -> None:
    assert markdown_table(("a",), [("x|y\nz",)]).splitlines()[-1] == "| x\\|y z |"


def points_of(chart: str) -> list[tuple[float, float]]:
    (line,) = (e for e in svg_of(chart).iter() if e.tag.endswith("polyline"))
    return [(float(x), float(y)) for x, y in (p.split(",") for p in line.attrib["points"].split())]


def svg_of(chart: str) -> ET.Element:
    found = re.search(r"base64,([^)]+)", chart)
    assert found
    return ET.fromstring(base64.b64decode(found[1]))
