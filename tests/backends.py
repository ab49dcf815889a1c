"""What a test says when a backend that it needs is not on this machine."""

import os
from typing import NoReturn

import pytest


def missing(backend: str, hint: str) -> NoReturn:
    """Skip the test with a reason; fail it where REQUIRE_ALL_BACKENDS=1 promises that nothing is left out."""
    reason = f"no {backend} here: {hint}"
    if os.environ.get("REQUIRE_ALL_BACKENDS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
