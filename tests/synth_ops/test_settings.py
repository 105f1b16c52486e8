import pytest

from synth_ops.errors import PlanError
from synth_ops.settings import default_night, expand


def test_variables_are_expanded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "p${HOME}")

    assert expand("postgresql://bo:${SHOP_PASSWORD}@db/shop") == "postgresql://bo:p${HOME}@db/shop"


def test_missing_variable_is_named_and_no_value_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_USER", "hunter2")
    monkeypatch.delenv("SHOP_PASSWORD", raising=False)

    with pytest.raises(PlanError, match="SHOP_PASSWORD") as caught:
        expand("postgresql://${SHOP_USER}:${SHOP_PASSWORD}@db/shop")
    assert "hunter2" not in str(caught.value)


def test_night_of_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTH_OPS_NIGHT", "2026-01-31")

    assert default_night() == "2026-01-31"
