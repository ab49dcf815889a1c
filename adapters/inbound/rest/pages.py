"""The pages that links in letters lead to, for people whose app has none of its own.

Opening one does nothing: programs that look through mail open links too. What a link is good for happens when its button is pressed. There
is no script in them, and nothing is loaded from anywhere; of what was sent, only the token and refusals of ours come back, escaped.
"""

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import Blueprint, Request, Response

from adapters.inbound.web.callers import this_request
from adapters.inbound.web.errors import status_of
from adapters.inbound.web.facts import facts_of
from adapters.inbound.web.parameters import read_parameters
from app.usecases.backend import Backend
from domain.accounts.languages import chosen, preferred
from domain.errors import NotFound, Problem, TooMany, Unavailable, UnsupportedMedia, invalid

# No script, style or image; the form goes back to us alone, and nobody frames the page to have its button pressed.
POLICY = "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_FORM = "application/x-www-form-urlencoded"
_LONGEST_TOKEN = 200


@dataclass(frozen=True, slots=True)
class Words:
    title: str
    button: str
    done: str
    password: str = ""


_WORDS: Mapping[str, Mapping[str, Words]] = {
    "en": {
        "verification": Words("Confirm your address", "Confirm", "Your address is confirmed."),
        "password-reset": Words("Set a new password", "Set it", "Your new password is set. Sign in with it.", "New password"),
        "email-change": Words("Change your address", "Confirm", "Confirmed."),
        "invitation": Words("Choose a password", "Choose it", "Your account is made. Sign in with your password.", "Password"),
    },
    "de": {
        "verification": Words("Adresse bestätigen", "Bestätigen", "Deine Adresse ist bestätigt."),
        "password-reset": Words("Neues Passwort", "Setzen", "Dein neues Passwort ist gesetzt. Melde dich damit an.", "Passwort"),
        "email-change": Words("Adresse ändern", "Bestätigen", "Bestätigt."),
        "invitation": Words("Passwort wählen", "Wählen", "Dein Konto ist angelegt. Melde dich mit deinem Passwort an.", "Passwort"),
    },
}


def blueprint(backend: Backend) -> Blueprint:
    door = Blueprint("pages", __name__, url_prefix="/auth")
    proofs, invitations = backend.proofs, backend.invitations
    acts: Mapping[str, Callable[[str, Mapping[str, str], Request], object]] = {
        "verification": lambda c, given, request: proofs.verify(c, given["token"], facts=facts_of(request)),
        "password-reset": lambda c, given, request: proofs.set_password(
            c, given["token"], given["password"], facts=facts_of(request)
        ),
        "email-change": lambda c, given, request: proofs.change_email(c, given["token"], facts=facts_of(request)),
        "invitation": lambda c, given, request: invitations.accept(c, given["token"], given["password"], {}, facts=facts_of(request)),
    }

    @door.get("/<c>/<page>")
    def show(c: str, page: str) -> Response:
        request = this_request()
        language, words = _words(request, page)
        token = read_parameters(request.environ, ("token",)).get("token", "")
        return _answer(language, words, _form(words, token))

    @door.post("/<c>/<page>")
    def press(c: str, page: str) -> Response:
        request = this_request()
        read_parameters(request.environ, ("token",))
        language, words = _words(request, page)
        given = _given(request, ("token", "password") if words.password else ("token",))
        try:
            acts[page](c, given, request)
        except Problem as refused:
            return _refused(language, words, refused, given["token"])
        return _answer(language, words, f"<p>{html.escape(words.done)}</p>")

    return door


def _words(request: Request, page: str) -> tuple[str, Words]:
    language = chosen(preferred(request.headers.get("Accept-Language", "")), _WORDS, "en")
    if page not in _WORDS[language]:
        raise NotFound("nothing is served at this path")
    return language, _WORDS[language][page]


def _given(request: Request, names: tuple[str, ...]) -> Mapping[str, str]:
    """Each once, and nothing else."""
    if request.mimetype != _FORM:
        raise UnsupportedMedia(f"this page reads {_FORM}; programs use /api/v1/auth")
    sent = request.form.to_dict(flat=False)
    for name in (*names, *sent):
        if name not in names or len(sent.get(name, ())) != 1:
            raise invalid("", "invalid", "this form has other fields than the page")
    return {name: values[0] for name, values in sent.items()}


def _form(words: Words, token: str) -> str:
    field = ""
    if words.password:
        box = '<input type="password" name="password" autocomplete="new-password" required>'
        field = f"<p><label>{html.escape(words.password)} {box}</label></p>"
    kept = html.escape(token[:_LONGEST_TOKEN])
    button = f"<p><button>{html.escape(words.button)}</button></p>"
    return f'<form method="post"><input type="hidden" name="token" value="{kept}">{field}{button}</form>'


def _refused(language: str, words: Words, problem: Problem, token: str) -> Response:
    """What is wrong with a password can be mended here, what is wrong with the link cannot."""
    told = f"<p>{html.escape(problem.detail)}</p>" + (f"<p>{html.escape(problem.hint)}</p>" if problem.hint else "")
    status = status_of(problem)
    response = _answer(language, words, told + (_form(words, token) if status == 400 else ""), status)
    if isinstance(problem, TooMany | Unavailable):
        response.headers["Retry-After"] = str(problem.retry_after)
    return response


def _answer(language: str, words: Words, content: str, status: int = 200) -> Response:
    title = html.escape(words.title)
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    page = f'<!doctype html><html lang="{language}"><head>{head}</head><body><h1>{title}</h1>{content}</body></html>'
    # Everything else that protects it (no-store, no-referrer, no framing) is on each of our answers.
    return Response(page, status, {"Content-Security-Policy": POLICY}, mimetype="text/html")
