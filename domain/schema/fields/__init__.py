"""The field types; importing this package registers them all."""

from domain.schema.fields.base import AUTH_ID, NOW, TYPES, Field, Matches, Unfit, define
from domain.schema.fields.choices import SelectField
from domain.schema.fields.documents import JsonField
from domain.schema.fields.flags import BoolField
from domain.schema.fields.numbers import DecimalField, IntegerField, NumberField
from domain.schema.fields.relations import RelationField
from domain.schema.fields.text import EmailField, TextField, UrlField, email_key
from domain.schema.fields.times import AutodateField, DateField, DayField

__all__ = [
    "AUTH_ID",
    "NOW",
    "TYPES",
    "AutodateField",
    "BoolField",
    "DateField",
    "DayField",
    "DecimalField",
    "EmailField",
    "Field",
    "IntegerField",
    "JsonField",
    "Matches",
    "NumberField",
    "RelationField",
    "SelectField",
    "TextField",
    "Unfit",
    "UrlField",
    "define",
    "email_key",
]
