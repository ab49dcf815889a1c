"""What the owner of accounts says about their letters: what the app is called, its own pages, and texts in place of ours."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from domain.errors import did_you_mean, invalid

# By what a letter is for, what its texts may name.
_WITH_LINK = ("app", "email", "link", "minutes")
PLACEHOLDERS: Mapping[str, tuple[str, ...]] = {
    "verification": _WITH_LINK,
    "password_reset": _WITH_LINK,
    "code": ("app", "email", "code", "minutes"),
    "link": _WITH_LINK,
    "email_leaves": (*_WITH_LINK, "new_email"),
    "email_comes": (*_WITH_LINK, "new_email"),
    "invitation": _WITH_LINK,
}
# Where a link leads; both steps of a change of address have one page.
PAGES = ("verification", "password_reset", "email_change", "link", "invitation")
PLACEHOLDER = re.compile(r"\{([A-Za-z_]+)\}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_LONGEST = {"subject": 200, "text": 10_000, "html": 50_000}
_MOST_LANGUAGES, _LONGEST_APP, _LONGEST_PAGE = 20, 100, 500


@dataclass(frozen=True, slots=True)
class Template:
    """Without `html` the text is sent alone."""

    subject: str
    text: str
    html: str = ""

    def definition(self) -> dict[str, str]:
        return {"subject": self.subject, "text": self.text, **({"html": self.html} if self.html else {})}


@dataclass(frozen=True, slots=True)
class Letters:
    """`templates` by purpose and language, `pages` by their names."""

    app: str = ""
    pages: tuple[tuple[str, str], ...] = ()
    templates: tuple[tuple[str, str, Template], ...] = ()

    def page(self, name: str) -> str:
        return dict(self.pages).get(name, "")

    def texts(self, purpose: str) -> dict[str, Template]:
        """By language."""
        return {language: template for of, language, template in self.templates if of == purpose}

    def definition(self) -> dict[str, Any]:
        templates: dict[str, dict[str, Any]] = {}
        for purpose, language, template in self.templates:
            templates.setdefault(purpose, {})[language] = template.definition()
        told = {"app": self.app, "pages": dict(self.pages), "templates": templates}
        return {name: part for name, part in told.items() if part}


def read_letters(value: Any) -> Letters | None:
    """From its JSON form; null, or nothing in it, says that letters are ours."""
    if value is None:
        return None
    body = _object(value, ("app", "pages", "templates"), "/mail")
    pages = _object(body.get("pages", {}), PAGES, "/mail/pages")
    templates = _object(body.get("templates", {}), tuple(PLACEHOLDERS), "/mail/templates")
    letters = Letters(
        _line(body.get("app", ""), _LONGEST_APP, "/mail/app"),
        tuple((name, _page(url, f"/mail/pages/{name}")) for name, url in pages.items()),
        tuple((purpose, language, template) for purpose, texts in templates.items() for language, template in _texts(purpose, texts)),
    )
    return letters if letters != Letters() else None


def _texts(purpose: str, value: Any) -> list[tuple[str, Template]]:
    pointer = f"/mail/templates/{purpose}"
    if not isinstance(value, Mapping) or len(value) > _MOST_LANGUAGES:
        raise invalid(pointer, "not_an_object", f"this must be an object with at most {_MOST_LANGUAGES} texts by language")
    for language in value:
        if not _LANGUAGE.fullmatch(str(language)):
            raise invalid(f"{pointer}/{str(language)[:20]}", "invalid_template", "a language is two or three letters, for example `en`")
    return [(language, _template(purpose, text, f"{pointer}/{language}")) for language, text in value.items()]


def _template(purpose: str, value: Any, pointer: str) -> Template:
    body = _object(value, tuple(_LONGEST), pointer)
    for part, longest in _LONGEST.items():
        text = body.get(part, "")
        if not isinstance(text, str) or len(text) > longest or (part != "html" and not text.strip()):
            raise invalid(f"{pointer}/{part}", "invalid_template", f"`{part}` is a text of at most {longest} characters")
        _check_placeholders(purpose, text, f"{pointer}/{part}")
    _line(body["subject"], _LONGEST["subject"], f"{pointer}/subject")
    needed = "{code}" if purpose == "code" else "{link}"
    for part in ("text", "html"):
        if body.get(part) and needed not in body[part]:
            raise invalid(f"{pointer}/{part}", "invalid_template", f"without {needed} this letter is of no use")
    return Template(body["subject"], body["text"], body.get("html", ""))


def _check_placeholders(purpose: str, text: str, pointer: str) -> None:
    known = PLACEHOLDERS[purpose]
    for name in PLACEHOLDER.findall(text):
        if name not in known:
            hint = did_you_mean(name, list(known)) or f"known are {', '.join(known)}"
            raise invalid(pointer, "unknown_placeholder", f"nothing is known to be put in for {{{name[:60]}}}", hint=hint)


def _page(value: Any, pointer: str) -> str:
    """Where an app's own page is. The token comes behind a `#`, which browsers keep to themselves, so there is none yet."""
    try:
        parts = urlsplit(value) if isinstance(value, str) and len(value) <= _LONGEST_PAGE and value.isprintable() else None
        local = parts is not None and parts.hostname in ("localhost", "127.0.0.1", "::1")
        sound = parts is not None and parts.hostname and (parts.scheme == "https" or (local and parts.scheme == "http"))
    except ValueError:
        sound = False
    if not sound or parts is None or parts.fragment or parts.username or " " in value or "#" in value:
        raise invalid(pointer, "invalid_url", "a page is a https address without `#`, for example https://app.example.org/reset")
    return str(value)


def _line(value: Any, longest: int, pointer: str) -> str:
    if not isinstance(value, str) or len(value) > longest or not value.isprintable():
        raise invalid(pointer, "invalid_template", f"this is one line of at most {longest} characters")
    return value


def _object(value: Any, known: tuple[str, ...], pointer: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise invalid(pointer, "not_an_object", "this must be an object")
    for key in value:
        if key not in known:
            hint = did_you_mean(str(key), list(known)) or f"known are {', '.join(known)}"
            raise invalid(f"{pointer}/{str(key)[:60]}", "unknown_field", f"nothing here is called `{str(key)[:60]}`", hint=hint)
    return value
