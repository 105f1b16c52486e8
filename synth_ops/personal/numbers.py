"""Numbers that name persons, told by their form and, where they have them, by their check digits."""

import re
from ipaddress import AddressValueError, IPv4Interface, IPv6Interface, NetmaskValueError

_CARD = re.compile(r"[2-6](?:\d{12,18}|\d{3}(?P<gap>[ -])\d{4}(?P=gap)\d{4}(?P=gap)\d{1,7}|\d{3}[ -]\d{6}[ -]\d{5})")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_SSN = re.compile(r"(?!000|666)\d{3}-(?!00)\d{2}-(?!0000)\d{4}")
_NINO = re.compile(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]")
_DNI = re.compile(r"[XYZ]?\d{7,8}-?[A-Z]")
_CODICE_FISCALE = re.compile(r"[A-Z]{6}\d{2}[ABCDEHLMPRST]\d{2}[A-Z]\d{3}[A-Z]")
_CPF = re.compile(r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}")
_NIR = re.compile(r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?\d{2} ?\d{3} ?\d{3} ?\d{2}")
_PERSONNUMMER = re.compile(r"(?:\d{2})?\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])[-+]\d{4}")
_RESIDENT = re.compile(r"\d{6}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[\dX]")
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_DIGITS = "10X98765432"
_PHONE = re.compile(
    r"(?:\+\d[\d ()./-]{5,20}\d"  # +49 30 1234567
    r"|\(\d{1,5}\)[ -]?\d[\d ./-]{3,14}\d"  # (030) 123-4567
    r"|(?:1[-. ])?\d{3}[-. ]\d{3}[-. ]\d{4}"  # 555-123-4567
    r"|0\d{1,4}[ /-]\d[\d /-]{3,12}\d)"  # 030/1234567
    r"(?: ?(?:x|ext\.?) ?\d{1,6})?"
)
_PHONE_DIGITS = range(7, 16)
_NATIONAL_DIGITS = 9
"""A number that begins with 0 has as many digits or more; a date has eight."""
_MAC = re.compile(
    r"[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}"
)
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?")
_LARGEST_OF_A_VERSION = 31
_COORDINATES = re.compile(
    r"[-+]?\d{1,2}\.\d{3,}\s*[,; ]\s*[-+]?\d{1,3}\.\d{3,}|(?:SRID=\d+;)?POINT ?\([-\d.]+ [-\d.]+\)", re.IGNORECASE
)


def is_card(text: str) -> bool:
    """Tell whether it may be a payment card's number.

    >>> is_card("4111 1111 1111 1111"), is_card("4111 1111 1111 1112"), is_card("4111")
    (True, False, False)
    """
    return _CARD.fullmatch(text) is not None and passes_luhn(re.sub(r"\D", "", text))


def passes_luhn(digits: str) -> bool:
    """Tell whether the last digit is the check digit of the others (ISO/IEC 7812)."""
    doubled = (2 * int(d) for d in digits[-2::-2])
    return (sum(map(int, digits[::-2])) + sum(d // 10 + d % 10 for d in doubled)) % 10 == 0


def is_iban(text: str) -> bool:
    """Tell whether it is a bank account with its check digits (ISO 13616).

    >>> is_iban("GB82 WEST 1234 5698 7654 32"), is_iban("GB83 WEST 1234 5698 7654 32")
    (True, False)
    """
    plain = text.replace(" ", "").upper()
    return _IBAN.fullmatch(plain) is not None and int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def is_ssn(text: str) -> bool:
    """Tell whether it has the form of an American social security number."""
    return _SSN.fullmatch(text) is not None


def is_national_id(text: str) -> bool:
    """Tell whether it is a national identity number of some kinds that are told from other numbers.

    British (NINO), Spanish (DNI, NIE), Italian (codice fiscale), Brazilian (CPF), French (NIR), Swedish
    (personnummer), Chinese; by their check digits where they have any.

    >>> [is_national_id(x) for x in ("AB 12 34 56 C", "12345678Z", "12345678A", "529.982.247-25")]
    [True, True, False, True]
    """
    formed = _NINO.fullmatch(text) or _CODICE_FISCALE.fullmatch(text)
    return formed is not None or any(check(text) for check in (_is_dni, _is_cpf, _is_nir, _is_swedish, _is_resident))


def _is_dni(text: str) -> bool:
    if not _DNI.fullmatch(text):
        return False
    number = text[:-1].rstrip("-").translate(str.maketrans("XYZ", "012"))
    return len(number) == 8 and _DNI_LETTERS[int(number) % 23] == text[-1]  # noqa: PLR2004 — the law's figures


def _is_cpf(text: str) -> bool:
    digits = [int(d) for d in text if d.isdigit()] if _CPF.fullmatch(text) else []
    if len(set(digits)) < 2:  # noqa: PLR2004 — eleven equal digits pass the check and are nobody's
        return False
    return all(sum(d * w for d, w in zip(digits, range(n + 1, 1, -1), strict=False)) * 10 % 11 % 10 == digits[n]
               for n in (9, 10))  # fmt: skip


def _is_nir(text: str) -> bool:
    digits = text.replace(" ", "")
    return _NIR.fullmatch(text) is not None and 97 - int(digits[:13]) % 97 == int(digits[13:])


def _is_swedish(text: str) -> bool:
    return _PERSONNUMMER.fullmatch(text) is not None and passes_luhn(re.sub(r"\D", "", text)[-10:])


def _is_resident(text: str) -> bool:
    if not _RESIDENT.fullmatch(text):
        return False
    return _RESIDENT_DIGITS[sum(int(d) * w for d, w in zip(text[:17], _RESIDENT_WEIGHTS, strict=True)) % 11] == text[17]


def is_phone(text: str) -> bool:
    """Tell whether it is written as phone numbers are: with a plus, brackets, or groups; never bare digits.

    >>> [is_phone(x) for x in ("+49 30 1234567", "(030) 555-4729", "555-123-4567", "030-0074321")]
    [True, True, True, True]
    >>> [is_phone(x) for x in ("2024-01-05", "01-02-2024", "250.83", "5551234567", "978-0-306-40615-7")]
    [False, False, False, False, False]
    """
    if not _PHONE.fullmatch(text):
        return False
    n_digits = sum(c.isdigit() for c in text)
    return n_digits in _PHONE_DIGITS and (text[0] != "0" or n_digits >= _NATIONAL_DIGITS)


def is_mac(text: str) -> bool:
    """Tell whether it is a hardware address."""
    return _MAC.fullmatch(text) is not None


def is_ipv4(text: str) -> bool:
    """Tell whether it is an address of IPv4, with a prefix or without; four small numbers are a version.

    >>> is_ipv4("192.168.7.4"), is_ipv4("2.10.0.3"), is_ipv4("10.0.999.1")
    (True, False, False)
    """
    if not _IPV4.fullmatch(text) or not _is_address(IPv4Interface, text):
        return False
    return any(int(part) > _LARGEST_OF_A_VERSION for part in text.partition("/")[0].split("."))


def is_ipv6(text: str) -> bool:
    """Tell whether it is an address of IPv6, with a prefix or without.

    >>> is_ipv6("2001:db8::1"), is_ipv6("12:34:56"), is_ipv6("::")
    (True, False, False)
    """
    return text.count(":") > 1 and len(text) > 2 and _is_address(IPv6Interface, text)  # noqa: PLR2004 — a mere ``::``


def _is_address(kind: type[IPv4Interface] | type[IPv6Interface], text: str) -> bool:
    try:
        kind(text)
    except (AddressValueError, NetmaskValueError):
        return False
    return True


def are_coordinates(text: str) -> bool:
    """Tell whether it is a latitude and a longitude, to within 100 m or closer.

    >>> are_coordinates("52.5200, 13.4050"), are_coordinates("52.5, 13.4")
    (True, False)
    """
    return _COORDINATES.fullmatch(text) is not None
