"""The least that this stack can do: a Flask view that answers `{}`, served exactly as Stillroom serves itself.

What Stillroom costs beyond it is its own; what this costs is Flask's and the server's.
"""

import sys
from typing import Any

from flask import Flask, Response

from app import serving
from app.settings import Settings, SettingsError


def _application(*, keeps_house: bool) -> tuple[Any, Any]:  # it has no house to keep
    app = Flask("empty", static_folder=None)

    @app.route("/")
    def empty() -> Response:
        return Response(b"{}", content_type="application/json")

    return app, _nothing


def _nothing() -> None:
    pass


def main() -> None:
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        sys.exit(str(error))
    serving.run(settings, _application)


if __name__ == "__main__":
    main()
