"""Migrated databases that tests use one after another: made clean again where that is sure, which costs a fraction of a new copy."""

from contextlib import suppress

import psycopg
from psycopg import sql

# Whatever a database may hold besides rows, counted, and what tables and indexes are made of: where any of it is another than in the
# template, it is not used again.
_SHAPE = """
SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_type), (SELECT count(*) FROM pg_namespace),
       (SELECT count(*) FROM pg_constraint), (SELECT count(*) FROM pg_extension), (SELECT count(*) FROM pg_collation),
       (SELECT count(*) FROM pg_attribute WHERE NOT attisdropped), (SELECT count(*) FROM pg_trigger),
       (SELECT count(*) FROM pg_db_role_setting),
       (SELECT md5(string_agg(concat_ws(' ', relname, attname, atttypid, attnotnull, attcollation, pg_get_expr(adbin, adrelid)), ','
                              ORDER BY relname, attnum))
        FROM pg_class JOIN pg_attribute AS a ON a.attrelid = pg_class.oid
        LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped),
       (SELECT md5(string_agg(indexdef, ',' ORDER BY indexname)) FROM pg_indexes WHERE schemaname = 'public')
"""
_RELATIONS = """
SELECT relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm', 'S') ORDER BY relname
"""
_OTHERS = "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
_DROPPED = {"r": "TABLE", "v": "VIEW", "m": "MATERIALIZED VIEW", "S": "SEQUENCE"}


class Template:
    """What a database is like that nobody has used."""

    def __init__(self, url: str) -> None:
        with psycopg.connect(url) as there:
            self.relations = dict(there.execute(_RELATIONS).fetchall())
            self.shape = there.execute(_SHAPE).fetchone()
            self.rows = {name: there.execute(_all(name)).fetchall() for name, kind in self.relations.items() if kind == "r"}
            self.sequences = {name: there.execute(_state(name)).fetchone() for name, kind in self.relations.items() if kind == "S"}

    def restored(self, url: str) -> bool:
        """Whether this database is as the template again."""
        with suppress(psycopg.Error), psycopg.connect(url, autocommit=True) as there:
            there.execute(_OTHERS)
            with there.transaction():
                self._clean(there)
            return there.execute(_SHAPE).fetchone() == self.shape
        return False

    def _clean(self, there: psycopg.Connection) -> None:
        there.execute("SET LOCAL lock_timeout = '2s'")
        for name, kind in there.execute(_RELATIONS).fetchall():
            if name not in self.relations:
                drop = sql.SQL("DROP {} IF EXISTS {} CASCADE").format(sql.SQL(_DROPPED[kind]), sql.Identifier(name))
                there.execute(drop)
        for name in self._touched(there):
            there.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
            for row in self.rows[name]:
                values = sql.SQL(", ").join(sql.Placeholder() * len(row))
                there.execute(sql.SQL("INSERT INTO {} OVERRIDING SYSTEM VALUE VALUES ({})").format(sql.Identifier(name), values), row)
        for name, (value, is_called) in self.sequences.items():
            there.execute("SELECT setval(%s::regclass, %s, %s)", (f'"{name}"', value, is_called))

    def _touched(self, there: psycopg.Connection) -> list[str]:
        """Tables with rows; those in which there are always some are written anew."""
        told = [
            sql.SQL("SELECT {} WHERE EXISTS (SELECT 1 FROM {})").format(sql.Literal(name), sql.Identifier(name)) for name in self.rows
        ]
        filled = {name for (name,) in there.execute(sql.SQL(" UNION ALL ").join(told)).fetchall()}
        return [name for name, rows in self.rows.items() if rows or name in filled]


def _all(name: str) -> sql.Composed:
    return sql.SQL("SELECT * FROM {}").format(sql.Identifier(name))


def _state(name: str) -> sql.Composed:
    return sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(name))
