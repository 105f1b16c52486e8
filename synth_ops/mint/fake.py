"""Fakes in bulk: a pool of pieces from Faker, or none at all, and arithmetic for the rest.

Calling Faker once per row takes 50 to 100 microseconds each. Names repeat in life, so a pool of some thousands is
drawn from; what must be able to differ on every row (addresses, numbers) is put together from pieces here.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_ops.mint.providers import check_provider

_POOL = 3000
"""Pieces that Faker is asked for, at most."""
_DOMAINS = ("example.com", "example.net", "example.org")
_SYLLABLES = ("ash", "bar", "cor", "del", "eld", "far", "gil", "har", "ing", "kel", "lor", "mar", "nor", "os", "pel")
_STREETS = ("Street", "Avenue", "Road", "Lane", "Way", "Drive", "Court", "Place")
_HEX = np.array(list("0123456789abcdef"))
_DIGITS = np.array(list("0123456789"))
_LETTERS = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))

Rng = np.random.Generator
Maker = Callable[[Rng, int], pa.Array]


def fake(provider: str, n: int, *, rng: Rng, extra: int = 0, column: str = "") -> pa.Array:
    """Give that many fakes as strings; `extra` digits are worked in where more must be told apart.

    Raises:
        PlanError: there is no such provider.
    """
    check_provider(provider, column=column)
    made = _MAKERS[provider](rng, n) if provider in _MAKERS else _drawn(provider, rng, n)
    return _widened(made, rng, extra) if extra > 0 else made


def _widened(texts: pa.Array, rng: Rng, extra: int) -> pa.Array:
    """Put digits before the '@' of an address, and at the end of anything else."""
    digits = _random_text(rng, len(texts), _DIGITS, extra)
    at = pc.find_substring(texts, "@")
    if len(texts) and (pc.min(at).as_py() or 0) > 0:
        parts = pc.split_pattern(texts, "@", max_splits=1)
        return _joined(pc.list_element(parts, 0), digits, "@", pc.list_element(parts, 1))
    return _joined(texts, digits)


@cache
def _pool(provider: str, size: int) -> pa.Array:
    from faker import Faker  # takes half a second, and most tables fake nothing

    source = Faker("en_US", use_weighting=False)
    source.seed_instance(f"synth-ops:{provider}")
    make: Callable[[], Any] = getattr(source, provider)
    return pc.unique(pa.array([str(make()) for _ in range(size)], pa.string()))


def _drawn(provider: str, rng: Rng, n: int) -> pa.Array:
    """Draw with replacement from a fixed pool of pieces."""
    pool = _pool(provider, _POOL)
    return pool.take(pa.array(rng.integers(len(pool), size=n)))


def _joined(*parts: pa.Array | str) -> pa.Array:
    return pc.binary_join_element_wise(*parts, "")


def _random_text(rng: Rng, n: int, symbols: np.ndarray, width: int) -> pa.Array:
    grid = np.ascontiguousarray(symbols[rng.integers(len(symbols), size=(n, width))])
    return pa.array(grid.view(f"<U{width}").ravel(), pa.string())


def _numbers(rng: Rng, n: int, low: int, high: int) -> pa.Array:
    return pa.array(rng.integers(low, high, size=n)).cast(pa.string())


def _choice(rng: Rng, n: int, words: tuple[str, ...]) -> pa.Array:
    return pa.array(words, pa.string()).take(pa.array(rng.integers(len(words), size=n)))


def _plain(rng: Rng, n: int, provider: str) -> pa.Array:
    """Give names in lower-case letters only, fit for an address."""
    lower = pc.utf8_lower(_drawn(provider, rng, n))
    return pc.replace_substring_regex(lower, "[^a-z]", "")


def _name(rng: Rng, n: int) -> pa.Array:
    return _joined(_drawn("first_name", rng, n), " ", _drawn("last_name", rng, n))


def _user_name(rng: Rng, n: int) -> pa.Array:
    return _joined(_plain(rng, n, "first_name"), ".", _plain(rng, n, "last_name"), _numbers(rng, n, 1, 1000))


def _email(rng: Rng, n: int) -> pa.Array:
    return _joined(_user_name(rng, n), "@", _choice(rng, n, _DOMAINS))


def _domain(rng: Rng, n: int) -> pa.Array:
    return _joined(_plain(rng, n, "last_name"), _numbers(rng, n, 1, 1000), ".", _choice(rng, n, _DOMAINS))


def _url(rng: Rng, n: int) -> pa.Array:
    return _joined("https://", _domain(rng, n), "/")


def _ipv4(rng: Rng, n: int) -> pa.Array:
    octets = [_numbers(rng, n, 0, 256), _numbers(rng, n, 0, 256), _numbers(rng, n, 1, 255)]
    return _joined("10.", octets[0], ".", octets[1], ".", octets[2])


def _ipv6(rng: Rng, n: int) -> pa.Array:
    groups = [_joined(_random_text(rng, n, _HEX[1:], 1), _random_text(rng, n, _HEX, 3)) for _ in range(4)]
    return _joined("2001:db8::", groups[0], ":", groups[1], ":", groups[2], ":", groups[3])


def _mac(rng: Rng, n: int) -> pa.Array:
    pairs = [_random_text(rng, n, _HEX, 2) for _ in range(5)]
    return pc.binary_join_element_wise(pa.repeat("02", n), *pairs, ":")


def _phone(rng: Rng, n: int) -> pa.Array:
    """Write numbers as +1-NXX-NXX-XXXX, where no N is 0 or 1 and no code ends in 11."""
    area = rng.integers(2, 10, n) * 100 + rng.integers(12, 90, n)
    exchange = rng.integers(2, 10, n) * 100 + rng.integers(12, 100, n)
    texts = [pa.array(part).cast(pa.string()) for part in (area, exchange)]
    return pc.binary_join_element_wise(pa.repeat("+1", n), *texts, _random_text(rng, n, _DIGITS, 4), "-")


def _iban(rng: Rng, n: int) -> pa.Array:
    """Write British accounts, GBkk BBBB 14 digits, with check digits by ISO 7064 mod 97-10."""
    bank = rng.integers(26, size=(n, 4))
    low, high = rng.integers(10**7, size=n), rng.integers(10**7, size=n)
    rest = np.zeros(n, np.int64)
    for letter in bank.T:
        rest = (rest * 100 + letter + 10) % 97
    rest = (rest * 10**7 + low) % 97
    rest = (rest * 10**7 + high) % 97
    rest = (rest * 10**6 + 161100) % 97  # "GB00" as numbers, moved to the end
    letters = pa.array(np.ascontiguousarray(_LETTERS[bank]).view("<U4").ravel(), pa.string())
    return _joined("GB", _padded(98 - rest, 2), letters, _padded(low, 7), _padded(high, 7))


def _padded(numbers: np.ndarray, width: int) -> pa.Array:
    return pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width, "0")


def _card(rng: Rng, n: int) -> pa.Array:
    digits = rng.integers(10, size=(n, 16))
    digits[:, 0] = 4
    doubled = digits[:, :15:2] * 2
    total = (doubled // 10 + doubled % 10).sum(axis=1) + digits[:, 1:15:2].sum(axis=1)
    digits[:, 15] = -total % 10
    return pa.array(np.ascontiguousarray(_DIGITS[digits]).view("<U16").ravel(), pa.string())


def _ssn(rng: Rng, n: int) -> pa.Array:
    return _joined(_numbers(rng, n, 900, 1000), "-", _padded(rng.integers(1, 100, n), 2), "-",
                   _padded(rng.integers(1, 10000, n), 4))  # fmt: skip


def _street(rng: Rng, n: int) -> pa.Array:
    return _joined(_drawn("last_name", rng, n), " ", _choice(rng, n, _STREETS))


def _street_address(rng: Rng, n: int) -> pa.Array:
    return _joined(_numbers(rng, n, 1, 10000), " ", _street(rng, n))


def _town(rng: Rng, n: int) -> pa.Array:
    stem = _joined(_choice(rng, n, _SYLLABLES), _choice(rng, n, _SYLLABLES))
    return _joined(pc.utf8_capitalize(stem), _choice(rng, n, ("ton", "ville", "ford", "bury", "port", "field")))


def _address(rng: Rng, n: int) -> pa.Array:
    place = _joined(_town(rng, n), ", ", _drawn("state_abbr", rng, n), " ", _postcode(rng, n))
    return _joined(_street_address(rng, n), ", ", place)


def _postcode(rng: Rng, n: int) -> pa.Array:
    return _random_text(rng, n, _DIGITS, 5)


def _plate(rng: Rng, n: int) -> pa.Array:
    return _joined(_random_text(rng, n, _LETTERS, 3), "-", _random_text(rng, n, _DIGITS, 4))


def _swift(rng: Rng, n: int) -> pa.Array:
    return _joined(_random_text(rng, n, _LETTERS, 4), "GB", _random_text(rng, n, _LETTERS, 5))


def _password(rng: Rng, n: int) -> pa.Array:
    return _random_text(rng, n, np.concatenate([_DIGITS, _LETTERS, np.char.lower(_LETTERS)]), 16)


def uuid_bytes(rng: Rng, n: int) -> np.ndarray:
    """Draw RFC 4122 version 4 identifiers, ``(n, 16)`` bytes."""
    raw = rng.integers(256, size=(n, 16), dtype=np.uint8)
    raw[:, 6] = (raw[:, 6] & 0x0F) | 0x40
    raw[:, 8] = (raw[:, 8] & 0x3F) | 0x80
    return raw


def uuid_texts(rng: Rng, n: int) -> pa.Array:
    """Draw the same identifiers in their usual spelling."""
    raw = uuid_bytes(rng, n)
    nibbles = np.stack([raw >> 4, raw & 15], axis=2).reshape(n, 32)
    text = np.full((n, 36), "-", "<U1")
    text[:, [i for i in range(36) if i not in (8, 13, 18, 23)]] = _HEX[nibbles]
    return pa.array(text.view("<U36").ravel(), pa.string())


_MAKERS: Mapping[str, Maker] = {
    "address": _address,
    "city": _town,
    "credit_card_number": _card,
    "domain_name": _domain,
    "email": _email,
    "iban": _iban,
    "ipv4": _ipv4,
    "ipv6": _ipv6,
    "license_plate": _plate,
    "mac_address": _mac,
    "name": _name,
    "password": _password,
    "phone_number": _phone,
    "postcode": _postcode,
    "ssn": _ssn,
    "street_address": _street_address,
    "street_name": _street,
    "swift": _swift,
    "url": _url,
    "user_name": _user_name,
    "uuid4": uuid_texts,
}
"""Those that are put together here; any other is drawn from Faker's pool of the same name."""
