"""Texts that name persons, places or secrets, told by their form."""

import math
import re
from collections import Counter
from itertools import pairwise

_EMAIL = re.compile(r"[\w.+%'-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_URL = re.compile(r"[a-z][a-z0-9+.-]{1,20}://\S+|www\.\S+", re.IGNORECASE)
_USER_PART = re.compile(
    r"://[^/\s]*:[^/\s]*@|[?&](?:user(?:_?(?:name|id))?|e?mail|login|(?:access_)?token|session(?:_?id)?|sid|auth)=[^&\s]+"
    r"|/(?:users?|profiles?|members?|people|accounts?|u|in)/[^/\s]+|/[~@][^/\s]+"
    r"|//(?:\w+\.)?(?:facebook|instagram|twitter|x|github|t|tiktok)\.(?:com|me)/[^/\s]+/?$",
    re.IGNORECASE,
)
_UUID = re.compile(r"\{?[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?")
_SECRET = re.compile(
    r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*|(?:AKIA|ASIA)[A-Z0-9]{16}|gh[pousr]_\w{30,}|github_pat_\w{20,}|xox[abposr]-[\w-]{10,}"
    r"|[rs]k_(?:live|test)_\w{16,}|AIza[\w-]{30,}|glpat-[\w-]{16,}|-----BEGIN [A-Z ]*PRIVATE KEY.*"
    r"|\$(?:2[abxy]|5|6|argon2\w*|scrypt|y)\$\S{20,}|(?:pbkdf2|bcrypt|scrypt|argon2|sha256|md5)\w*\$\S{16,}|\{S?SHA\}\S{20,}",
    re.DOTALL,
)
_HEX = re.compile(r"(?:[0-9a-f]{32,128}|[0-9A-F]{32,128})")
_BASE64 = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d.*\d)[A-Za-z0-9+/_-]{24,}={0,2}")
_HEX_BITS, _BASE64_BITS = 3.0, 3.8
_MIN_CHANGES = 0.45
"""Share of neighbours that are of two classes of symbols: six in ten by chance, a third in words."""
_STREET_WORDS = (
    r"street|str|st|avenue|ave|av|road|rd|boulevard|blvd|boul|lane|ln|drive|dr|court|ct|way|place|pl|square|sq|highway"
    r"|hwy|parkway|pkwy|terrace|crescent|close|rue|chemin|quai|allée|impasse|via|viale|piazza|corso|calle|avda|avenida"
    r"|paseo|plaza|rua|travessa|praça|rambla|ulica|ul|c/|p\.? ?o\.? box"
)
_STREET = re.compile(rf"\b(?:{_STREET_WORDS})\b", re.IGNORECASE)
_STREET_IN_ONE_WORD = re.compile(
    r"\w{2,}(?:(?:stra(?:ß|ss)e|weg|gasse|platz|allee|damm|ufer|gatan|vägen|veien|vej|gade|straat|laan|kade|plein|katu"
    r"|tie)\b|str\.)",
    re.IGNORECASE,
)
_SHAPE = re.compile(
    r"(?:\w+\.? )?\d{1,5}(?:[/ -]?\w{1,3})?,?(?:\s[^\W\d_][\w.'-]*){1,6}.*"  # Flat 12 Elm Ramp
    r"|(?:[^\W\d_][\w.'-]*,? ){1,6}(?:\w+\.?:? )?\d{1,5}.*",  # Cuesta Ambrosio Porta, nº 19
    re.DOTALL,
)
_HOUSE = re.compile(r"\b\d{1,5}(?:[ -]?[A-Za-z])?\b")
_MOST_WORDS_OF_AN_ADDRESS = 14
_STREET_AND_NUMBER = 2
"""Words of ``Court 3``, which is no address yet."""
_POSTCODE = re.compile(r"[,\n]\s*(?:\S+ ){0,4}?(?:\d{4,6}(?:-\d{3,4})?|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})\b")
_BROWSER = re.compile(r"(?:Mozilla|Opera|Dalvik|okhttp|curl|PostmanRuntime|python-requests)/\d")


def holds_email(text: str) -> bool:
    """Tell whether an e-mail address stands in it.

    >>> holds_email("Ann <ann@shop.example>"), holds_email("@home"), holds_email("a@b")
    (True, False, False)
    """
    return "@" in text and _EMAIL.search(text) is not None


def is_url_of_user(text: str) -> bool:
    """Tell whether it is a URL that names an account, by its user part, a parameter, or a profile's path.

    >>> is_url_of_user("https://bo:pw@host/x"), is_url_of_user("https://shop.example/users/bo")
    (True, True)
    >>> is_url_of_user("https://shop.example/products/12?page=3")
    False
    """
    return _URL.fullmatch(text) is not None and _USER_PART.search(text) is not None


def is_uuid_text(text: str) -> bool:
    """Tell whether it is an identifier of 16 bytes in its usual spelling."""
    return _UUID.fullmatch(text) is not None


def is_secret(text: str) -> bool:
    """Tell whether it has the form of a key, a signed token, or a password's hash that some product issues."""
    return _SECRET.fullmatch(text) is not None


def is_random(text: str) -> bool:
    """Tell whether it is a long run of hexadecimal or base64 symbols in which none is much more common than others.

    >>> is_random("9f86d081884c7d659a2feaa0c55ad015"), is_random("00000000000000000000000000000001")
    (True, False)
    >>> is_random("q83vEjRWeJCrze8SNFZ4kKvN"), is_random("Blue-Garden-Chair-Model-2024")
    (True, False)
    """
    if _HEX.fullmatch(text):
        return _bits(text) >= _HEX_BITS
    return _BASE64.fullmatch(text) is not None and _bits(text) >= _BASE64_BITS and _changes(text) >= _MIN_CHANGES


def _changes(text: str) -> float:
    """Give the share of neighbouring letters and digits that are of different classes."""
    classes = [(c.isupper(), c.isdigit()) for c in text if c.isalnum()]
    return sum(one != other for one, other in pairwise(classes)) / (len(classes) - 1)


def _bits(text: str) -> float:
    """Give Shannon's entropy of its symbols, in bits a symbol."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def is_browser(text: str) -> bool:
    """Tell whether it is what a browser says it is."""
    return _BROWSER.match(text) is not None


def is_postal_address(text: str) -> bool:
    """Tell whether a street, a number and a postcode stand in it.

    >>> is_postal_address("12 Elm Street, Springfield, IL 62704"), is_postal_address("12 Elm Street, 2nd floor")
    (True, False)
    """
    return _POSTCODE.search(text) is not None and is_street_address(_POSTCODE.sub(",", text))


def is_street_address(text: str) -> bool:
    """Tell whether a street and a number stand in it.

    >>> [is_street_address(x) for x in ("12 Elm Street", "Obere Str. 57", "Hauptstraße 5", "59 rue de l'Abbaye")]
    [True, True, True, True]
    >>> [is_street_address(x) for x in ("Wall Street", "Court 3", "24 - 12 oz bottles", "Boeing 737")]
    [False, False, False, False]
    """
    n_words = len(text.split())
    if n_words > _MOST_WORDS_OF_AN_ADDRESS or not _HOUSE.search(text):
        return False
    of_its_own = n_words > _STREET_AND_NUMBER and _STREET.search(text) is not None
    return of_its_own or _STREET_IN_ONE_WORD.search(text) is not None


def has_shape_of_address(text: str) -> bool:
    """Tell whether it is a number and some words, or some words and a number: many things are, addresses all."""
    return len(text.split()) <= _MOST_WORDS_OF_AN_ADDRESS and _SHAPE.fullmatch(text) is not None
