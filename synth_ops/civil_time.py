"""Parts of a calendar, of whole columns of instants, in any time zone.

Zones are looked up once for each day, not for each row: a zone's offset rarely changes, and then at a quarter hour.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pyarrow as pa

DAY = 86_400
"""Seconds."""
_QUARTER = 900
_FIRST, _LAST = -62_135_510_400, 253_402_214_400
"""Seconds of the first and last day of which a zone can be asked, with a day to spare."""
_TICKS_PER_SECOND: Mapping[str, int] = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_FAMILIAR = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Paris",
    "Europe/Athens",
    "Europe/Moscow",
    "Asia/Kolkata",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Sydney",
)


def seconds_of(instants: pa.Array) -> np.ndarray:
    """Give whole seconds since 1970 of a timestamp or date column; nulls become 0."""
    if pa.types.is_date32(instants.type):
        return _integers(instants, pa.int32()) * DAY
    if pa.types.is_date64(instants.type):
        return _integers(instants, pa.int64()) // 1000
    per_second = _TICKS_PER_SECOND[instants.type.unit]
    return _integers(instants, pa.int64()) // per_second


def _integers(values: pa.Array, storage: pa.DataType) -> np.ndarray:
    ticks: np.ndarray = values.view(storage).fill_null(0).to_numpy(zero_copy_only=False)
    return ticks.astype(np.int64)


@cache
def zones() -> tuple[str, ...]:
    """Name every zone, the familiar before the obscure, aliases last."""
    named = sorted(available_timezones() - {"localtime", "Factory"}, key=lambda z: (_rank(z), z))
    return tuple(named)


def _rank(zone: str) -> int:
    if zone in _FAMILIAR:
        return _FAMILIAR.index(zone)
    return len(_FAMILIAR) + (zone.startswith("Etc/") + 2 * ("/" not in zone or zone.startswith(("US/", "posix"))))


def local_seconds(seconds: np.ndarray, zone: str) -> np.ndarray:
    """Give what a clock on the zone's wall shows, in seconds since 1970; without a zone, what was given."""
    if not zone or not len(seconds):
        return seconds
    days, row_of = np.unique(seconds // DAY, return_inverse=True)
    starts, ends = _offsets(days * DAY, zone), _offsets((days + 1) * DAY, zone)
    offsets = starts[row_of]
    changing = (starts != ends)[row_of]
    if changing.any():
        quarters, back = np.unique(seconds[changing] // _QUARTER, return_inverse=True)
        offsets[changing] = _offsets(quarters * _QUARTER, zone)[back]
    return np.asarray(seconds + offsets)


def _offsets(instants: np.ndarray, zone: str) -> np.ndarray:
    info = ZoneInfo(zone)
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    asked = np.clip(instants, _FIRST, _LAST).tolist()
    return np.array([_offset(epoch + dt.timedelta(seconds=s), info) for s in asked], np.int64)


def _offset(instant: dt.datetime, info: ZoneInfo) -> int:
    offset = instant.astimezone(info).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def _days(local: np.ndarray) -> np.ndarray:
    return local // DAY


def _date(local: np.ndarray) -> np.ndarray:
    return _days(local).astype("M8[D]")


def _year(local: np.ndarray) -> np.ndarray:
    return _date(local).astype("M8[Y]").astype(np.int64) + 1970


def _month(local: np.ndarray) -> np.ndarray:
    return _date(local).astype("M8[M]").astype(np.int64) % 12 + 1


def _day(local: np.ndarray) -> np.ndarray:
    date = _date(local)
    first = date.astype("M8[M]").astype("M8[D]")
    return np.asarray((date - first).astype(np.int64) + 1)


def _day_of_year(local: np.ndarray) -> np.ndarray:
    date = _date(local)
    first = date.astype("M8[Y]").astype("M8[D]")
    return np.asarray((date - first).astype(np.int64) + 1)


PARTS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "date": _days,
    "year": _year,
    "month": _month,
    "day": _day,
    "hour": lambda local: local // 3600 % 24,
    "minute": lambda local: local // 60 % 60,
    "second": lambda local: local % 60,
    "quarter": lambda local: (_month(local) - 1) // 3 + 1,
    "day_of_year": _day_of_year,
    "weekday": lambda local: (_days(local) + 3) % 7,
    "weekday_from_1": lambda local: (_days(local) + 3) % 7 + 1,
    "weekday_from_sunday": lambda local: (_days(local) + 4) % 7,
    "weekday_from_sunday_1": lambda local: (_days(local) + 4) % 7 + 1,
}
"""Each part of a local time; the date is in days since 1970, weekdays count from Monday unless they say Sunday."""
