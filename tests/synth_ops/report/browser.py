"""A real browser, to see what the page does in it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

_PROBE = """<!doctype html><title>?</title><iframe src="{name}" style="border:0;width:{width}px;height:4000px"></iframe>
<script>onload = () => {{
  const page = document.querySelector("iframe").contentDocument.documentElement
  document.title = `${{page.clientWidth}} ${{page.scrollWidth}}`
}}</script>"""


def browser() -> str:
    """Give the browser's path, or skip the test."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no chromium: apt-get install chromium")
    return found


def browse(page: Path, *flags: str) -> "subprocess.CompletedProcess[str]":
    """Open a page and give what the browser printed; its console is on stderr."""
    profile = page.parent / "profile"
    always = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", f"--user-data-dir={profile}"]
    return subprocess.run(
        [browser(), *always, *flags, page.as_uri()], check=True, capture_output=True, text=True, timeout=60
    )


def console(done: "subprocess.CompletedProcess[str]") -> list[str]:
    """Give the lines of the page's console: errors, and whatever its security policy refused to load."""
    return [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def widths(page: Path, width: int) -> tuple[int, int]:
    """Give how wide a window of that width shows the page, and how wide its content is."""
    probe = page.with_name("probe.html")
    probe.write_text(_PROBE.format(name=page.name, width=width))
    done = browse(probe, "--allow-file-access-from-files", "--virtual-time-budget=3000", "--dump-dom")
    found = re.search(r"<title>(\d+) (\d+)</title>", done.stdout)
    assert found, done.stdout[:500]
    return int(found[1]), int(found[2])
