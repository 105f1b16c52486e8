"""Where a dataset's snapshots lie, and which one the pointer names."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from synth_ops.errors import PlanError
from synth_ops.publish.manifest import MANIFEST
from synth_ops.settings import SECRET, expand

_ID = re.compile(r"(\d{4}-\d{2}-\d{2})-(\d{3,})-[0-9a-f]{8}")


@dataclass(frozen=True)
class Place:
    """One dataset's folder under the publish folder."""

    home: Path

    @property
    def snapshots(self) -> Path:
        return self.home / "snapshots"

    @property
    def staging(self) -> Path:
        return self.home / ".staging"

    @property
    def lock(self) -> Path:
        return self.home / ".lock"

    @property
    def pointer(self) -> Path:
        return self.home / "latest.json"

    def folder(self, snapshot: str) -> Path:
        return self.snapshots / snapshot

    def ids(self) -> tuple[str, ...]:
        """Give the snapshots that exist, oldest first: those with a manifest."""
        found = self.snapshots.glob(f"*/{MANIFEST}")
        return tuple(sorted((p.parent.name for p in found if _ID.fullmatch(p.parent.name)), key=_order))

    def of_night(self, night: str) -> tuple[str, ...]:
        return tuple(i for i in self.ids() if night_of(i) == night)

    def next_number(self, night: str) -> int:
        """Give the number of the night's next snapshot."""
        return max((_order(i)[1] for i in self.of_night(night)), default=0) + 1

    def latest(self) -> str | None:
        """Give the snapshot that the pointer names, or None where it names none that exists."""
        try:
            name = json.loads(self.pointer.read_bytes())["snapshot"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return name if isinstance(name, str) and name in self.ids() else None

    def pointer_after(self, snapshot: str) -> str:
        """Give the snapshot that the pointer must name once this one is published: none of an earlier night."""
        latest = self.latest()
        rivals = self.ids() if latest is None else (latest,)
        later = [i for i in rivals if night_of(i) > night_of(snapshot)]
        return max(later, key=_order, default=snapshot)

    def pointer_text(self, snapshot: str) -> str:
        return json.dumps({"snapshot": snapshot}) + "\n"


def night_of(snapshot: str) -> str:
    """Give the night that a snapshot's id starts with.

    >>> night_of("2026-01-31-002-0a1b2c3d")
    '2026-01-31'
    """
    return snapshot[:10]


def local_folder(publish: str) -> Path:
    """Give the folder that the plan publishes to, its ``${NAME}`` expanded.

    Raises:
        PlanError: it is not a local folder, or a variable is not set.
    """
    path = expand(publish).removeprefix("file://")
    if "://" in path:
        scheme = path.partition("://")[0]
        raise PlanError(
            f"`publish:` must be a local or mounted folder for now, however it is a {scheme}:// address."
            " Use a path such as ./snapshots or /mnt/snapshots, and copy its folder to the object store."
        )
    if SECRET.search(publish) and not Path(path).is_absolute():
        raise PlanError(
            f"`publish: {publish}` must come to an absolute path, however its variables make it a relative one."
            " Set them to a path that begins with /, and run the same command again."
        )
    return Path(path)


def _order(snapshot: str) -> tuple[str, int, str]:
    night, number, content = snapshot[:10], snapshot[11:].partition("-")[0], snapshot[-8:]
    return night, int(number), content
