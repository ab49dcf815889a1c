"""Puzzles for sign-up over HTTP; their solutions come in a header of the sign-up."""

from flask import Response, request
from flask_smorest import Blueprint

from adapters.inbound.web.fixed_bodies import answer, answers_with
from adapters.inbound.web.openapi import answers, documented
from adapters.inbound.web.parameters import read_parameters
from app.usecases.backend import Backend
from domain.accounts.puzzles import LIFETIME


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("puzzles", __name__, url_prefix="/api/v1/auth", description="Proof of work before a sign-up")

    @door.route("/<c>/puzzle")
    @documented(
        "get_puzzle", for_all=True, security=[],
        responses=answers({200: answers_with("A puzzle, good for one sign-up", _PUZZLE)}, 400, 404, 503),
    )  # fmt: skip
    def get_puzzle(c: str) -> Response:
        """Get a puzzle whose solution a sign-up takes, where the backend asks for that"""
        read_parameters(request.environ, ())
        puzzle, bits = backend.puzzles.give(c)
        return answer({"puzzle": puzzle, "bits": bits, "expires_in": int(LIFETIME.total_seconds())})

    return door


_PUZZLE = {
    "puzzle": {"type": "string"},
    "bits": {"type": "integer", "description": "Zero bits that SHA-256 of `puzzle:count` begins with; 0: none is asked for"},
    "expires_in": {"type": "integer", "description": "seconds"},
}
