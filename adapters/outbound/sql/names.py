"""The names that we give to indexes and constraints, and the way back from
them to the fields that people know.

Collections cannot be called so: their names begin with a letter. Both engines
keep indexes and tables in one name space.
"""

import hashlib

from adapters.outbound.sql.columns import key_column
from domain.schema.collection import Collection, Index, Schema

_KEY = key_column("")


def index_name(collection: Collection, index: Index) -> str:
    """At most 60 characters; the same for as long as the collection lives,
    and no other collection's, ever."""
    readable = "_".join((collection.name, *index.fields))[:42]
    told = "\0".join((collection.id, *index.fields, str(index.unique)))
    return f"{'_ux' if index.unique else '_ix'}_{readable}_{hashlib.sha256(told.encode()).hexdigest()[:12]}"


def primary_key_name(table: str) -> str:
    """PostgreSQL would call it `posts_pkey`, which is a name that a collection may have."""
    return f"_pk_{table}"


def foreign_key_name(field: str) -> str:
    return f"_fk_{field}"


def fields_of_index(name: str, schema: Schema) -> tuple[str, ...]:
    """The fields over which the named unique index or primary key stands; none
    where it is not one of a collection."""
    if name.startswith("_pk_"):
        return ("id",)
    for collection in schema.collections.values():
        for index in collection.every_index:
            if index.unique and index_name(collection, index) == name:
                return index.fields
    return ()


def index_columns(collection: Collection, index: Index) -> tuple[str, ...]:
    """An e-mail is unique, compared and sorted by its key."""
    return tuple(
        key_column(name) if collection.every_field[name].type == "email" else name for name in index.fields
    )


def shown_field(column: str) -> str:
    return column.removeprefix(_KEY)
