"""The shape of data that PocketBase publishes figures for: organizations, permissions, members with many of these, and articles by
them. Made from numbers, so that every run has the same rows."""

from collections.abc import Iterator
from typing import Any

from bench.fields import FieldOf

ORGANIZATIONS, PERMISSIONS, MEMBERS = 100, 50, 500
LABELS = ("plain", "spirit", "oil", "water", "herb")

ORGANIZATION_FIELDS = (FieldOf("name", "text"),)
PERMISSION_FIELDS = (FieldOf("name", "text"), FieldOf("active", "bool"))
MEMBER_FIELDS = (
    FieldOf("name", "text"),
    FieldOf("views", "integer"),
    FieldOf("organization", "relation", "organizations", cascades=True),
    FieldOf("permissions", "relation", "permissions", many=True),
)
ARTICLE_FIELDS = (
    FieldOf("title", "text"),
    FieldOf("description", "text"),
    FieldOf("views", "integer"),
    FieldOf("public", "bool"),
    FieldOf("labels", "select", values=LABELS, many=True),
    FieldOf("author", "relation", "members", cascades=True),
)
RULES = {"list": "", "view": "", "delete": ""}

_SENTENCE = "What the still keeps back is told by what it lets through. "
# Primes, so that multiples scatter and meet no value twice.
_SCATTER, _SPAN = 7_919, 1_000_003


def organization_id(number: int) -> str:
    return f"orga{number:011d}"


def permission_id(number: int) -> str:
    return f"perm{number:011d}"


def member_id(number: int) -> str:
    return f"memb{number:011d}"


def organizations() -> Iterator[dict[str, Any]]:
    for number in range(ORGANIZATIONS):
        yield {"id": organization_id(number), "name": f"Organization {number}"}


def permissions() -> Iterator[dict[str, Any]]:
    """Nine of ten are active."""
    for number in range(PERMISSIONS):
        yield {"id": permission_id(number), "name": f"Permission {number}", "active": number % 10 != 0}


def members() -> Iterator[dict[str, Any]]:
    """Each has one to five permissions, none of them twice."""
    for number in range(MEMBERS):
        held = [permission_id((number * 7 + step * 11) % PERMISSIONS) for step in range(1 + number % 5)]
        yield {
            "id": member_id(number),
            "name": f"Member {number}",
            "views": number,
            "organization": organization_id(number % ORGANIZATIONS),
            "permissions": held,
        }


def articles(count: int) -> Iterator[dict[str, Any]]:
    """Of every author some are public, except that one in ten authors has none."""
    for number in range(count):
        author = number % MEMBERS
        yield {
            "id": f"arti{number:011d}",
            "title": f"On distilling, article {number}",
            "description": _SENTENCE * (1 + number % 4),
            "views": number * _SCATTER % _SPAN,
            "public": author % 10 != 3 and number % 3 != 0,
            "labels": [LABELS[(number + step) % len(LABELS)] for step in range(1 + number % 3)],
            "author": member_id(author),
        }
