"""From settings to a backend, by hand: which adapter keeps which promise. What is opened here is closed here, in reverse."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from adapters.outbound.argon2_passwords import Argon2Passwords
from adapters.outbound.console_mail import ConsoleMailer
from adapters.outbound.cronsim_calendar import CronsimCalendar
from adapters.outbound.disk_files import DiskFiles
from adapters.outbound.embedded_carrier import EmbeddedCarrier
from adapters.outbound.fallback_limits import FallbackLimits
from adapters.outbound.http_oauth import HttpProviderDoor
from adapters.outbound.http_webhooks import HttpWebhookDoor
from adapters.outbound.jsonschema_rs_schemas import JsonschemaRsSchemas
from adapters.outbound.jwt_tokens import JwtTokens
from adapters.outbound.logging_observer import LoggingObserver
from adapters.outbound.machine_limits import MachineLimits
from adapters.outbound.nh3_sanitizer import Nh3Sanitizer
from adapters.outbound.object_files import ObjectFiles
from adapters.outbound.object_stores import Keys
from adapters.outbound.pillow_images import PillowImages
from adapters.outbound.puremagic_contents import PuremagicContents
from adapters.outbound.pyjwt_id_tokens import PyjwtIdTokens
from adapters.outbound.pyotp_codes import PyotpCodes
from adapters.outbound.re2_patterns import Re2Patterns
from adapters.outbound.sealed_secrets import BrokenSeal, Seal, WeakSecret, load_or_make_secret
from adapters.outbound.segno_pictures import SegnoPictures
from adapters.outbound.smtp_mail import SmtpMailer, read_relay
from adapters.outbound.sql.accounts import SqlAccountStore, SqlKeyStore
from adapters.outbound.sql.engines import open_database
from adapters.outbound.sql.limits import Limits
from adapters.outbound.sql.records import SqlRecordStore
from adapters.outbound.sql.start import StartError, check_database, migrate_database
from adapters.outbound.sql.stores import sql_stores
from adapters.outbound.sql.unit_of_work import SqlUnitOfWork
from adapters.outbound.system_clock import SystemClock, Uuid7Ids
from adapters.outbound.watched_files import WatchedFiles, reason
from adapters.outbound.webauthn_passkeys import WebauthnPasskeys
from app import discover
from app.attach import attach
from app.extend import Extension
from app.relay import Relay
from app.sender import Sender
from app.settings import Settings
from app.usecases.accounts import AccountUseCases
from app.usecases.anonymous import AnonymousUseCases
from app.usecases.api_keys import ApiKeyUseCases
from app.usecases.audit import AuditUseCases
from app.usecases.backend import Backend
from app.usecases.chosen_values import ChosenValues
from app.usecases.collections import CollectionUseCases
from app.usecases.deliveries import DeliveryUseCases
from app.usecases.devices import DeviceDesk
from app.usecases.enrolment import EnrolmentUseCases
from app.usecases.erasure import ErasureUseCases
from app.usecases.events import EventUseCases
from app.usecases.explanations import ExplanationUseCases
from app.usecases.exports import ExportUseCases
from app.usecases.factor_proofs import FactorJudge
from app.usecases.factor_rule import FactorRule
from app.usecases.factors import FactorUseCases
from app.usecases.file_checks import FileCheckUseCases
from app.usecases.file_links import FileLinks
from app.usecases.files import FileUseCases
from app.usecases.foreign_accounts import ForeignAccounts
from app.usecases.foreign_tokens import ForeignTokens
from app.usecases.housekeeping import HousekeepingUseCases
from app.usecases.idempotency import IdempotencyUseCases
from app.usecases.impersonation import ImpersonationUseCases
from app.usecases.imports import ImportUseCases
from app.usecases.inbound import InboundUseCases
from app.usecases.invitations import InvitationUseCases
from app.usecases.issuer_keys import IssuerKeys
from app.usecases.job_runs import JobRuns
from app.usecases.jobs import JobUseCases
from app.usecases.letters import LetterWriter
from app.usecases.limits import LimitUseCases
from app.usecases.mail import Delivery, MailUseCases
from app.usecases.metrics import MetricsUseCases
from app.usecases.oauth import ProviderTalks
from app.usecases.oauth_sign_in import OAuthUseCases
from app.usecases.operations import OperationsUseCases
from app.usecases.outlines import OutlineUseCases
from app.usecases.own_keys import OwnKeyUseCases
from app.usecases.passkeys import PasskeyUseCases
from app.usecases.passwords import PasswordDesk
from app.usecases.pending_letters import PendingLetters
from app.usecases.personal_exports import PersonalExportUseCases
from app.usecases.placing import Placing
from app.usecases.pocketbase import PocketBaseUseCases
from app.usecases.proofs import ProofUseCases
from app.usecases.providers import ProviderUseCases
from app.usecases.puzzles import PuzzleUseCases
from app.usecases.record_reads import RecordReads
from app.usecases.record_writes import RecordWrites
from app.usecases.records import RecordUseCases
from app.usecases.refusals import Refusals
from app.usecases.resumable import ResumableUploads
from app.usecases.rulebook import Rulebook
from app.usecases.schedules import ScheduleUseCases
from app.usecases.schema import SchemaUseCases
from app.usecases.second_factors import SecondFactorUseCases
from app.usecases.sessions import SessionUseCases
from app.usecases.sign_ups import SignUps
from app.usecases.trash import TrashUseCases
from app.usecases.upload_forms import UploadForms
from app.usecases.uploads import Uploads
from app.usecases.webhook_fanout import WebhookFanout
from app.usecases.webhook_secrets import WebhookSecrets
from app.usecases.webhook_sending import WebhookSending
from app.usecases.webhooks import WebhookUseCases
from domain.accounts.factors import PASSKEY, TOTP
from domain.accounts.issuers import TrustedIssuer
from domain.accounts.presets import PRESETS, Preset
from domain.actor import SYSTEM
from domain.errors import Problem
from domain.files.stores import Bucket, Folder
from domain.files.ways import ACCEL, SENDFILE, SERVER
from domain.jobs.crowd import MOST_WAITING, Crowd
from domain.limits.policies import Policies
from domain.schema.fields import TRUSTING, Tools
from ports.carrier import Carrier
from ports.clock import Clock, Ids
from ports.files import Files
from ports.images import Images
from ports.json_schemas import JsonSchemas
from ports.limits import HitCounter
from ports.mail import Mailer
from ports.observer import Observer
from ports.passwords import Passwords
from ports.patterns import Patterns
from ports.pocketbase import PocketBaseData
from ports.sanitizer import Sanitizer
from ports.seals import Sealing
from ports.tokens import Tokens
from ports.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from adapters.outbound.prometheus_metrics import PrometheusObserver

# Every store that a unit of work offers, in one place: a body asks for them by name.
STORES = sql_stores(records=SqlRecordStore, accounts=SqlAccountStore, keys=SqlKeyStore)
_SECONDS_FOR_KEYS = 5.0
_SECONDS_WITHOUT_FILES = 5.0


@dataclass(frozen=True, slots=True)
class Composed:
    """`relay` hands events over and `sender` sends messages once they are started: every process that serves may do that. `pocketbase` is
    no part of the backend that doors are handed: only the command line takes another backend over. `exposition` answers with metrics,
    where the settings ask for it."""

    backend: Backend
    pocketbase: Callable[[PocketBaseData], PocketBaseUseCases]
    relay: Relay
    sender: Sender
    extensions: tuple[Extension, ...]
    observer: Observer
    close: Callable[[], None]
    exposition: Callable[[], bytes] | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """One adapter for each port."""

    work: UnitOfWork
    passwords: Passwords
    tokens: Tokens
    patterns: Patterns
    sanitizer: Sanitizer
    json_schemas: JsonSchemas
    counter: HitCounter
    policies: Policies
    mailer: Mailer | None
    files: Files
    images: Images
    seal: Sealing
    public_url: str
    clock: Clock
    ids: Ids
    observer: Observer
    sign_up_bits: int = 0
    events_kept: timedelta = timedelta(days=1)
    audit_kept: timedelta = timedelta(days=365)
    asks_loopback: bool = False
    tells_loopback: bool = False
    webhooks_kept: timedelta = timedelta(days=14)
    trusted: tuple[TrustedIssuer, ...] = ()
    origins: frozenset[str] = frozenset()
    presets: Mapping[str, Preset] = field(default_factory=lambda: PRESETS)
    carrier: Carrier = field(default_factory=EmbeddedCarrier)
    most_jobs: int = MOST_WAITING
    carries_letters: bool = True
    admins_need_factor: bool = False
    files_served: str = SERVER


def build(settings: Settings, *, log_level: str | None = None, serving: bool = False, counting: bool = False) -> Composed:
    """Opens what the settings name. The database must be at this version: see `migrate`. StartRefused where an extension does not load.
    `serving` is for workers, which others wait for; `counting` for processes that answer requests."""
    extensions = discover.load(settings.extensions)
    with ExitStack() as opened:
        logged = LoggingObserver(log_level or settings.log_level)
        counted = _counting(logged) if counting and settings.metrics_token else None
        observer: Observer = counted or logged
        clock = SystemClock()
        limits = Limits(group=settings.threads, body=settings.write_timeout)
        database = open_database(settings.database)
        work = SqlUnitOfWork(database, STORES, observer, limits)
        opened.callback(work.close)
        seal = Seal(_secret(settings))
        tokens = JwtTokens(work, seal, clock, issuer=settings.public_url or "stillroom")
        _prepare_tokens(tokens)
        passwords = Argon2Passwords(
            memory_kib=settings.argon2_memory, passes=settings.argon2_time, lanes=settings.argon2_parallelism,
            waiting=max(1, settings.threads // 2 - 1), apart=serving,
        )
        opened.callback(passwords.close)
        # With those that wait for a hash that leaves a thread to answer everybody else.
        images = PillowImages(waiting=max(0, settings.threads // 2 - 2))
        opened.callback(images.close)
        counter = _counter(settings, observer)
        opened.callback(counter.close)
        carrier = _carrier(settings, seal, observer)
        opened.callback(carrier.close)
        parts = Parts(
            work, passwords, tokens, *field_tools(), counter, settings.limits, _mailer(settings), _files(settings, observer), images,
            seal,
            settings.links_to, clock, Uuid7Ids(), observer, settings.sign_up_work,
            timedelta(hours=settings.events_kept), timedelta(days=settings.audit_kept), settings.asks_loopback,
            settings.tells_loopback, timedelta(days=settings.webhooks_kept),
            settings.trusted_issuers, settings.cors_origins.exact, carrier=carrier, most_jobs=settings.jobs_waiting,
            admins_need_factor=settings.admins_need_factor, files_served=settings.files_served,
            # What would print letters on a terminal does so on the server's: a worker elsewhere that was told of no mail server sends none.
            carries_letters=bool(settings.smtp_url) or counting,
        )  # fmt: skip
        backend = use_cases(parts)
        attach(extensions, backend, work, settings.of_extensions)
        relay = Relay(backend.events, work, observer)
        opened.callback(relay.stop)
        sender = Sender(backend.webhook_sending, backend.webhook_fanout.is_wanted, observer)
        backend.webhook_fanout.rouse = sender.rouse
        opened.callback(sender.stop)
        exposition = counted.exposition(backend.metrics.measures) if counted else None
        return Composed(backend, partial(taking_over, parts), relay, sender, extensions, observer, opened.pop_all().close, exposition)


def _counting(then: Observer) -> "PrometheusObserver":
    """Loaded where it is wanted: its library looks for the folder that processes share when it is imported."""
    from adapters.outbound.prometheus_metrics import PrometheusObserver

    return PrometheusObserver(then)


def use_cases(parts: Parts) -> Backend:
    """The same for every set of adapters: what tests run is what people get."""
    work, clock, ids, observer = parts.work, parts.clock, parts.ids, parts.observer
    tools = Tools(parts.patterns.matches, parts.sanitizer.clean, parts.json_schemas.faults)
    rulebook = Rulebook()
    limits = LimitUseCases(work, parts.counter, parts.policies, observer)
    events = EventUseCases(work, clock, observer, kept=parts.events_kept)
    puzzles = PuzzleUseCases(work, parts.seal, clock, parts.sign_up_bits)
    refusals = Refusals(work, clock, ids)
    desk = PasswordDesk(work, parts.passwords, limits, puzzles, refusals, clock)
    devices = DeviceDesk(parts.seal, limits)
    codes, webauthn = PyotpCodes(), WebauthnPasskeys(parts.public_url, parts.origins)
    choices = (TOTP, PASSKEY) if webauthn.are_possible else (TOTP,)
    factor_rule = FactorRule(rulebook, clock, choices=choices, admins=parts.admins_need_factor)
    sessions = SessionUseCases(work, rulebook, factor_rule, parts.tokens, devices, clock, ids, observer)
    sign_ups = SignUps(RecordWrites(rulebook, RecordReads(rulebook, clock, observer), tools, ids, observer), clock, ids)
    foreign = _foreign(parts, sessions, sign_ups)
    judge = FactorJudge(codes, webauthn, parts.seal, clock)
    factors = FactorUseCases(
        work, judge, factor_rule, codes, SegnoPictures(), parts.seal, limits, clock, ids, issuer=_issuer(parts.public_url)
    )
    passkeys = PasskeyUseCases(work, factors, webauthn, clock, ids)
    reads = RecordReads(rulebook, clock, observer)
    chosen = ChosenValues(reads, tools, clock)
    writes = RecordWrites(rulebook, reads, tools, ids, observer)
    writer = LetterWriter(clock, parts.public_url)
    letters = PendingLetters(parts.seal)
    jobs = JobUseCases(work, ids, Crowd(parts.most_jobs))
    job_runs = JobRuns(work, jobs, parts.carrier, ids, observer)
    mail = MailUseCases(work, Delivery(parts.mailer, parts.seal, writer, parts.carries_letters), jobs, job_runs, clock, ids)
    talks = ProviderTalks(HttpProviderDoor(loopback=parts.asks_loopback), PyjwtIdTokens(), clock, observer, loopback=parts.asks_loopback)
    providers = ProviderUseCases(
        work, talks, parts.seal, clock, ids, public_url=parts.public_url, loopback=parts.asks_loopback, presets=parts.presets
    )
    uploads = Uploads(work, rulebook, reads, parts.files, PuremagicContents(), clock, ids)
    resumable = ResumableUploads(work, uploads, parts.files, clock)
    placing = Placing(work, uploads, resumable, parts.files, reads.moment, clock, ids)
    records = RecordUseCases(work, rulebook, desk, limits, placing, tools, clock, ids, observer)
    work.overhear(parts.carrier.offer)
    fanout = WebhookFanout(work, events, rulebook, clock, ids, observer)
    webhook_door, webhook_secrets = HttpWebhookDoor(loopback=parts.tells_loopback), WebhookSecrets(parts.seal)
    sending = WebhookSending(work, webhook_door, webhook_secrets, clock, ids, observer, kept=parts.webhooks_kept)
    files = FileUseCases(work, reads, parts.files, parts.images, clock, way=parts.files_served)
    return Backend(
        collections=CollectionUseCases(work, rulebook, tools, clock, ids),
        schema=SchemaUseCases(work, rulebook, tools, clock, ids),
        records=records,
        files=files,
        file_checks=FileCheckUseCases(work, parts.files, clock),
        file_links=FileLinks(files, parts.seal, clock),
        uploads=uploads,
        resumable=resumable,
        upload_forms=UploadForms(work, uploads, resumable, parts.files, clock),
        exports=ExportUseCases(work, rulebook, parts.files, clock, ids, observer),
        imports=ImportUseCases(work, rulebook, tools, uploads, parts.files, clock, ids),
        trash=TrashUseCases(work, rulebook, tools, clock),
        explanations=ExplanationUseCases(work, rulebook, tools, clock, ids, observer),
        accounts=AccountUseCases(
            work, sessions, desk, parts.passwords, parts.tokens, limits, devices, foreign, refusals, tools, clock, ids,
            observer,
        ),
        sessions=sessions,
        api_keys=ApiKeyUseCases(work, refusals, clock, ids),
        own_keys=OwnKeyUseCases(work, rulebook, sessions, refusals, clock, ids),
        audit=AuditUseCases(work),
        impersonation=ImpersonationUseCases(work, parts.tokens, clock, ids),
        factors=factors,
        passkeys=passkeys,
        enrolment=EnrolmentUseCases(work, sessions, factors, passkeys, limits, clock),
        second_factors=SecondFactorUseCases(work, sessions, judge, desk, limits, devices, refusals, clock),
        proofs=ProofUseCases(work, mail, sessions, desk, limits, refusals, clock),
        invitations=InvitationUseCases(work, mail, desk, limits, refusals, chosen, writes, clock, ids),
        anonymous=AnonymousUseCases(work, sessions, puzzles, chosen, writes, clock, ids),
        personal_exports=PersonalExportUseCases(work, rulebook, sessions, letters, parts.files, clock, ids, observer),
        erasure=ErasureUseCases(work, rulebook, letters, clock, ids, observer),
        providers=providers,
        oauth=OAuthUseCases(
            work, talks, providers, sessions, sign_ups, parts.seal, limits, refusals, clock, ids, public_url=parts.public_url
        ),
        puzzles=puzzles,
        mail=mail,
        outlines=OutlineUseCases(work, rulebook, tools, clock),
        operations=OperationsUseCases(work, parts.files, clock, mail=mail.sends, links=mail.links),
        events=events,
        deliveries=DeliveryUseCases(work),
        jobs=jobs,
        schedules=ScheduleUseCases(work, jobs, CronsimCalendar(), clock, ids, observer),
        webhooks=WebhookUseCases(work, fanout, rulebook, webhook_door, webhook_secrets, clock, ids, loopback=parts.tells_loopback),
        inbound=InboundUseCases(work, records, webhook_secrets, clock, ids, observer),
        webhook_fanout=fanout,
        webhook_sending=sending,
        job_runs=job_runs,
        housekeeping=HousekeepingUseCases(
            work, events, job_runs, sending, files, resumable, clock, ids, observer, audit_kept=parts.audit_kept
        ),
        metrics=MetricsUseCases(work, clock, observer),
        limits=limits,
        idempotency=IdempotencyUseCases(work, clock),
    )


def _foreign(parts: Parts, sessions: SessionUseCases, sign_ups: SignUps) -> ForeignAccounts:
    """Tokens of other issuers. A request waits for their keys, so they are given less time than a sign-in gives a provider."""
    door = HttpProviderDoor(loopback=parts.asks_loopback, seconds=_SECONDS_FOR_KEYS)
    issuers = [each.issuer for each in parts.trusted]
    keys = IssuerKeys(door, issuers, parts.clock, parts.observer, loopback=parts.asks_loopback)
    tokens = ForeignTokens(keys, PyjwtIdTokens(), parts.trusted, parts.clock)
    return ForeignAccounts(parts.work, tokens, sessions, sign_ups, parts.clock, parts.ids)


def _issuer(public_url: str) -> str:
    """What authenticator apps show above the code."""
    return urlsplit(public_url).hostname or "Stillroom"


def taking_over(parts: Parts, data: PocketBaseData) -> PocketBaseUseCases:
    """What takes an opened PocketBase over."""
    tools = Tools(parts.patterns.matches, parts.sanitizer.clean, parts.json_schemas.faults)
    return PocketBaseUseCases(parts.work, Rulebook(), tools, parts.clock, parts.ids, data)


def field_tools() -> tuple[Patterns, Sanitizer, JsonSchemas]:
    """What field types judge with; the same in tests, for they are quick and need nothing."""
    return Re2Patterns(), Nh3Sanitizer(), JsonschemaRsSchemas()


@contextmanager
def open_backend(settings: Settings) -> Iterator[Composed]:
    """For a command: a person reads its output, so only what is wrong is logged."""
    composed = build(settings, log_level="warning")
    try:
        yield composed
    finally:
        composed.close()


def describe(settings: Settings) -> list[str]:
    """What was chosen, for the person who starts it. No password of a URL among it."""
    database = open_database(settings.database)
    where = settings.sqlite_file if settings.is_sqlite else getattr(database, "name", "")
    kind = "SQLite" if settings.is_sqlite else "PostgreSQL"
    workers = "1 worker" if settings.workers == 1 else f"{settings.workers} workers"
    return [
        f"Stillroom: data in {kind} ({where}), passwords by argon2id, tokens signed with Ed25519,",
        f"           limits counted {'in Redis' if settings.redis_url else 'on this machine'},",
        f"           jobs carried {way_of_jobs(settings)},",
        f"           files in {_place_of_files(settings)},",
        f"           mail {_way_of_mail(settings)},",
        f"           {workers} of {settings.threads} threads, log level {settings.log_level}",
    ]


def way_of_jobs(settings: Settings) -> str:
    return "by RQ on Redis" if settings.redis_url else EmbeddedCarrier.name


def _place_of_files(settings: Settings) -> str:
    match settings.files_url:
        case Bucket(scheme, name, prefix, endpoint):
            return f"{scheme}://{name}" + (f"/{prefix}" if prefix else "") + (f" at {endpoint}" if endpoint else "")
        case Folder(root):
            return str(root)
    return str(settings.data_dir / "files")


def _way_of_mail(settings: Settings) -> str:
    if settings.smtp_url:
        return "by SMTP"
    return "to this terminal" if _mailer(settings) else "to nobody (see STILLROOM_SMTP_URL)"


def trouble_with_files(settings: Settings) -> list[str]:
    """Why the bucket that the settings name cannot be used, for who starts it. A process that asked may not fork any more."""
    if not isinstance(settings.files_url, Bucket):
        return []
    try:
        ObjectFiles(settings.files_url, Keys(settings.files_access_key, settings.files_secret)).check()
    except Problem as problem:
        return [f"files cannot be kept in {_place_of_files(settings)} ({reason(problem)}); what needs none is served"]
    return []


def has_database(settings: Settings) -> bool:
    """Whether there is one to be looked into; a PostgreSQL server that does not answer is told by whoever looks."""
    return not settings.is_sqlite or settings.sqlite_file.exists()


def is_older(settings: Settings) -> bool:
    return check_database(open_database(settings.database))


def check(settings: Settings) -> str:
    """What `migrate` would do, in a sentence. StartError where the database must not be touched; changes nothing."""
    if not has_database(settings):
        return "There is no database yet; the first start makes it."
    if is_older(settings):
        return "The database is of an older version; `stillroom migrate` or the next start brings it to this one."
    return "The database is sound and at this version."


def drift(settings: Settings) -> list[str]:
    """What was changed in the database since the schema's files were applied; nothing where the database is not ready to be asked."""
    if not has_database(settings) or is_older(settings):
        return []
    work = SqlUnitOfWork(open_database(settings.database), STORES, LoggingObserver("warning"))
    try:
        asked = SchemaUseCases(work, Rulebook(), TRUSTING, SystemClock(), Uuid7Ids()).drift(actor=SYSTEM)
    finally:
        work.close()
    return [each.sentence() for each in asked]


def migrate(settings: Settings) -> str:
    """Brings the database to this version, or makes it. StartError where it must not be touched."""
    database = open_database(settings.database)
    if not check_database(database):
        return "The database is at this version already."
    migrate_database(database)
    return "The database is at this version now."


def _mailer(settings: Settings) -> Mailer | None:
    """The terminal where this is plainly somebody's own machine; links in the log of a server would be everybody's who reads it."""
    if settings.smtp_url:
        return SmtpMailer(read_relay(settings.smtp_url), settings.sender)
    return None if settings.is_public or settings.public_url else ConsoleMailer()


def _files(settings: Settings, observer: Observer) -> Files:
    match settings.files_url:
        case Bucket() as bucket:
            keys = Keys(settings.files_access_key, settings.files_secret)
            store = ObjectFiles(bucket, keys, at_once=max(1, settings.threads // 2))
            return WatchedFiles(store, observer, pause=_SECONDS_WITHOUT_FILES)
        case Folder(root):
            # Not made: a disk that is not there yet would be filled beside its place.
            if not root.is_dir():
                raise StartError(f"STILLROOM_FILES_URL: there is no folder {root}; make it, or mount what it is on")
        case None:
            root = settings.data_dir / "files"
            try:
                root.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise StartError(f"{root} cannot be made: {error.strerror}") from error
    return WatchedFiles(DiskFiles(root, for_group=settings.files_served in (ACCEL, SENDFILE)), observer)


def _counter(settings: Settings, observer: Observer) -> HitCounter:
    """Over all machines with Redis, with this machine's own table for when that does not answer; else that table alone."""
    try:
        # Commands make the folder; where a server of another make calls us, and data is in PostgreSQL, nobody has.
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        own = MachineLimits(settings.data_dir / "limits.table")
    except OSError as error:
        raise StartError(f"{settings.data_dir}/limits.table cannot be opened: {error.strerror}") from error
    if not settings.redis_url:
        return own
    # Its library takes a while to be imported, which nobody without Redis waits for.
    from adapters.outbound.redis_limits import RedisLimits

    return FallbackLimits(RedisLimits(settings.redis_url), own, observer)


def _carrier(settings: Settings, seal: Seal, observer: Observer) -> Carrier:
    if not settings.redis_url:
        return EmbeddedCarrier()
    # RQ takes a while to be imported, which nobody without Redis waits for.
    from adapters.outbound.rq_carrier import RqCarrier

    return RqCarrier(settings.redis_url, partial(seal.mark, about="calls to jobs"), observer)


def _secret(settings: Settings) -> bytes:
    if settings.secret_key:
        return settings.secret_key.encode()
    try:
        return load_or_make_secret(settings.data_dir / "secret.key")
    except WeakSecret as weak:
        raise StartError(f"{settings.data_dir}: {weak}") from weak


def _prepare_tokens(tokens: JwtTokens) -> None:
    try:
        tokens.prepare()
    except BrokenSeal as broken:
        raise StartError(f"{broken}; give the one that was used before as STILLROOM_SECRET_KEY or in the data folder") from broken
