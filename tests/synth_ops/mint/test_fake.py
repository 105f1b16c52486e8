"""Fakes are valid where there is a rule for it, seeded, and quick."""

import ipaddress
import subprocess
import sys
import uuid

import numpy as np
import pyarrow.compute as pc
import pytest

from synth_ops.mint.fake import fake
from synth_ops.mint.providers import PROVIDERS


def made(provider: str, n: int = 300, seed: int = 0) -> list[str]:
    texts: list[str] = fake(provider, n, rng=np.random.default_rng(seed)).to_pylist()
    return texts


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_gives_seeded_texts(provider: str) -> None:
    texts = made(provider, 20)

    assert texts == made(provider, 20)
    assert all(texts)
    assert made(provider, 0) == []


def test_ibans_have_valid_check_digits() -> None:
    for text in made("iban"):
        digits = "".join(str(int(symbol, 36)) for symbol in text[4:] + text[:4])

        assert int(digits) % 97 == 1


def test_card_numbers_pass_the_luhn_check() -> None:
    for text in made("credit_card_number"):
        doubled = [int(d) * (2 - i % 2) for i, d in enumerate(text)]

        assert sum(d // 10 + d % 10 for d in doubled) % 10 == 0


def test_addresses_are_those_of_private_networks_and_documentation() -> None:
    assert all(ipaddress.ip_address(text) in ipaddress.ip_network("10.0.0.0/8") for text in made("ipv4"))
    assert all(ipaddress.ip_address(text) in ipaddress.ip_network("2001:db8::/32") for text in made("ipv6"))


def test_identifiers_are_version_4() -> None:
    assert {(uuid.UUID(t).version, uuid.UUID(t).variant) for t in made("uuid4")} == {(4, uuid.RFC_4122)}


def test_phone_numbers_follow_the_american_plan() -> None:
    texts = fake("phone_number", 300, rng=np.random.default_rng(0))

    assert pc.all(pc.match_substring_regex(texts, r"^\+1-[2-9]\d\d-[2-9]\d\d-\d{4}$")).as_py()


def test_a_wider_address_is_still_an_address() -> None:
    texts = fake("email", 50, rng=np.random.default_rng(0), extra=4)

    assert pc.all(pc.match_substring_regex(texts, r"^[a-z]+\.[a-z]+\d{5,}@example\.(com|net|org)$")).as_py()


def test_more_names_than_a_provider_has_are_given() -> None:
    assert len(made("name", 20_000)) == 20_000


def test_the_names_of_providers_load_without_faker() -> None:
    program = "import sys, synth_ops.mint.providers, synth_ops.mint; print('faker' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "False"
