"""Values that stand against a change are told as JSON writes them, whichever engine they come from."""

import pytest

from domain.schema.misfits import shown


@pytest.mark.parametrize(
    ("value", "text"),
    [("x", "x"), (True, "true"), (["1"], '["1"]'), (("é",), '["é"]'), ({"a": None}, '{"a": null}'), (1e17, "100000000000000000"),
     (10**17, "100000000000000000"), (2.5, "2.5"), (1e300, "1e+300"), ("x" * 100, "x" * 79 + "…")],
)  # fmt: skip
def test_a_value_is_told_as_json_writes_it(value, text):
    assert shown(value) == text
