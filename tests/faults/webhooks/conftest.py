"""Servers as tests of the whole have them."""

from tests.e2e.conftest import unstarted as unstarted
