"""How long records live: a trash that keeps deleted ones for some days, a field that says when one goes by itself,
and accounts without a name that nobody uses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from domain.errors import did_you_mean, invalid
from domain.schema.fields import DateField, DayField, Field
from domain.schema.fields.times import read_instant, write_instant

MAX_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Trash:
    """Deleted records are kept for this many days."""

    days: int

    def until(self, now: str) -> str:
        """The instant until which a record that is deleted now is kept."""
        instant = read_instant(now)
        assert instant is not None
        return write_instant(instant + timedelta(days=self.days))

    def definition(self) -> dict[str, Any]:
        return {"days": self.days}


@dataclass(frozen=True, slots=True)
class Expiry:
    """A record whose `field` has passed is deleted."""

    field: str

    def definition(self) -> dict[str, Any]:
        return {"field": self.field}


@dataclass(frozen=True, slots=True)
class Anonymous:
    """People may have an account without a name; one that nobody used for this many days is deleted."""

    days: int

    def definition(self) -> dict[str, Any]:
        return {"days": self.days}


def read_anonymous(value: Any) -> Anonymous | None:
    """From its JSON form, in which null says that there are none."""
    return None if value is None else Anonymous(_days(value, "/anonymous"))


def read_trash(value: Any) -> Trash | None:
    """From its JSON form, in which null says that there is none."""
    if value is None:
        return None
    return Trash(_days(value, "/trash"))


def _days(value: Any, pointer: str) -> int:
    days = _only_option(value, pointer, "days")
    if type(days) is not int or not 1 <= days <= MAX_DAYS:
        raise invalid(f"{pointer}/days", "invalid_option", f"`days` is a whole number from 1 to {MAX_DAYS}")
    return days


def read_expiry(value: Any) -> Expiry | None:
    if value is None:
        return None
    name = _only_option(value, "/expires", "field")
    if not isinstance(name, str):
        raise invalid("/expires/field", "invalid_option", "`field` is the name of a date or day field")
    return Expiry(name)


def check_expiry(expiry: Expiry, fields: Mapping[str, Field]) -> None:
    """Only what people write can say when a record ends: an autodate tells when it was made or changed."""
    dates = [name for name, each in fields.items() if isinstance(each, DateField | DayField)]
    if expiry.field not in dates:
        hint = did_you_mean(expiry.field, dates) or "`expires` names a field of type date or day"
        raise invalid("/expires/field", "unknown_field", f"no date or day field `{expiry.field[:80]}`", hint=hint)


def last_expired(field: Field, now: str) -> str:
    """The greatest value of the field that has passed. A day has when it is over, in UTC."""
    if isinstance(field, DayField):
        return (date.fromisoformat(now[:10]) - timedelta(days=1)).isoformat()
    return now


def _only_option(value: Any, pointer: str, option: str) -> Any:
    if not isinstance(value, Mapping):
        raise invalid(pointer, "not_an_object", f"this must be an object with `{option}`, or null")
    for key in value:
        if key != option:
            raise invalid(f"{pointer}/{key}", "unknown_option", f"nothing here is called `{key}`", hint=f"the option is `{option}`")
    if option not in value:
        raise invalid(pointer, "missing_option", f"this needs the option `{option}`")
    return value[option]
