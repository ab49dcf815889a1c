"""The field types; importing this package registers them all."""

from domain.schema.fields.access import OPEN_TO_ALL, FieldRules
from domain.schema.fields.base import AUTH_ID, NOW, TRUSTING, TYPES, Field, Tools, Unfit, define
from domain.schema.fields.choices import SelectField
from domain.schema.fields.documents import JsonField
from domain.schema.fields.files import FileField
from domain.schema.fields.flags import BoolField
from domain.schema.fields.markup import RichTextField
from domain.schema.fields.numbers import DecimalField, IntegerField, NumberField
from domain.schema.fields.places import GeoField
from domain.schema.fields.relations import RelationField
from domain.schema.fields.text import EmailField, TextField, UrlField, email_key, fold_key
from domain.schema.fields.times import AutodateField, DateField, DayField

__all__ = [
    "AUTH_ID",
    "NOW",
    "OPEN_TO_ALL",
    "TRUSTING",
    "TYPES",
    "AutodateField",
    "BoolField",
    "DateField",
    "DayField",
    "DecimalField",
    "EmailField",
    "Field",
    "FieldRules",
    "FileField",
    "GeoField",
    "IntegerField",
    "JsonField",
    "NumberField",
    "RelationField",
    "RichTextField",
    "SelectField",
    "TextField",
    "Tools",
    "Unfit",
    "UrlField",
    "define",
    "email_key",
    "fold_key",
]
