"""What a sample of a table's values says of persons: which columns, of which kind, and what should become of them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from synth_ops.personal.names import MIN_VALUES, share_of_full_names, share_of_single_names
from synth_ops.personal.numbers import (
    are_coordinates,
    is_card,
    is_iban,
    is_ipv4,
    is_ipv6,
    is_mac,
    is_national_id,
    is_phone,
    is_ssn,
)
from synth_ops.personal.sample import Sample
from synth_ops.personal.texts import (
    has_shape_of_address,
    holds_email,
    is_browser,
    is_postal_address,
    is_random,
    is_secret,
    is_street_address,
    is_url_of_user,
    is_uuid_text,
)
from synth_ops.plan.finding import Finding
from synth_ops.plan.personal import MIN_LENGTH, personal_data, snake_case
from synth_ops.plan.types import is_text, max_length
from synth_ops.schema import Column, Table

MOST = 0.5
"""Share of values that decides what a column is, whatever else it holds."""


@dataclass(frozen=True)
class Kind:
    """One kind of personal data that a value shows by itself."""

    looks_like: str
    fits: Callable[[str], bool]
    provider: str | None
    """The fake that stands for it; None mints by the pattern of the original."""
    min_share: float = MOST
    """Of a column's different values: small where chance makes no such value, large where it may."""


KINDS: tuple[Kind, ...] = (
    Kind("keys, tokens or hashes of passwords", is_secret, None, 0.05),
    Kind("URLs that name an account", is_url_of_user, "url", 0.2),
    Kind("e-mail addresses", holds_email, "email", 0.05),
    Kind("IBANs", is_iban, "iban", 0.05),
    Kind("card numbers", is_card, "credit_card_number"),
    Kind("social security numbers", is_ssn, "ssn", 0.2),
    Kind("national identity numbers", is_national_id, None),
    Kind("hardware addresses", is_mac, "mac_address", 0.2),
    Kind("IP addresses", is_ipv4, "ipv4"),
    Kind("IP addresses", is_ipv6, "ipv6"),
    Kind("random identifiers", is_uuid_text, None),
    Kind("coordinates", are_coordinates, None),
    Kind("phone numbers", is_phone, "phone_number", 0.2),
    Kind("tokens or hashes", is_random, None),
    Kind("signatures of browsers", is_browser, "user_agent"),
    Kind("postal addresses", is_postal_address, "address", 0.4),
    Kind("street addresses", is_street_address, "street_address", 0.4),
)
"""The first that fits decides."""

MIN_FITTING = 3
"""So many values of a kind make a column personal, or half of them where there are few."""
MIN_SHAPED, MIN_STREETS = 0.7, 0.05
"""Shares of values that are words and a number, and that name a street, from which a column holds addresses."""
PROSE_WORDS, PROSE_CHARACTERS, PROSE_DISTINCT = 6, 40, 0.5
"""Words and characters of most values, and share of different ones, from which a column is free text."""
OF_PERSONS = frozenset({"email", "name", "first_name", "last_name", "user_name", "ssn"})
"""The fakes of what a person has, and a shop or an airport seldom."""
MIN_DECIMALS = 3
"""Of degrees: 100 m."""
_LATITUDE, _LONGITUDE = re.compile(r"(?:.+_)?lat(?:itude)?"), re.compile(r"(?:.+_)?(?:lon|lng|long|longitude)")


def looked_at(table: Table) -> tuple[str, ...]:
    """Give the columns whose values may speak of persons: texts, and latitudes and longitudes."""
    return tuple(c.name for c in table.columns if _may_name(c) or c.name in _positions(table))


def _may_name(column: Column) -> bool:
    return is_text(column) and (max_length(column) or MIN_LENGTH) >= MIN_LENGTH


def find_personal(table: Table, samples: Mapping[str, Sample]) -> dict[str, Finding]:
    """Give what was found, by column; columns that have no sample are not judged."""
    texts = {c.name: samples[c.name] for c in table.columns if c.name in samples and _may_name(c)}
    found = {name: finding for name, sample in texts.items() if (finding := _finding(sample))}
    return found | dict(_homes(table, samples, found))


def _finding(sample: Sample) -> Finding | None:
    values = [text.strip() for text in sample.values if text.strip()]
    if not values:
        return None
    by_form = _by_form(values) or _by_shape(values)
    if by_form and by_form.share >= MOST:
        return by_form
    prose = _by_length(values) if sample.distinct_share >= PROSE_DISTINCT else None
    return prose or by_form or (_by_names(values) if len(values) >= MIN_VALUES else None)


def _by_length(values: Sequence[str]) -> Finding | None:
    """Find free text, which may quote addresses here and there."""
    n_long = sum(len(text) >= PROSE_CHARACTERS and len(text.split()) >= PROSE_WORDS for text in values)
    share = n_long / len(values)
    if share < MOST or n_long < MIN_FITTING:
        return None
    return Finding(looks_like="free text", share=share, fate="fake", provider="text")


def _by_form(values: Sequence[str]) -> Finding | None:
    for kind in KINDS:
        n_fitting = sum(map(kind.fits, values))
        share = n_fitting / len(values)
        if share >= kind.min_share and (n_fitting >= MIN_FITTING or share >= MOST):
            fate: Literal["fake", "mint"] = "fake" if kind.provider else "mint"
            return Finding(looks_like=kind.looks_like, share=share, fate=fate, provider=kind.provider)
    return None


def _by_shape(values: Sequence[str]) -> Finding | None:
    """Find addresses where street words are of a language or a kind that is not listed, but some are."""
    share = sum(map(has_shape_of_address, values)) / len(values)
    with_street = sum(map(is_street_address, values)) / len(values)
    if len(values) < MIN_VALUES or share < MIN_SHAPED or with_street < MIN_STREETS:
        return None
    return Finding(looks_like="street addresses", share=share, fate="fake", provider="street_address")


def _by_names(values: Sequence[str]) -> Finding | None:
    given, family = share_of_single_names(values)
    shares = {"name": share_of_full_names(values), "first_name": given, "last_name": family}
    provider, share = max(shares.items(), key=lambda item: item[1])
    if not share:
        return None
    return Finding(looks_like=_NAMES[provider], share=share, fate="fake", provider=provider)


_NAMES = {"name": "names of persons", "first_name": "given names", "last_name": "family names"}


def _homes(table: Table, samples: Mapping[str, Sample], found: Mapping[str, Finding]) -> Iterator[tuple[str, Finding]]:
    """Find positions that are as exact as a house, beside what names persons; those of airports are geography."""
    told = (personal_data(c.name, table.column_names) for c in table.columns if is_text(c))
    providers = {f.provider for f in found.values()} | {p.provider for p in told if p}
    if not providers & OF_PERSONS:
        return
    for name in _positions(table):
        values = samples[name].values if name in samples else ()
        share = sum(len(v.partition(".")[2]) >= MIN_DECIMALS for v in values) / max(len(values), 1)
        if share >= MOST:
            fate: Literal["null", "mint"] = "null" if table.column(name).nullable else "mint"
            yield name, Finding(looks_like="positions of homes", share=share, fate=fate)


def _positions(table: Table) -> tuple[str, ...]:
    """Give the columns of numbers that are named as latitudes and longitudes, where there are both."""
    numbers = [c.name for c in table.columns if re.match(r"float|double|decimal", c.arrow_type)]
    parts = [[n for n in numbers if form.fullmatch(snake_case(n))] for form in (_LATITUDE, _LONGITUDE)]
    return (*parts[0], *parts[1]) if all(parts) else ()
