"""The application: what it does (`usecases`) and how it is put together. Outside, `create_app` is all one needs of it."""

from typing import Any


def __getattr__(name: str) -> Any:
    """`create_app` comes when it is asked for: use cases are imported by those whom it would import."""
    if name != "create_app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from app.factory import create_app

    return create_app
