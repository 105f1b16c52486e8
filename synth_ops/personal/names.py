"""Names of persons, told by a dictionary: those that Faker knows in languages of Latin letters.

A name alone says little, for towns, months and companies are called after persons, and persons after towns. What tells
is how many of a column's values are names, so that thresholds stand on shares. Measured on public tables: the
dictionary knows 96% of 57 given names and 52% of 2,000. Of the names of 38 large towns 42% are given names too; of
lists of more than a hundred towns at most 16%, of 35 codes 26%. It knows 46% to 52% of full names by both parts and 86%
to 91% by the first; of bands 13% and 32%, of teams 0% and 33%.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import import_module

MIN_VALUES = 20
"""Of fewer different values a share says too little: the names of five offices may all be given names."""
MIN_BOTH, MIN_GIVEN = 0.3, 0.6
"""Shares of full names that the dictionary knows by both parts, and by the first at least."""
MIN_ONE_OF_FEW, MIN_ONE_OF_MANY = 0.6, 0.4
"""Shares of single names that it knows: of many, more are rare names, and fewer are towns that happen to be names."""
MANY = 200

LOCALES = (
    "az_AZ", "cs_CZ", "da_DK", "de_AT", "de_CH", "de_DE", "en", "en_GB", "en_IE", "en_IN", "en_NG", "en_NZ", "en_US",
    "es_AR", "es_CL", "es_CO", "es_ES", "es_MX", "et_EE", "fi_FI", "fr_CA", "fr_CH", "fr_FR", "ga_IE", "hr_HR", "hu_HU",
    "id_ID", "is_IS", "it_IT", "lt_LT", "lv_LV", "nl_BE", "nl_NL", "no_NO", "pl_PL", "pt_BR", "pt_PT", "ro_RO", "sk_SK",
    "sl_SI", "sv_SE", "tr_TR",
)  # fmt: skip

_APOSTROPHES = "'\u2019"
_WORD = rf"[^\W\d_][^\W\d_{_APOSTROPHES}.-]*(?:[{_APOSTROPHES}.-]+[^\W\d_]+)*\.?"
_NAME = re.compile(rf"{_WORD}(?:,? {_WORD}){{0,3}}")


def share_of_full_names(values: Sequence[str]) -> float:
    """Give the share that are a person's names in full, or 0 where the column is none of persons."""
    parted = [parts for parts in map(_parts, values) if len(parts) > 1]
    given, family = known_names()
    by_first = sum(parts[0] in given for parts in parted) / len(values)
    by_both = sum(parts[0] in given and parts[-1] in family for parts in parted) / len(values)
    return by_first if by_both >= MIN_BOTH and by_first >= MIN_GIVEN else 0.0


def share_of_single_names(values: Sequence[str]) -> tuple[float, float]:
    """Give the shares that are a given name, and a family name, each 0 where there are too few."""
    single = [parts[0] for parts in map(_parts, values) if len(parts) == 1]
    given, family = (sum(word in known for word in single) / len(values) for known in known_names())
    enough = MIN_ONE_OF_FEW if len(values) < MANY else MIN_ONE_OF_MANY
    return (given if given >= enough else 0.0), (family if family >= enough else 0.0)


def _parts(text: str) -> list[str]:
    """Give the words of what may be a name, the given one first."""
    if not _NAME.fullmatch(text):
        return []
    family, comma, given = text.casefold().partition(", ")
    return [*given.split(), *family.split()] if comma else family.split()


@cache
def known_names() -> tuple[frozenset[str], frozenset[str]]:
    """Give the given names and the family names of the dictionary, in lower case; read from Faker once, in .1 s."""
    providers = [import_module(f"faker.providers.person.{locale}").Provider for locale in LOCALES]
    return frozenset(_listed(providers, "first_names")), frozenset(_listed(providers, "last_names"))


def _listed(providers: Iterable[type], beginning: str) -> Iterator[str]:
    for provider in providers:
        for name, words in vars(provider).items():
            if name.startswith(beginning) and not isinstance(words, property):
                yield from (str(word).casefold() for word in words)
