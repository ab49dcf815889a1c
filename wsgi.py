"""The WSGI object, for any server that wants one by name: composed from the environment when this is imported."""

from app import create_app

app = create_app()
