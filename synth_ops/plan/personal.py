"""What the names of columns say about persons: a table of patterns. What values say is told in `synth_ops.personal`.

Names are compared in snake case: ``customerEmail``, ``Customer-Email`` and ``customer_email`` are one. The first
pattern that fits a whole name wins. A pattern is anchored at both ends, so that ``email_verified_at`` and
``phone_count`` are no personal data.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Personal:
    """One kind of personal data."""

    pattern: str
    """Of whole names in snake case."""
    provider: str | None
    """The fake that stands for it; None mints by the pattern of the original."""
    looks_like: str
    beside_address: bool = False
    """Personal only in a table that holds streets or addresses too: a city alone is geography."""


_ANY = r"(?:.+_)?"
_NUMBER = r"(?:number|num|no|nr|nbr)"
_WHOSE = (
    r"(?:full|customer|contact|person|patient|employee|member|passenger|recipient|guest|holder|cardholder|client|owner"
    r"|account_holder|card_holder|user_full|billing|shipping|sender|beneficiary|spouse|student|teacher|author_full)"
)

PERSONAL: tuple[Personal, ...] = (
    Personal(rf"{_ANY}e_?mail(?:_?addr(?:ess)?)?(?:_?\d)?", "email", "an e-mail address"),
    Personal(
        rf"{_ANY}(?:tele)?phone(?:_?{_NUMBER})?(?:_?\d)?|{_ANY}(?:mobile|cell|fax|contact)(?:_{_NUMBER})|fax|mobile|msisdn",
        "phone_number",
        "a phone number",
    ),
    Personal(rf"{_ANY}iban(?:_{_NUMBER})?", "iban", "an IBAN"),
    Personal(rf"{_ANY}(?:swift|bic)(?:_code)?", "swift", "a bank's code"),
    Personal(
        rf"{_ANY}(?:credit_?card|debit_?card|card|cc|pan)_?{_NUMBER}|{_ANY}credit_?card|card_pan",
        "credit_card_number",
        "a card number",
    ),
    Personal(rf"{_ANY}(?:cvv2?|cvc2?)", None, "a card's check digits"),
    Personal(
        rf"{_ANY}(?:bank_)?account_{_NUMBER}|{_ANY}bank_account|routing_{_NUMBER}|sort_code", None, "a bank account"
    ),
    Personal(rf"{_ANY}ip_?v?6(?:_?addr(?:ess)?)?", "ipv6", "an IP address"),
    Personal(rf"{_ANY}ip(?:_?v?4)?(?:_?addr(?:ess)?)?|remote_addr", "ipv4", "an IP address"),
    Personal(rf"{_ANY}mac_?addr(?:ess)?", "mac_address", "a hardware address"),
    Personal(rf"{_ANY}(?:imei|imsi|idfa|device_serial)", None, "a device's number"),
    Personal(rf"{_ANY}user_?agent", "user_agent", "a browser's signature"),
    Personal(
        rf"{_ANY}(?:first|given|fore|middle|preferred)_?name|fname|vorname|name_(?:first|given|middle)",
        "first_name",
        "a given name",
    ),
    Personal(
        rf"{_ANY}(?:last|family|sur|maiden|second)_?name|lname|nachname|name_(?:last|family)",
        "last_name",
        "a family name",
    ),
    Personal(rf"{_ANY}(?:user_?name|screen_name|login_name|nick_?name)|login|nick", "user_name", "a user's name"),
    Personal(rf"(?:.+_)?{_WHOSE}_?name|card_?holder", "name", "a person's name"),
    Personal(rf"{_ANY}(?:ssn|social_security(?:_{_NUMBER})?)", "ssn", "a social security number"),
    Personal(
        rf"{_ANY}(?:national_id|tax_?id|passport|nino|personal_{_NUMBER}|driv(?:er|ers|ing)_licen[cs]e|vat_id)(?:_{_NUMBER})?"
        rf"|{_ANY}(?:passport|tax|nhs|medicare|identity|id_card|insurance|policy)_{_NUMBER}",
        None,
        "an identity number",
    ),
    Personal(rf"{_ANY}(?:license_plate|licence_plate|number_plate)", "license_plate", "a car's plate"),
    Personal(rf"{_ANY}vin(?:_{_NUMBER})?", None, "a vehicle's number"),
    Personal(
        rf"{_ANY}(?:password|passwd|pwd|passphrase|passcode|secret|token|api_?key|access_key|private_key|secret_key)"
        r"(?:_?(?:hash|digest|enc|encrypted|salt|hashed))?|otp|pin_code",
        None,
        "a secret",
    ),
    Personal(rf"{_ANY}(?:url|uri|website|web_site|homepage|home_page)", "url", "a URL"),
    Personal(rf"{_ANY}(?:street_address|address_?line_?1|street_?1)", "street_address", "a street address"),
    Personal(rf"{_ANY}street_name", "street_name", "a street"),
    Personal(rf"{_ANY}(?:street|strasse)", "street_address", "a street address"),
    Personal(rf"{_ANY}address_?line_?\d|{_ANY}addr(?:ess)?(?:_?\d)?", "address", "an address"),
    Personal(rf"{_ANY}(?:post_?code|postal_?code|zip|zip_?code)", "postcode", "a postcode", beside_address=True),
    Personal(rf"{_ANY}(?:city|town)", "city", "a part of an address", beside_address=True),
    Personal(
        rf"{_ANY}(?:house|building|apartment|apt|unit)_?{_NUMBER}", None, "a part of an address", beside_address=True
    ),
    Personal(
        rf"{_ANY}(?:notes?|comments?|remarks?|description|descr|bio|biography|about_me|free_?text|memo"
        r"|feedback(?:_text)?|review_text|review_body|message(?:_body|_text)?|body|complaint(?:_text)?)",
        "text",
        "free text",
    ),
)

MIN_LENGTH = 4
"""Text columns that hold fewer characters hold codes, and not names or numbers of persons."""

_STREETS = frozenset({"street_address", "street_name", "address"})


def personal_data(name: str, columns: Iterable[str]) -> Personal | None:
    """Give the kind of personal data that a text column's name speaks of, among the columns of its table.

    >>> personal_data("contactEmail", ()).provider
    'email'
    >>> personal_data("city", ["name", "city"]) is None
    True
    >>> personal_data("city", ["street", "city"]).provider
    'city'
    """
    found = _match(name)
    if found is None or not found.beside_address:
        return found
    return found if any(_is_street(c) for c in columns) else None


def snake_case(name: str) -> str:
    """Give the name in lower case, its words parted by underscores.

    >>> snake_case("CustomerIPAddress2"), snake_case("E-Mail")
    ('customer_ip_address2', 'e_mail')
    """
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"[^0-9a-z]+", "_", parted.lower()).strip("_")


def _match(name: str) -> Personal | None:
    words = snake_case(name)
    return next((p for p, pattern in zip(PERSONAL, _COMPILED, strict=True) if pattern.fullmatch(words)), None)


def _is_street(name: str) -> bool:
    found = _match(name)
    return found is not None and found.provider in _STREETS


_COMPILED = tuple(re.compile(p.pattern) for p in PERSONAL)
