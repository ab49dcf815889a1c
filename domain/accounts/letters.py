"""What letters of accounts say: texts with a few placeholders, which are filled in once and mean nothing besides.

There is no template language: a placeholder is a known name in braces, everything else stands as it was written, and what is filled in is
never looked at again.
"""

import html
from collections.abc import Mapping
from dataclasses import dataclass

from domain.accounts.one_time import (
    EMAIL_COMES,
    EMAIL_LEAVES,
    INVITATION,
    PASSWORD_RESET,
    SIGN_IN_CODE,
    SIGN_IN_LINK,
    VERIFICATION,
)
from domain.schema.letters import PLACEHOLDER, Template

DEFAULT_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class Written:
    subject: str
    text: str
    html: str


def write(template: Template, values: Mapping[str, str]) -> Written:
    """In a subject nothing breaks the line; in HTML nothing that is filled in is markup."""
    subject = " ".join(_filled(template.subject, values).split())
    escaped = {name: html.escape(value) for name, value in values.items()}
    return Written("".join(each for each in subject if each.isprintable()), _filled(template.text, values), _filled(template.html, escaped))


def _filled(text: str, values: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def _letter(subject: str, before: str, what: str, after: str) -> Template:
    markup = f'<p>{before}</p><p><a href="{{link}}">{{link}}</a></p><p>{after}</p>'
    if what == "{code}":
        markup = f'<p>{before}</p><p style="font-size:1.6em;letter-spacing:.15em">{{code}}</p><p>{after}</p>'
    return Template(subject, f"{before}\n\n{what}\n\n{after}\n", markup)


_ENGLISH = {
    VERIFICATION: _letter(
        "{app}: confirm your address", "Please confirm that {email} is your address:", "{link}",
        "If you have no account there, do nothing.",
    ),
    PASSWORD_RESET: _letter(
        "{app}: set a new password", "Somebody, hopefully you, asked for a new password for {email}. Set it here within {minutes} minutes:",
        "{link}", "If it was not you, do nothing: your password stays as it is.",
    ),
    SIGN_IN_CODE: _letter(
        "{app}: your code", "This is your code to sign in; it is good for {minutes} minutes:", "{code}",
        "If you did not ask for it, do nothing, and give it to nobody.",
    ),
    SIGN_IN_LINK: _letter(
        "{app}: sign in", "This link signs you in; it is good once, for {minutes} minutes:", "{link}",
        "If you did not ask for it, do nothing, and give it to nobody.",
    ),
    EMAIL_LEAVES: _letter(
        "{app}: your address is to change",
        "The address of your account is to change from {email} to {new_email}. If you want that, say so here:",
        "{link}", "If you do not, do nothing and change your password: somebody else may know it.",
    ),
    EMAIL_COMES: _letter(
        "{app}: confirm your new address", "Please confirm that {new_email} is to be the address of your account:", "{link}",
        "If you have no account there, do nothing.",
    ),
    INVITATION: _letter(
        "{app}: you are invited", "You are invited to have an account of {app}, as {email}. Choose a password within seven days:", "{link}",
        "If you want none, do nothing.",
    ),
}  # fmt: skip
_GERMAN = {
    VERIFICATION: _letter(
        "{app}: Adresse bestätigen", "Bitte bestätige, dass {email} deine Adresse ist:", "{link}",
        "Wenn du dort kein Konto hast, brauchst du nichts zu tun.",
    ),
    PASSWORD_RESET: _letter(
        "{app}: neues Passwort",
        "Jemand, hoffentlich du, möchte ein neues Passwort für {email}. Hier kannst du es {minutes} Minuten lang setzen:",
        "{link}", "Wenn du das nicht warst, brauchst du nichts zu tun: Dein Passwort bleibt, wie es ist.",
    ),
    SIGN_IN_CODE: _letter(
        "{app}: dein Code", "Mit diesem Code meldest du dich an; er gilt {minutes} Minuten:", "{code}",
        "Wenn du ihn nicht angefordert hast, tu nichts, und gib ihn niemandem.",
    ),
    SIGN_IN_LINK: _letter(
        "{app}: anmelden", "Dieser Link meldet dich an; er gilt einmal, {minutes} Minuten lang:", "{link}",
        "Wenn du ihn nicht angefordert hast, tu nichts, und gib ihn niemandem.",
    ),
    EMAIL_LEAVES: _letter(
        "{app}: deine Adresse soll sich ändern",
        "Die Adresse deines Kontos soll sich von {email} zu {new_email} ändern. Wenn du das möchtest, bestätige es hier:", "{link}",
        "Wenn nicht, tu nichts und ändere dein Passwort: Jemand anderes könnte es kennen.",
    ),
    EMAIL_COMES: _letter(
        "{app}: neue Adresse bestätigen", "Bitte bestätige, dass {new_email} die Adresse deines Kontos werden soll:", "{link}",
        "Wenn du dort kein Konto hast, brauchst du nichts zu tun.",
    ),
    INVITATION: _letter(
        "{app}: deine Einladung", "Du bist zu einem Konto bei {app} eingeladen, als {email}. Wähle binnen sieben Tagen ein Passwort:",
        "{link}", "Wenn du keines möchtest, brauchst du nichts zu tun.",
    ),
}  # fmt: skip
# What is sent where the owner of the backend wrote nothing else.
OURS: Mapping[str, Mapping[str, Template]] = {DEFAULT_LANGUAGE: _ENGLISH, "de": _GERMAN}
