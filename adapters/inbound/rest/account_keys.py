"""Keys that accounts make for their programs, over HTTP: made, listed and revoked by the account, or listed and revoked by an admin."""

from flask import Request, Response
from flask_smorest import Blueprint

from adapters.inbound.rest.api_keys import KEY, TEXT, WANTED
from adapters.inbound.web.bodies import read_object
from adapters.inbound.web.callers import caller_of, this_request
from adapters.inbound.web.document.fixed import object_of
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.fixed_bodies import answer, answers_with
from adapters.inbound.web.openapi import GONE, answers, documented, in_query
from adapters.inbound.web.parameters import read_parameters
from adapters.inbound.web.responses import empty_response
from app.usecases.backend import Backend
from domain.schema.fields.relations import RECORD_ID

_ACCOUNT = in_query("account", "Whose keys; for admins, who may name any account. Without it one's own.")
_REFUSED = (400, 401, 403, 404)


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("account_keys", __name__, url_prefix="/api/v1/auth", description="Keys of accounts for their own programs")
    keys = backend.own_keys

    @door.route("/<c>/api-keys")
    @documented(
        "list_account_keys", for_all=True, parameters=[_ACCOUNT],
        responses=answers({200: answers_with("Keys that stand, the newest first", _KEYS)}, *_REFUSED),
    )  # fmt: skip
    def list_account_keys(c: str) -> Response:
        """List the keys of your account"""
        request = this_request()
        account = _account(request)
        return answer({"items": keys.list(c, account, actor=caller_of(request, backend))})

    @door.route("/<c>/api-keys", methods=("POST",))
    @documented(
        "create_account_key", for_all=True, requestBody={"required": True, "content": {"application/json": {"schema": WANTED}}},
        responses=answers({201: answers_with("The key, this once", {**_KEY, "key": TEXT})}, *_REFUSED, 409, 413, 415, 429),
    )  # fmt: skip
    def create_account_key(c: str) -> Response:
        """Make a key for a program of yours"""
        request = this_request()
        read_parameters(request.environ, ())
        actor = caller_of(request, backend)
        made, text = keys.create(c, read_object(request), actor=actor, facts=facts_of(request))
        return answer({**made, "key": text}, 201)

    @door.route("/<c>/api-keys/<id>", methods=("DELETE",))
    @documented("revoke_account_key", for_all=True, parameters=[_ACCOUNT], responses=answers({204: GONE}, *_REFUSED))
    def revoke_account_key(c: str, id: str) -> Response:
        """Revoke a key of your account, at once"""
        request = this_request()
        account, actor = _account(request), caller_of(request, backend)
        keys.revoke(c, _known(id), account, actor=actor, facts=facts_of(request))
        return empty_response(204)

    @door.route("/<c>/api-keys", methods=("DELETE",))
    @documented(
        "revoke_account_keys", for_all=True, parameters=[_ACCOUNT],
        responses=answers({200: answers_with("How many there were", _REVOKED)}, *_REFUSED),
    )  # fmt: skip
    def revoke_account_keys(c: str) -> Response:
        """Revoke all keys of your account, at once"""
        request = this_request()
        account, actor = _account(request), caller_of(request, backend)
        return answer({"revoked": keys.revoke_all(c, account, actor=actor, facts=facts_of(request))})

    return door


def _account(request: Request) -> str | None:
    account = read_parameters(request.environ, ("account",)).get("account")
    return None if account is None else _known(account)


def _known(id: str) -> str:
    """What cannot be an id names nothing."""
    return id if RECORD_ID.fullmatch(id) else ""


_KEY = {name: schema for name, schema in KEY.items() if name != "by"}
_KEYS = {"items": {"type": "array", "items": object_of(_KEY, tuple(_KEY))}}
_REVOKED = {"revoked": {"type": "integer", "minimum": 0}}
