"""The names that we give to indexes and constraints, and the way back from
them to the fields that people know.

Collections cannot be called so: their names begin with a letter. Both engines
keep indexes and tables in one name space.
"""

import hashlib

from domain.schema.collection import Collection, Index, Schema

_KEY = "_key_"


def key_column(field_name: str) -> str:
    """The column beside an e-mail's or a folded text's that holds its normalised key; no user's name begins with an underscore."""
    return _KEY + field_name


def link_name(collection: Collection, field_name: str) -> str:
    """The table that holds the targets of a many-valued relation. At most 55 characters, so that what belongs to it has room for a prefix;
    the same for as long as the field lives, however it is renamed, and no other collection's, ever."""
    return "_links_" + _distinct(collection, (field_name,), (), 34)


def link_index_name(link: str) -> str:
    """The index that leads from a target to those that point at it."""
    return f"_ix_{link}"


def list_index_name(collection: Collection, field_name: str) -> str:
    """The index over the elements of a many-valued select."""
    return "_gin_" + _distinct(collection, (field_name,), (), 42)


def _distinct(collection: Collection, names: tuple[str, ...], told: tuple[str, ...], longest: int) -> str:
    """By the names that collection and fields had first: to rename an index, SQLite would have to build it again."""
    first = [collection.origin(name) for name in names]
    digest = hashlib.sha256("\0".join((collection.id, *first, *told)).encode()).hexdigest()[:12]
    return f"{'_'.join((collection.origin(''), *first))[:longest]}_{digest}"


def index_name(collection: Collection, index: Index) -> str:
    """At most 60 characters; the same for as long as the collection lives, however it and its fields are renamed,
    and no other collection's, ever."""
    told = (str(index.unique), *([index.first or index.where] if index.where else []))
    return ("_ux_" if index.unique else "_ix_") + _distinct(collection, index.fields, told, 42)


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
    """What has a key is unique, compared and sorted by it."""
    return tuple(
        key_column(name) if collection.every_field[name].key else name for name in index.fields
    )


def shown_field(column: str) -> str:
    return column.removeprefix(_KEY)
