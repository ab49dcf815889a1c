"""Liveness asks nothing, readiness asks the database, capabilities tell clients what they may rely on."""

import pytest

from app.settings import Settings
from app.usecases.operations import OperationsUseCases
from domain.errors import OutOfSpace, Unavailable
from domain.schema.fields import TYPES
from tests.api.doors import Asked, Work, client, problem


def test_livez_asks_nothing():
    answer = client(operations=Asked(), records=Asked()).get("/livez")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "alive"})


def test_readyz_asks_the_database_for_the_schema_version():
    work = Work()
    answer = client(operations=OperationsUseCases(work, mail=False, links=False)).get("/readyz")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ready", "schema_version": 7})
    assert work.stores.records.calls == [("check_guard", (None,), {})]


DOWN = [(Unavailable("the database does not answer", retry_after=2), 503), (OutOfSpace("the disk is full"), 507), (OSError("x"), 500)]


@pytest.mark.parametrize("error, status", DOWN)
def test_readyz_tells_that_it_is_not(error, status):
    answer = client(operations=OperationsUseCases(Work(down=error), mail=False, links=False)).get("/readyz")
    problem(answer)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (status, "2" if status == 503 else None)


def test_capabilities_are_what_there_is():
    told = client(settings=Settings(max_body=2048)).get("/api/v1/capabilities").get_json()
    assert told == {
        "api": "v1",
        "collection_types": ["base", "accounts"],
        "field_types": sorted(TYPES),
        "sign_in": ["password", "code", "link"],
        "mail": True,
        "mail_links": True,
        "limits": {"body_bytes": 2048, "json_depth": 64, "list": 500, "list_default": 30},
    }


@pytest.mark.parametrize("path", ["/metrics", "/rq", "/console", "/debug/pprof", "/.env"])
def test_nothing_else_is_open(path):
    assert client().get(path).status_code == 404
