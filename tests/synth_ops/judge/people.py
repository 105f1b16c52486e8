"""A table of people, drawn from one law as often as wanted: mixed columns that go together, with nulls and points."""

import numpy as np
import pandas as pd

JOBS = ("clerk", "nurse", "driver", "teacher", "none")
CITIES = tuple(f"town {i}" for i in range(30))


def draw_people(n_rows: int, seed: int) -> pd.DataFrame:
    """Draw people: income goes with age, job and hours; nulls of job and hours come together."""
    rng = np.random.default_rng(seed)
    age = np.clip(rng.normal(42, 14, n_rows), 18, 90).round().astype(np.int64)
    job = np.where(age > 66, "none", rng.choice(JOBS, n_rows, p=[0.3, 0.15, 0.15, 0.2, 0.2]))
    hours = np.where(job == "none", 0, rng.normal(36, 6, n_rows).round().clip(5, 70))
    base = np.select([job == "nurse", job == "teacher", job == "driver"], [2600, 3100, 2200], 1900)
    income = np.where(job == "none", 0.0, base * (0.6 + age / 100) * rng.lognormal(0, 0.15, n_rows)).round(2)
    wealth = (income * rng.lognormal(1, 0.6, n_rows) + age * 55).round(2)
    city = rng.choice(CITIES, n_rows, p=_zipf(len(CITIES)))
    joined = np.datetime64("2015-01-01", "s") + (rng.integers(0, 3650, n_rows) * 86_400).astype("timedelta64[s]")
    quiet = rng.random(n_rows) < 0.15 * (age > 50) + 0.02
    smoker = np.where(rng.random(n_rows) < np.where(job == "driver", 0.5, 0.2), "yes", "no")
    return pd.DataFrame(
        {
            "age": age,
            "job": pd.Series(job, dtype=object).where(~quiet),
            "hours": pd.Series(hours).where(~quiet),
            "income": income,
            "wealth": wealth,
            "city": pd.Series(city, dtype=object).where(
                rng.random(n_rows) >= 0.001, "hamlet" if seed == 1 else "town 0"
            ),
            "smoker": pd.Series(smoker, dtype=object),
            "joined": joined.astype("datetime64[us]"),
        }
    )


def _zipf(n: int) -> np.ndarray:
    weights = 1 / np.arange(1, n + 1)
    return np.asarray(weights / weights.sum())
