"""Liveness asks nothing, readiness asks the database, capabilities tell clients what they may rely on."""

import pytest

from adapters.outbound.memory.clock import ToldClock
from adapters.outbound.memory.files import MemoryFiles
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
    answer = client(operations=operations(work)).get("/readyz")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ready", "schema_version": 7, "files": "ready"})
    assert work.stores.records.calls == [("check_guard", (None,), {})]


DOWN = [(Unavailable("the database does not answer", retry_after=2), 503), (OutOfSpace("the disk is full"), 507), (OSError("x"), 500)]


@pytest.mark.parametrize("error, status", DOWN)
def test_readyz_tells_that_it_is_not(error, status):
    answer = client(operations=operations(Work(down=error))).get("/readyz")
    problem(answer)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (status, "2" if status == 503 else None)


class Checked(MemoryFiles):
    def __init__(self):
        super().__init__(ToldClock())
        self.failure, self.asked = None, 0

    def check(self):
        self.asked += 1
        if self.failure:
            raise self.failure


def test_readyz_tells_of_the_store_of_files_and_stays_ready():
    """What needs no files goes on; a load balancer must not take every server away because of them."""
    files, clock = Checked(), ToldClock()
    asked = client(operations=operations(Work(), files, clock))
    told = []
    for failure in (None, Unavailable("away"), OutOfSpace("full"), None):
        files.failure = failure
        told.append((asked.get("/readyz").status_code, asked.get("/readyz").get_json()["files"]))
        clock.advance(seconds=11)
    assert told == [(200, "ready"), (200, "unavailable"), (200, "full"), (200, "ready")]


def test_the_store_is_asked_now_and_then_however_often_we_are():
    files, clock = Checked(), ToldClock()
    asked = client(operations=operations(Work(), files, clock))
    for _ in range(20):
        asked.get("/readyz")
        clock.advance(seconds=1)
    assert files.asked == 2


def operations(work, files=None, clock=None):
    return OperationsUseCases(work, files or Checked(), clock or ToldClock(), mail=False, links=False)


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
