"""The document describes every endpoint and is valid; Swagger UI shows it without the network."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from time import perf_counter

import pytest
from openapi_spec_validator import validate

from adapters.inbound.web.document.whole import FOR_ALL
from adapters.inbound.web.parameters import LISTING
from app.factory import API
from app.usecases.outlines import Known
from domain.records.outline import Outlook
from domain.schema.collection import Schema
from domain.schema.fields import SelectField
from tests.api.doors import POSTS, Asked, client

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document():
    """As an admin is told of a database with the collection `posts`."""
    return client().get("/api/v1/openapi.json").get_json()


@pytest.fixture(scope="module")
def generic():
    """Of no database."""
    return client().application.extensions[API].generic()


def operations(document):
    return [(path, method, each) for path, item in document["paths"].items() for method, each in item.items() if method in METHODS]


def test_both_documents_are_valid_openapi_3_1(document, generic):
    for each in (document, generic):
        assert each["openapi"] == "3.1.0"
        validate(each)


def test_a_collection_stands_in_the_place_of_whatever_collection(document, generic):
    def shared(paths):
        return {path for path in paths if not re.search("/(posts|{c})/(records|export)", path)}

    def records(paths):
        return {path for path in paths if re.search("/(posts|{c})/(records|export)", path)}

    assert shared(document["paths"]) == shared(generic["paths"])
    assert {path.replace("posts", "{c}") for path in records(document["paths"])} == records(generic["paths"])


def test_it_describes_every_route_that_there_is(generic):
    app = client().application
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules() if not rule.endpoint.startswith(("docs.", "pages.", "postman."))
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }  # fmt: skip
    assert {(path, method) for path, method, _ in operations(generic)} == served


def test_every_operation_has_an_id_of_its_own_and_a_summary(document):
    ids = [each["operationId"] for _, _, each in operations(document)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[a-z_]+", id) for id in ids)
    assert FOR_ALL not in str(document)
    assert [path for path, _, each in operations(document) if not each.get("summary")] == []


def test_every_refusal_is_documented_as_a_problem(document):
    shared = document["components"]["responses"]
    for path, method, operation in operations(document):
        assert "default" in operation["responses"], (path, method)
        for status, answer in operation["responses"].items():
            if status == "default" or int(status) >= 400:
                content = shared[answer["$ref"].rpartition("/")[2]]["content"]
                assert list(content) == ["application/problem+json"], (path, method, status)


BODILESS = {"/api/v1/collections/{c}/trash/{id}/restore", "/api/v1/outbox/deferred/{name}/{id}/retry", "/api/v1/collections/undo",
            "/api/v1/auth/{c}/factors/totp", "/api/v1/auth/{c}/factors/passkeys", "/api/v1/auth/{c}/factors/recovery-codes",
            "/api/v1/auth/{c}/invitations/{id}/send", "/api/v1/jobs/{job}/retry", "/api/v1/jobs/{job}/cancel",
            "/api/v1/schedules/{schedule}/pause", "/api/v1/schedules/{schedule}/resume", "/api/v1/schedules/{schedule}/run",
            "/api/v1/files/{c}/{id}/{file}/link", "/api/v1/uploads", "/api/v1/uploads/{id}/complete",
            "/api/v1/webhooks/{id}/secret", "/api/v1/webhooks/{id}/test", "/api/v1/webhooks/{id}/deliveries/{delivery}/replay"}  # fmt: skip


def test_bodies_and_parameters_are_described(document, generic):
    records = generic["paths"]["/api/v1/collections/{c}/records"]
    assert [each["name"] for each in records["get"]["parameters"]] == list(LISTING)
    for path, method, operation in operations(document):
        assert ("requestBody" in operation) == (method in ("post", "patch", "put") and path not in BODILESS), (path, method)


def test_it_is_revalidated_by_its_tag():
    door = client()
    first = door.get("/api/v1/openapi.json")
    again = door.get("/api/v1/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.content_type, again.status_code, again.data) == ("application/json", 304, b"")


def test_swagger_ui_is_ours_down_to_the_last_file():
    door = client()
    page = door.get("/api/v1/docs")
    html = page.get_data(as_text=True)
    assert page.mimetype == "text/html"
    links = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert len(links) == 5
    for link in links:
        assert link.startswith("/api/v1/docs/")
        answer = door.get(link)
        assert (answer.status_code, len(answer.data) > 50) == (200, True)
    assert door.get("/api/v1/docs/start.js").get_data(as_text=True).count("/api/v1/openapi.json") == 1


def test_the_page_runs_no_script_that_stands_in_it():
    page = client().get("/api/v1/docs")
    policy = dict(part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["connect-src"]) == ("'none'", "'self'", "'self'")
    assert re.findall(r"<script(?! src=)|\son\w+=|<style", page.get_data(as_text=True)) == []


OTHER_FILES = ["index.html", "oauth2-redirect.html", "LICENSE", "../__init__.py", "..%2f__init__.py", "%2e%2e/__init__.py", "swagger-ui.js"]


@pytest.mark.parametrize("file", OTHER_FILES)
def test_nothing_else_of_the_package_is_served(file):
    assert client().get(f"/api/v1/docs/{file}").status_code == 404


class Many(Known):
    """Of 500 collections, and how often they were looked through."""

    looks = 0

    def outlines(self):
        Many.looks += 1
        return super().outlines()


def test_a_flood_of_askers_makes_the_document_once():
    """D10. That it answers at all within the test's time says how long making it takes."""
    fields = tuple(SelectField(name=f"f{at}", values=("a", "b"), many=True) for at in range(5))
    collections = {f"c{at}": replace(POSTS, name=f"c{at}", fields=fields) for at in range(500)}
    known = Many(Schema(7, collections), Outlook(passes_rules=True))
    door = client(outlines=Asked(known_to=known)).application
    began = perf_counter()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: door.test_client().get("/api/v1/openapi.json"), range(40)))
    print(f"40 askers: {perf_counter() - began:.2f} s, {len(answers[0].data) // 1024} KiB")
    assert Many.looks == 1
    assert len({each.headers["ETag"] for each in answers}) == 1
    assert answers[0].get_json()["paths"]["/api/v1/collections/c499/records"]["get"]["operationId"] == "list_c499"
