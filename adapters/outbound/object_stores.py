"""Opens object stores by obstore: S3 and what speaks like it, Google Cloud Storage, Azure Blob; with how long each is waited for.

The library's threads do not survive a fork, so nothing is opened, nor even imported, before a process first asks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from domain.files.stores import Bucket

if TYPE_CHECKING:
    from obstore.store import AzureConfig, AzureStore, GCSConfig, GCSStore, S3Config, S3Store

    Store = AzureStore | GCSStore | S3Store


@dataclass(frozen=True, slots=True)
class Keys:
    """With neither, what the machine offers is used: a role, a workload identity, the provider's own variables."""

    access: str = ""
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Patience:
    """In seconds: `connect` for a connection, `answer` for one request with its whole body, and `again` from its beginning on for all
    repetitions of it, of which there are `times` at most."""

    connect: float
    answer: float
    again: float
    times: int


# A request is at most a part of 8 MiB, which a line of 4 Mbit/s carries in 17 s. Somebody waits for it in one of few threads, so what a
# store does not do within half a minute it does not do. A store that is busy says so (503) and is asked again after 0.1, 0.2, 0.4 s.
PATIENCE = Patience(connect=3, answer=20, again=10, times=3)
# Whoever asks how we are gives up after a second.
BRIEF = Patience(connect=0.5, answer=0.8, again=0, times=0)


def open_store(bucket: Bucket, keys: Keys, patience: Patience) -> "Store":
    return _OPENERS[bucket.scheme](bucket, keys, _how(bucket, patience))


def _how(bucket: Bucket, patience: Patience) -> dict[str, Any]:
    return {
        "prefix": bucket.prefix or None,
        "client_options": {
            # Only where the owner wrote so.
            "allow_http": bucket.endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=patience.connect),
            "timeout": timedelta(seconds=patience.answer),
            "user_agent": "stillroom",
        },
        "retry_config": {
            "max_retries": patience.times,
            "retry_timeout": timedelta(seconds=patience.again),
            "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=1), "base": 2},
        },
    }


def _s3(bucket: Bucket, keys: Keys, how: dict[str, Any]) -> "Store":
    from obstore.store import S3Store

    # Not all that speaks like S3 deletes many at once.
    config: S3Config = {"region": bucket.region or "us-east-1", "disable_bulk_delete": True}
    if bucket.endpoint:
        config["endpoint"] = bucket.endpoint
    if keys.access:
        config |= {"access_key_id": keys.access, "secret_access_key": keys.secret}
    return S3Store(bucket.name, config=config, **how)


def _google(bucket: Bucket, keys: Keys, how: dict[str, Any]) -> "Store":
    from obstore.store import GCSStore

    config: GCSConfig = {"base_url": bucket.endpoint} if bucket.endpoint else {}
    if keys.secret:
        # The file that Google hands out, or what is in it.
        is_text = keys.secret.lstrip().startswith("{")
        config |= {"service_account_key": keys.secret} if is_text else {"service_account": keys.secret}
    return GCSStore(bucket.name, config=config, **how)


def _azure(bucket: Bucket, keys: Keys, how: dict[str, Any]) -> "Store":
    from obstore.store import AzureStore

    config: AzureConfig = {"account_name": bucket.account}
    if bucket.endpoint:
        config["endpoint"] = bucket.endpoint
    if keys.secret:
        config["account_key"] = keys.secret
    return AzureStore(bucket.name, config=config, **how)


_OPENERS: dict[str, Callable[[Bucket, Keys, dict[str, Any]], "Store"]] = {"s3": _s3, "gs": _google, "az": _azure}
