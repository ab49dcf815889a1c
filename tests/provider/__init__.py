"""A provider of sign-in for tests: see tests.provider.server."""

from tests.provider.manner import CLIENT, SECRET, TENANT, Manner, Person
from tests.provider.server import Brought, Provider, serving
from tests.provider.signing import FORGED

__all__ = ["CLIENT", "FORGED", "SECRET", "TENANT", "Brought", "Manner", "Person", "Provider", "serving"]
