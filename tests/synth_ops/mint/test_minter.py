"""Made columns have the original's type, its shape, and none of its values."""

import decimal
import uuid

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_ops.errors import PlanError
from synth_ops.mint import Minter, fit_minter, mint
from synth_ops.plan.plan import ColumnPlan, Fate
from synth_ops.schema import Column


def minter_of(
    values: pa.Array, *, fate: Fate = "mint", source_type: str = "x", provider: str | None = None, nullable: bool = True
) -> Minter:
    plan = ColumnPlan(name="c", fate=fate, provider=provider, reason="test")
    schema = Column(name="c", source_type=source_type, arrow_type=str(values.type), nullable=nullable)
    return fit_minter(plan, schema, pa.chunked_array([values]), rare_below=10, offset=1000)


def test_unique_integers_count_from_the_offset() -> None:
    made = mint(minter_of(pa.array([7, 8])), 3, arrow_type=pa.int32(), seed=0, unique=True)

    assert made.type == pa.int32()
    assert made.to_pylist() == [1000, 1001, 1002]


def test_integers_that_are_taken_are_passed_over() -> None:
    made = mint(minter_of(pa.array([7, 8])), 3, arrow_type=pa.int64(), seed=0, unique=True, taken=[1001])

    assert made.to_pylist() == [1000, 1002, 1003]


def test_more_integers_than_the_type_holds_is_an_error_that_names_the_column() -> None:
    minter = minter_of(pa.array([7, 8], pa.int8())).model_copy(update={"offset": 100})

    with pytest.raises(PlanError, match="Column 'c' must hold 100 different values"):
        mint(minter, 100, arrow_type=pa.int8(), seed=0, unique=True)


def test_the_last_integer_of_a_type_can_be_reached() -> None:
    minter = minter_of(pa.array([7])).model_copy(update={"offset": 2**63 - 2})

    assert mint(minter, 2, arrow_type=pa.int64(), seed=0, unique=True)[1].as_py() == 2**63 - 1


def test_uuid_texts_are_version_4_and_seeded() -> None:
    minter = minter_of(pa.array([str(uuid.UUID(int=i)) for i in range(3)]))

    made = mint(minter, 50, arrow_type=pa.string(), seed=3, unique=True)

    assert minter.kind == "uuid"
    assert made == mint(minter, 50, arrow_type=pa.string(), seed=3, unique=True)
    assert {uuid.UUID(text).version for text in made.to_pylist()} == {4}


@pytest.mark.parametrize("dtype", [pa.binary(16), pa.uuid()])
def test_binary_uuids_keep_their_type(dtype: pa.DataType) -> None:
    minter = minter_of(pa.nulls(3, dtype))

    made = mint(minter, 5, arrow_type=dtype, seed=0, unique=True)

    assert made.type == dtype
    assert len(set(made.to_pylist())) == 5


def test_a_text_key_is_unique_even_when_the_pattern_is_too_small() -> None:
    minter = minter_of(pa.array([f"A{i % 10}{i // 10}" for i in range(50)]))

    made = mint(minter, 5000, arrow_type=pa.string(), seed=0, unique=True)

    assert len(made.unique()) == 5000


def test_a_key_keeps_its_length_while_its_digits_have_room() -> None:
    values = pa.array([f"INV-{i:06d}" for i in range(500)])

    made = mint(minter_of(values), 5000, arrow_type=pa.string(), seed=0, unique=True, taken=values)

    assert pc.all(pc.match_substring_regex(made, r"^INV-\d{6}$")).as_py()


def test_a_short_text_key_stays_within_its_length() -> None:
    values = pa.array([f"{a}{b}" for a in "ABCDEF" for b in "GHIJ"])
    minter = minter_of(values, source_type="character varying(2)")

    made = mint(minter, 600, arrow_type=pa.string(), seed=0, unique=True, taken=values)

    assert pc.max(pc.utf8_length(made)).as_py() == 2
    assert len(made.unique()) == 600
    assert not set(made.to_pylist()) & set(values.to_pylist())


def test_more_texts_than_the_length_allows_is_an_error() -> None:
    minter = minter_of(pa.array(["A", "B"]), source_type="char(1)")

    with pytest.raises(PlanError, match="Column 'c' must hold 100 different texts"):
        mint(minter, 100, arrow_type=pa.string(), seed=0, unique=True)


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.text(max_size=8), min_size=1, max_size=60), unique=st.booleans())
def test_no_minted_text_is_one_of_the_originals(values: list[str], *, unique: bool) -> None:
    array = pa.array(values, pa.string())

    made = mint(minter_of(array), 40, arrow_type=pa.string(), seed=1, unique=unique, taken=array)

    assert len(made) == 40
    assert not set(made.to_pylist()) & set(values)
    assert not unique or len(set(made.to_pylist())) == 40


def test_unique_emails_are_unique_and_under_reserved_domains() -> None:
    minter = minter_of(pa.array(["x"]), fate="fake", provider="email")

    made = mint(minter, 50_000, arrow_type=pa.string(), seed=0, unique=True)

    assert len(made.unique()) == 50_000
    assert pc.all(pc.match_substring_regex(made, r"^[a-z.]+\d+@example\.(com|net|org)$")).as_py()


def test_an_unknown_fake_names_the_nearest() -> None:
    with pytest.raises(PlanError, match="The nearest is 'email'"):
        minter_of(pa.array(["x"]), fate="fake", provider="e_mail")


def test_a_fake_of_the_wrong_type_says_which_type_is_wanted() -> None:
    minter = minter_of(pa.array([1]), fate="fake", provider="name")

    with pytest.raises(PlanError, match="must be of its type, int64"):
        mint(minter, 3, arrow_type=pa.int64(), seed=0, unique=False)


def test_a_fake_of_digits_fits_an_integer_column() -> None:
    minter = minter_of(pa.array([1]), fate="fake", provider="postcode")

    assert mint(minter, 3, arrow_type=pa.int64(), seed=0, unique=False).type == pa.int64()


def test_nulls_keep_their_share_unless_the_column_is_a_key() -> None:
    minter = minter_of(pa.array([None, "ab1"] * 500))

    some = mint(minter, 2000, arrow_type=pa.string(), seed=0, unique=False)

    assert abs(some.null_count - 1000) < 100
    assert mint(minter, 20, arrow_type=pa.string(), seed=0, unique=True).null_count == 0


def test_values_repeat_as_often_as_the_originals_do() -> None:
    minter = minter_of(pa.array([f"K-{i % 100:04d}" for i in range(1000)]))

    made = mint(minter, 1000, arrow_type=pa.string(), seed=0, unique=False)

    assert 50 <= len(made.unique()) <= 100


def test_a_null_fate_on_a_mandatory_column_gives_a_placeholder() -> None:
    minter = minter_of(pa.array([b"x"]), fate="null", nullable=False)

    assert mint(minter, 2, arrow_type=pa.binary(), seed=0, unique=False).to_pylist() == [b"", b""]


STEPPED = [
    pa.date32(),
    pa.date64(),
    pa.timestamp("us", "UTC"),
    pa.time64("us"),
    pa.duration("s"),
    pa.decimal128(6, 2),
    pa.float32(),
]


@pytest.mark.parametrize("dtype", STEPPED, ids=str)
def test_unique_dates_times_and_numbers_step(dtype: pa.DataType) -> None:
    values = pa.array([None, *range(50)], pa.int32() if dtype.bit_width == 32 else pa.int64())
    column = values.cast(pa.float32()).cast(dtype) if not pa.types.is_temporal(dtype) else values.view(dtype)

    made = mint(minter_of(column), 500, arrow_type=dtype, seed=0, unique=True)

    assert made.type == dtype
    assert len(made.unique()) == 500


def test_decimals_fall_back_on_their_last_place() -> None:
    minter = minter_of(pa.array([decimal.Decimal("1.00")] * 30, pa.decimal128(3, 2)))

    made = mint(minter, 900, arrow_type=pa.decimal128(3, 2), seed=0, unique=True)

    assert len(made.unique()) == 900


PLACEHELD = [
    pa.list_(pa.int32()),
    pa.map_(pa.string(), pa.int32()),
    pa.struct([("a", pa.int32()), ("b", pa.list_(pa.string()))]),
    pa.binary(),
    pa.binary(3),
    pa.list_(pa.float32(), 2),
    pa.month_day_nano_interval(),
]


@pytest.mark.parametrize("dtype", PLACEHELD, ids=str)
@pytest.mark.parametrize("n", [0, 3])
def test_other_types_are_filled_with_placeholders(dtype: pa.DataType, n: int) -> None:
    made = mint(minter_of(pa.nulls(2, dtype), nullable=False), n, arrow_type=dtype, seed=0, unique=False)

    assert (made.type, len(made)) == (dtype, n)


def test_json_columns_hold_an_empty_object() -> None:
    minter = minter_of(pa.array(['{"a": 1}']), source_type="jsonb", nullable=False)

    assert mint(minter, 1, arrow_type=pa.string(), seed=0, unique=False).to_pylist() == ["{}"]


def test_a_dictionary_column_keeps_its_type() -> None:
    dtype = pa.dictionary(pa.int32(), pa.string())
    minter = minter_of(pa.array(["AB1"] * 3).dictionary_encode())

    assert mint(minter, 4, arrow_type=dtype, seed=0, unique=True).type == dtype


def test_a_minter_is_json() -> None:
    minter = minter_of(pa.array([f"N{i:03d}UA" for i in range(100)]))

    assert Minter.model_validate_json(minter.model_dump_json()) == minter


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("unique", [True, False])
@pytest.mark.parametrize(
    "values", [pa.array([1, 2]), pa.array(["a", "b"] * 20), pa.array([1.5])], ids=["int", "text", "float"]
)
def test_few_rows_or_none_work(values: pa.Array, *, unique: bool, n: int) -> None:
    assert len(mint(minter_of(values), n, arrow_type=values.type, seed=0, unique=unique)) == n
