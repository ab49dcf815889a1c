"""Letters as what they are to whoever sends them: jobs, with their own tries; and what an extension may write. The texts of accounts are
`domain.accounts.letters`, how a letter travels is its adapter's."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from domain.accounts.letters import write
from domain.errors import Fault, Invalid, did_you_mean, invalid
from domain.schema.fields import TRUSTING, EmailField
from domain.schema.fields.base import Unfit
from domain.schema.letters import PLACEHOLDER, Template

SEND, QUEUE = "mail.send", "mail"
# The first one soon, for a server that was only busy; then for four hours: longer than most are down, and nobody waits for a link longer.
TRIES, FIRST_WAIT = 12, timedelta(seconds=15)
# Above one conversation with a mail server.
TIMEOUT = timedelta(minutes=3)
# A letter of an extension: for as long as one that was given up can be looked up, and sent again.
KEPT = timedelta(days=30)

_LONGEST = {"subject": 200, "text": 100_000, "html": 500_000}
_ADDRESS = EmailField(name="to", required=True)


@dataclass(frozen=True, slots=True)
class OwnLetter:
    """What an extension sends; checked when it is built."""

    to: str
    subject: str
    text: str
    html: str = ""

    def __post_init__(self) -> None:
        try:
            accepted = _ADDRESS.accept(self.to, TRUSTING)
        except Unfit:
            accepted = ""
        if not accepted:
            raise invalid("/to", "invalid_email", "a letter goes to one e-mail address")
        for part, longest in _LONGEST.items():
            text = getattr(self, part)
            if not isinstance(text, str) or len(text) > longest or (part != "html" and not text.strip()):
                raise invalid(f"/{part}", "invalid_letter", f"`{part}` is a text of at most {longest} characters")
        # A line break would begin another header: another recipient, another sender.
        if not self.subject.isprintable():
            raise invalid("/subject", "invalid_letter", "a subject is one line without control characters")


def own_letter(to: str, subject: str, text: str, html: str, values: Mapping[str, str] | None) -> OwnLetter:
    """With `values`, what stands in braces is put in, escaped in HTML; without, braces are braces."""
    whole = OwnLetter(to, subject, text, html)
    if values is None:
        return whole
    _check_values(whole, values)
    # Letters and the underscore name a value; what is put in has no other part in how a letter is read.
    written = write(Template(subject, text, html), values)
    return OwnLetter(to, written.subject, written.text, written.html)


def _check_values(letter: OwnLetter, values: Mapping[str, str]) -> None:
    asked = {name for part in (letter.subject, letter.text, letter.html) for name in PLACEHOLDER.findall(part)}
    odd = sorted(name for name, value in values.items() if not isinstance(value, str))
    faults = [Fault(f"/values/{name}", "invalid_letter", f"`{name}` is a text") for name in odd]
    faults += [Fault(f"/values/{name}", "required", f"{{{name}}} has no value") for name in sorted(asked - values.keys())]
    faults += [Fault(f"/values/{name}", "unknown_field", f"nothing asks for `{name}`") for name in sorted(values.keys() - asked)]
    if faults:
        hint = next((did_you_mean(name, sorted(asked)) for name in values if name not in asked), None)
        raise Invalid(f"the letter cannot be filled in: {faults[0].detail}", code="invalid_letter", faults=tuple(faults), hint=hint)
