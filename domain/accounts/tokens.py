"""What tokens are for and how long they last. A token is good for its own purpose only, whatever else is right about it."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

ACCESS = "access"

LIFETIMES: Mapping[str, timedelta] = MappingProxyType({ACCESS: timedelta(minutes=15)})

# The one-time token that makes the first admin, printed at the start of an empty backend.
SETUP_LIFETIME = timedelta(hours=1)
