"""What drivers raise, told as Problems: from a table, by the engine's own
stable code, never by its text for people.

No driver is imported here: the codes are attributes of what it raised. The text
of the database stays in `__cause__`.
"""

from collections.abc import Callable, Mapping

from adapters.outbound.sql.names import fields_of_index, shown_field
from domain.errors import Conflict, Fault, Invalid, OutOfSpace, Problem, TooLarge, Unavailable
from domain.schema.collection import Schema


class SchemaMoved(Exception):
    """The database is at another schema version than the statement was built for: reload and
    run again. Caught by the unit of work."""


class StatementOutdated(Exception):
    """The statement names what is not there: because the schema has moved on, or because it is wrong."""


class Contended(Unavailable):
    """The engine ended this transaction in favour of another; running it again helps."""

    code = "contended"


class LockTimeout(Unavailable):
    """Others held what this needed for too long."""

    code = "busy"


class ConnectionLost(Unavailable):
    """The database does not answer on this connection."""


def translated(error: Exception, statement: str, schema: Schema) -> Exception | None:
    """The Problem (or signal) that a driver's error stands for; None where it is a mistake of ours."""
    if isinstance(error, OverflowError):  # sqlite3: an int of more than 64 bits
        return Invalid("a number has more than 64 bits", code="number_too_large")
    if isinstance(error, MemoryError):  # what sqlite3 makes of SQLITE_NOMEM
        return _busy(error, statement, schema)
    code = getattr(error, "sqlite_errorname", None)
    if code is not None:
        return _first(_SQLITE, code, error, statement, schema)
    return _told_by_postgres(error, statement, schema)


def _told_by_postgres(error: Exception, statement: str, schema: Schema) -> Exception | None:
    state = getattr(error, "sqlstate", None)
    if state is not None:
        return _first(_POSTGRES, state, error, statement, schema)
    # Without a state the server did not say it: the connection broke.
    return (
        _lost(error, statement, schema)
        if type(error).__name__ in ("OperationalError", "InterfaceError")
        else None
    )


Tell = Callable[[Exception, str, Schema], Exception | None]


def _first(
    table: Mapping[str, Tell], code: str, error: Exception, statement: str, schema: Schema
) -> Exception | None:
    """The entry of the code, or of the longest beginning of it that is listed."""
    for length in range(len(code), 1, -1):
        tell = table.get(code[:length])
        if tell is not None:
            return tell(error, statement, schema)
    return None


def not_unique(fields: tuple[str, ...]) -> Conflict:
    faults = tuple(Fault(f"/{name}", "not_unique", "another record has this value") for name in fields)
    return Conflict(
        "another record has the same " + (" and ".join(f"`{name}`" for name in fields) or "value"),
        code="not_unique",
        faults=faults,
    )


def _not_unique_on_sqlite(error: Exception, statement: str, schema: Schema) -> Exception:
    # "UNIQUE constraint failed: posts.title, posts.author"
    columns = str(error).partition(": ")[2].split(", ")
    return not_unique(tuple(shown_field(column.partition(".")[2]) for column in columns if "." in column))


def _not_unique_on_postgres(error: Exception, statement: str, schema: Schema) -> Exception:
    return not_unique(fields_of_index(_constraint(error), schema))


def _referred(error: Exception, statement: str, schema: Schema) -> Exception:
    """A foreign key stood in the way: from the side of the target when it
    was to be deleted, else from ours."""
    if statement.lstrip()[:6].upper() == "DELETE":
        return Conflict("other records refer to this one", code="referred")
    name = _constraint(error)
    faults = (
        (Fault(f"/{name[4:]}", "no_such_record", "there is no such record"),)
        if name.startswith("_fk_")
        else ()
    )
    return Invalid("a relation points at a record that is not there", code="no_such_record", faults=faults)


def _constraint(error: Exception) -> str:
    return getattr(getattr(error, "diag", None), "constraint_name", None) or ""


def _lost(error: Exception, statement: str, schema: Schema) -> Exception:
    return ConnectionLost("the database does not answer at the moment", retry_after=2)


def _busy(error: Exception, statement: str, schema: Schema) -> Exception:
    return Unavailable("the database is busy", retry_after=1, code="busy")


def _waited(error: Exception, statement: str, schema: Schema) -> Exception:
    return LockTimeout("the database is busy", retry_after=1)


def _too_slow(error: Exception, statement: str, schema: Schema) -> Exception:
    return too_slow()


def too_slow() -> Unavailable:
    return Unavailable(
        "this takes longer than it may",
        retry_after=5,
        code="too_slow",
        hint="ask for less at a time, or add an index",
    )


def _full(error: Exception, statement: str, schema: Schema) -> Exception:
    return OutOfSpace("there is no room left for data")


def _too_large(error: Exception, statement: str, schema: Schema) -> Exception:
    return TooLarge("a value is too large to be kept or indexed", code="value_too_large")


def _unfit(error: Exception, statement: str, schema: Schema) -> Exception:
    return Invalid("a number is outside the range of its field", code="number_too_large")


def _contended(error: Exception, statement: str, schema: Schema) -> Exception:
    return Contended("another change came in between", retry_after=1)


def _outdated(error: Exception, statement: str, schema: Schema) -> Exception:
    return StatementOutdated()


def _mistake_or_outdated(error: Exception, statement: str, schema: Schema) -> Exception | None:
    """SQLite has one code for every mistake in a statement; only a name that is not
    there can come of a schema change."""
    return (
        StatementOutdated()
        if str(error).startswith(("no such table", "no such column")) or "has no column named" in str(error)
        else None
    )


_SQLITE: Mapping[str, Tell] = {
    "SQLITE_CONSTRAINT_UNIQUE": _not_unique_on_sqlite,
    "SQLITE_CONSTRAINT_PRIMARYKEY": _not_unique_on_sqlite,
    "SQLITE_CONSTRAINT_FOREIGNKEY": _referred,
    "SQLITE_FULL": _full,
    "SQLITE_TOOBIG": _too_large,
    "SQLITE_BUSY": _busy,
    "SQLITE_LOCKED": _busy,
    "SQLITE_INTERRUPT": _too_slow,
    "SQLITE_IOERR": _lost,
    "SQLITE_CANTOPEN": _lost,
    "SQLITE_CORRUPT": _lost,
    "SQLITE_NOTADB": _lost,
    "SQLITE_READONLY_DBMOVED": _lost,
    "SQLITE_ERROR": _mistake_or_outdated,
}

# https://www.postgresql.org/docs/current/errcodes-appendix.html; two characters are a whole class.
_POSTGRES: Mapping[str, Tell] = {
    "23505": _not_unique_on_postgres,
    "23503": _referred,
    "22003": _unfit,
    "54000": _too_large,
    "40001": _contended,
    "40P01": _contended,
    "42P01": _outdated,
    "42703": _outdated,
    "42804": _outdated,  # another type than the statement was made for
    "42883": _outdated,  # likewise: no such operator between these types
    "22P02": _outdated,  # likewise: a parameter is no value of the type
    "0A000": _outdated,  # "cached plan must not change result type"
    "53100": _full,
    "53": _busy,
    "55P03": _waited,
    "57014": _too_slow,
    "08": _lost,
    "57P": _lost,
    "25P03": _lost,  # ended because it stood idle inside a transaction
}


def commit_failed(error: BaseException) -> Problem:
    """Of a COMMIT that did not return well. What was written may be there
    after all: the answer says neither."""
    if (
        getattr(error, "sqlite_errorname", None) == "SQLITE_FULL"
        or getattr(error, "sqlstate", None) == "53100"
    ):
        return OutOfSpace(
            "there is no room left for data; whether this change was kept is not known",
            code="outcome_unknown",
        )
    return Unavailable(
        "the change could not be made durable; whether it was kept is not known",
        retry_after=2,
        code="outcome_unknown",
    )
