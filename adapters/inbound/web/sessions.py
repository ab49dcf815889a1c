"""No sessions in Flask's sense: who asks is told by each request's token, so there is nothing to open, sign or set as a cookie."""

from flask import Flask, Request, Response
from flask.sessions import NullSession, SessionInterface, SessionMixin


class NoSessions(SessionInterface):
    """Flask asks for a session in every request; this one is always the same, empty, and refuses to be written."""

    def __init__(self) -> None:
        self._none = NullSession()

    def open_session(self, app: Flask, request: Request) -> SessionMixin:
        return self._none

    def is_null_session(self, obj: object) -> bool:
        return obj is self._none

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Never called with anything to save."""
