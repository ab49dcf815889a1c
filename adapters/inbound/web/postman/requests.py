"""The requests on the records of one collection, as Postman keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from adapters.inbound.web.postman.scripts import (
    after,
    answers,
    before,
    forget,
    fresh_account,
    is_the_one,
    keep,
    keep_first,
    skip_without,
)
from domain.records.outline import Outline
from domain.schema.collection import PASSWORD

Item = dict[str, Any]

NO_AUTH = {"type": "noauth"}
RECORDS = "api/v1/collections/{}/records"


@dataclass(frozen=True, slots=True)
class Told:
    """What requests on a collection are made of: a body for a new record and one for a change, and the variables that the former needs,
    each the id of a record made before. `ruled`: rules may refuse what is asked."""

    outline: Outline
    new: Mapping[str, Any]
    change: Mapping[str, Any]
    needs: tuple[str, ...]
    ruled: bool

    @property
    def name(self) -> str:
        return self.outline.collection.name

    @property
    def id(self) -> str:
        return id_of(self.name)

    def may(self, action: str) -> bool:
        return action in self.outline.actions


def id_of(collection: str) -> str:
    return f"{collection}_id"


def create(told: Told) -> Item:
    values, scripts = dict(told.new), [skip_without(each) for each in told.needs]
    if told.outline.collection.is_accounts:
        values |= {"email": f"{{{{{told.name}_email}}}}", PASSWORD: f"{{{{{told.name}_password}}}}"}
        scripts += fresh_account(told.name)
    checks = [answers(201, ruled=told.ruled), keep(told.id, "id", 201)]
    return item(f"Create one of {told.name}", "POST", _records(told), body=values, scripts=scripts, checks=checks)


def sign_in_as_new(told: Told) -> Item:
    """Where nobody has signed in, what follows is asked as this account."""
    checks = [answers(200, ruled=False)] + ([keep_first("token", "access_token")] if told.ruled else [])
    body = {"identity": f"{{{{{told.name}_email}}}}", "password": f"{{{{{told.name}_password}}}}"}
    path, scripts = f"api/v1/auth/{told.name}/sign-in", [skip_without(told.id)]
    return item("Sign in as the new account", "POST", path, body=body, scripts=scripts, checks=checks, auth=NO_AUTH)


def listing(told: Told) -> Item:
    query = [_query("limit", "30"), _query("count", "exact"), _query("filter", "id != ''", off=True), _query("sort", "-created", off=True)]
    query += [_query("expand", each.name, off=True) for each in told.outline.related[:1]]
    query += [_query("fields", ",".join(each.name for each in told.outline.shown[:3]), off=True)]
    shape = 'pm.test("holds a page", () => pm.expect(pm.response.json()).to.have.all.keys("items", "next", "total"));'
    return item(f"List {told.name}", "GET", _records(told), query=query, checks=[answers(200, ruled=False), shape])


def measure(told: Told) -> Item:
    return item(
        f"Count {told.name}", "GET", f"{_records(told)}/aggregate", query=[_query("measures", "count")], checks=[answers(200, ruled=False)]
    )


def get(told: Told) -> Item:
    checks = [answers(200, ruled=told.ruled), is_the_one(told.id)]
    return item(f"Get one of {told.name}", "GET", _record(told), scripts=[skip_without(told.id)], checks=checks)


def update(told: Told) -> Item:
    checks = [answers(200, ruled=told.ruled)]
    return item(
        f"Change one of {told.name}", "PATCH", _record(told), body=told.change, scripts=[skip_without(told.id)], checks=checks
    )


def delete(told: Told) -> Item:
    checks = [answers(204, ruled=told.ruled), forget(told.id, 204)]
    return item(f"Delete one of {told.name}", "DELETE", _record(told), scripts=[skip_without(told.id)], checks=checks)


def _records(told: Told) -> str:
    return RECORDS.format(told.name)


def _record(told: Told) -> str:
    return f"{_records(told)}/{{{{{told.id}}}}}"


def _query(key: str, value: str, *, off: bool = False) -> dict[str, Any]:
    return {"key": key, "value": value, **({"disabled": True} if off else {})}


def item(
    name: str, method: str, path: str, *,
    query: list[dict[str, Any]] | None = None, body: Mapping[str, Any] | None = None,
    scripts: list[str] | None = None, checks: list[str], auth: dict[str, str] | None = None,
) -> Item:  # fmt: skip
    asked: Item = {"method": method, "header": [], "url": _url(path, query or [])}
    if auth is not None:
        asked["auth"] = auth
    if body is not None:
        asked["header"] = [{"key": "Content-Type", "value": "application/json"}]
        raw = orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()
        asked["body"] = {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}
    return {"name": name, "event": [*([before(scripts)] if scripts else []), after(checks)], "request": asked}


def _url(path: str, query: list[dict[str, Any]]) -> dict[str, Any]:
    sent = "&".join(f"{each['key']}={each['value']}" for each in query if not each.get("disabled"))
    raw = f"{{{{baseUrl}}}}/{path}" + (f"?{sent}" if sent else "")
    return {"raw": raw, "host": ["{{baseUrl}}"], "path": path.split("/"), **({"query": query} if query else {})}
