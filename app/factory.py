"""Backend in, Flask out: which doors there are, and what holds for all of them."""

import atexit
from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask

from adapters.inbound import metrics, ops
from adapters.inbound.rest import (
    account_keys,
    anonymous,
    api_keys,
    audit,
    auth,
    batch,
    bulk,
    collections,
    docs,
    enrolment,
    explanations,
    exports,
    factors,
    files,
    impersonation,
    imports,
    inbound,
    invitations,
    jobs,
    oauth,
    outbox,
    own_routes,
    pages,
    passkeys,
    personal_data,
    postman,
    proofs,
    providers,
    puzzles,
    records,
    schedules,
    schema,
    sessions,
    trash,
    upload_forms,
    uploads,
    webhooks,
)
from adapters.inbound.web import cookies, errors, openapi, paths
from adapters.inbound.web.document.whole import whole
from adapters.inbound.web.edge import Edge
from adapters.inbound.web.headers import protections
from adapters.inbound.web.idempotency import refuse_elsewhere
from adapters.inbound.web.limits import limit_routes, operations
from adapters.inbound.web.sessions import NoSessions
from adapters.outbound.logging_observer import LoggingObserver
from app.extend import Extension
from app.settings import Settings, SettingsError
from app.usecases.backend import Backend
from domain.actor import Actor
from domain.limits.policies import unknown_route
from domain.rules.values import RequestFacts
from ports.observer import Observer

# Where the application keeps what describes it.
API = "stillroom.api"
_BLUEPRINTS = (
    ops.blueprint,
    auth.blueprint,
    sessions.blueprint,
    enrolment.blueprint,
    factors.blueprint,
    passkeys.blueprint,
    anonymous.blueprint,
    account_keys.blueprint,
    api_keys.blueprint,
    audit.blueprint,
    proofs.blueprint,
    puzzles.blueprint,
    collections.blueprint,
    records.blueprint,
    files.blueprint,
    uploads.blueprint,
    upload_forms.blueprint,
    batch.blueprint,
    bulk.blueprint,
    exports.blueprint,
    imports.blueprint,
    inbound.blueprint,
    invitations.blueprint,
    trash.blueprint,
    explanations.blueprint,
    schedules.blueprint,
    webhooks.blueprint,
    schema.blueprint,
    personal_data.blueprint,
    outbox.blueprint,
    jobs.blueprint,
    providers.blueprint,
    oauth.blueprint,
    impersonation.blueprint,
)


def create_app(
    settings: Settings | None = None, backend: Backend | None = None, observer: Observer | None = None,
    extensions: Sequence[Extension] = (), exposition: Callable[[], bytes] | None = None,
) -> Flask:  # fmt: skip
    """The WSGI application. Without a backend one is composed as the settings say, without settings as the environment says;
    it is closed when the process ends. `exposition` answers with metrics. SettingsError where limits name a route that is not there."""
    if backend is None:
        settings = settings or Settings.from_environment()
        backend, composed_observer, extensions, exposition = _composed(settings)
        observer = observer or composed_observer
    settings = settings or Settings()
    observer = observer or LoggingObserver(settings.log_level)

    app = Flask("stillroom", static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body
    app.config[imports.LIMITS] = imports.Limits(settings.max_import, settings.import_timeout)
    app.config[cookies.PUBLIC_ORIGIN] = settings.public_url.rstrip("/")
    app.config[cookies.TRUSTED_ORIGINS] = settings.cors_origins
    # A path means one thing: `//` and a trailing slash name nothing, and nobody is redirected.
    app.url_map.merge_slashes = False
    paths.install(app)
    app.session_interface = NoSessions()
    api = openapi.api(app)
    for blueprint in _BLUEPRINTS:
        api.register_blueprint(blueprint(backend))
    for extension in extensions:
        if extension.routes:
            api.register_blueprint(own_routes.blueprint(extension.name, extension.routes, backend))
    app.extensions[API] = api
    app.register_blueprint(docs.blueprint(api, backend))
    app.register_blueprint(pages.blueprint(backend))
    app.register_blueprint(postman.blueprint(backend, settings.url))
    if exposition is not None:
        metrics.install(app, settings.metrics_token, exposition)
    errors.install(app, observer)
    wrong = unknown_route(settings.limits, list(operations(app).values()))
    if wrong:
        raise SettingsError((f"STILLROOM_LIMITS: {wrong}",))
    limit_routes(app, backend)
    refuse_elsewhere(app)
    app.wsgi_app = Edge(  # type: ignore[method-assign]
        app.wsgi_app, observer, protections(https=settings.is_reached_by_https), settings.trusted_proxies, settings.cors_origins
    )
    return app


def document(settings: Settings, backend: Backend, extensions: Sequence[Extension] = (), *, actor: Actor) -> dict[str, Any]:
    """The OpenAPI document as this actor has it over HTTP."""
    known = backend.outlines.known_to(actor, RequestFacts("GET"))
    base = create_app(settings, backend, extensions=extensions).extensions[API].document()
    return whole(base, known)


def _composed(settings: Settings) -> tuple[Backend, Observer, Sequence[Extension], Callable[[], bytes] | None]:
    from app import wiring  # opens every adapter: not wanted by those who bring a backend

    composed = wiring.build(settings, counting=True)
    atexit.register(composed.close)
    return composed.backend, composed.observer, composed.extensions, composed.exposition
