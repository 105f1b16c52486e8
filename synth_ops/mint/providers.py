"""The fakes that a plan may ask for by name."""

import difflib
from collections.abc import Mapping

from synth_ops.errors import PlanError

PROVIDERS: Mapping[str, str] = {
    "address": "a postal address in one line",
    "city": "the name of a town that does not exist",
    "color_name": "the name of a colour",
    "company": "the name of a company",
    "country": "the name of a country",
    "country_code": "a country by two letters",
    "credit_card_number": "sixteen digits that pass the Luhn check",
    "currency_code": "a currency by three letters",
    "domain_name": "a name under a domain reserved for examples",
    "email": "an e-mail address under a domain reserved for examples",
    "file_name": "a file's name with its extension",
    "first_name": "a given name",
    "iban": "a British bank account number with valid check digits",
    "ipv4": "an address from the blocks reserved for private networks",
    "ipv6": "an address from the block reserved for documentation",
    "job": "the name of an occupation",
    "last_name": "a family name",
    "license_plate": "the plate of a car",
    "locale": "a language and a country, as en_GB",
    "mac_address": "a locally administered hardware address",
    "name": "a given and a family name",
    "paragraph": "a few sentences",
    "password": "sixteen letters and digits",
    "phone_number": "an American number with a valid area code",
    "postcode": "five digits",
    "sentence": "one sentence",
    "ssn": "an American social security number from the range that is never issued",
    "state": "the name of an American state",
    "state_abbr": "an American state by two letters",
    "street_address": "a house number and a street",
    "street_name": "the name of a street",
    "swift": "a bank by eleven letters",
    "text": "a paragraph, as free text",
    "timezone": "a time zone by its IANA name",
    "url": "an address under a domain reserved for examples",
    "user_agent": "what a browser says it is",
    "user_name": "an account's name",
    "uuid4": "a random identifier of 36 characters",
    "word": "one word",
}
"""Name of each provider and what it gives; nothing here is learned from data."""


def check_provider(name: str, *, column: str) -> str:
    """Give the name back.

    Raises:
        PlanError: there is no such provider; the message names the nearest.
    """
    if name in PROVIDERS:
        return name
    nearest = difflib.get_close_matches(name, PROVIDERS, n=1, cutoff=0.0)
    raise PlanError(
        f"The fake of column {column!r} must be one of {len(PROVIDERS)} providers, however: {name!r}."
        f" The nearest is {nearest[0]!r}."
    )
