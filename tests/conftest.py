"""What every test may use: the profile of generated cases, the switch for long tests, a real PostgreSQL and a real Redis."""

import os

import pytest
from hypothesis import settings

pytest_plugins = ["tests.postgres", "tests.redis_server", "tests.s3_server"]

# Taken out of the environment: a server that a test starts refuses STILLROOM_ names that are no setting.
CASES = int(os.environ.pop("STILLROOM_TEST_CASES", "100"))


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="also run the tests marked long")


def pytest_configure(config):
    cases = getattr(config, "workerinput", {}).get("cases", CASES)
    # No deadline: on a machine that is busy with other workers, slow is not wrong.
    settings.register_profile("stillroom", max_examples=cases, deadline=None, print_blob=True)
    settings.load_profile("stillroom")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """pytest-xdist: a worker starts after CASES has left the environment."""
    node.workerinput["cases"] = CASES


def pytest_collection_modifyitems(config, items):
    if config.getoption("--long"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="takes long; runs with --long"))
        if item.get_closest_marker("sqlite_suffices") and "postgresql" in item.callspec.params.values():
            item.add_marker(pytest.mark.skip(reason="PostgreSQL can tell nothing new; runs with --long"))


def pytest_report_header():
    return f"generated cases: {CASES} a property"
