"""Every pair of types has a verdict; what is converted is exactly what was there, and what is said to return returns."""

import random
from decimal import Decimal

import pytest

from domain.schema.conversions import (
    CHECKED,
    LOSSLESS,
    REFUSED,
    WAYS,
    convert,
    form,
    forms,
    is_converted,
    number_text,
    way_between,
)
from domain.schema.fields import TYPES, Unfit
from tests.unit.schema.convertible import FIELDS, field, values


def converted(value, before, after):
    try:
        return convert(before, after)(value)
    except (Unfit, ArithmeticError, ValueError):
        return None


def pairs():
    return [
        (before, after) for before in FIELDS for after in FIELDS if is_converted(field(before), field(after))
    ]


def test_every_form_of_every_type_is_tried():
    assert {form(field(each)) for each in FIELDS} == set(forms())
    assert {each.partition(" ")[2] or each for each in forms()} == set(TYPES)


@pytest.mark.parametrize(("before", "after"), pairs())
def test_a_lossless_way_takes_every_value(before, after):
    way = way_between(field(before), field(after))
    if way is not None and way.verdict == LOSSLESS:
        lost = [value for value in values(before) if converted(value, field(before), field(after)) is None]
        assert lost == []


@pytest.mark.parametrize(("before", "after"), pairs())
def test_what_returns_is_what_was_there(before, after):
    way = way_between(field(before), field(after))
    back = way_between(field(after), field(before))
    if way is None or back is None or not way.returns:
        return
    for value in values(before):
        there = converted(value, field(before), field(after))
        if there is not None:
            again = converted(there, field(after), field(before))
            assert (type(again), again) == (type(value), value)


@pytest.mark.parametrize(("before", "after"), pairs())
def test_what_is_converted_is_a_value_of_the_new_field(before, after):
    way = way_between(field(before), field(after))
    if way is None or "relation" in after or "relation" in before:
        return
    from domain.schema.conversions import as_json
    from domain.schema.fields import TRUSTING

    for value in values(before):
        there = converted(value, field(before), field(after))
        if there is not None and not field(after).read_only:
            assert field(after).accept(as_json(there), TRUSTING) == there


def test_the_table_says_checked_lossless_or_nothing():
    assert {way.verdict for way in WAYS.values()} == {CHECKED, LOSSLESS}
    assert REFUSED == "refused"


@pytest.mark.parametrize(("value", "text"), [
    (0.1, "0.1"), (5.0, "5"), (-5.0, "-5"), (1e14, "100000000000000"), (1e15, "1e+15"), (1.5e-7, "1.5e-07"), (0.0001, "0.0001"),
    (123456789.125, "123456789.125"), (1e22, "1e+22"), (5e-324, "5e-324"), (1.7976931348623157e308, "1.7976931348623157e+308"),
])  # fmt: skip
def test_a_double_is_said_by_its_shortest_decimal(value, text):
    assert number_text(value) == text


def test_every_double_comes_back_from_its_text():
    chance = random.Random(7)
    for _ in range(5000):
        value = chance.uniform(-1, 1) * 10 ** chance.randint(-300, 300)
        assert float(number_text(value)) == value
        assert Decimal(number_text(value)) == Decimal(repr(value))
