"""Everything that the application can do, one attribute per capability: what every front door is handed."""

from dataclasses import dataclass

from app.usecases.accounts import AccountUseCases
from app.usecases.anonymous import AnonymousUseCases
from app.usecases.api_keys import ApiKeyUseCases
from app.usecases.audit import AuditUseCases
from app.usecases.collections import CollectionUseCases
from app.usecases.deliveries import DeliveryUseCases
from app.usecases.enrolment import EnrolmentUseCases
from app.usecases.erasure import ErasureUseCases
from app.usecases.events import EventUseCases
from app.usecases.explanations import ExplanationUseCases
from app.usecases.exports import ExportUseCases
from app.usecases.factors import FactorUseCases
from app.usecases.file_checks import FileCheckUseCases
from app.usecases.file_links import FileLinks
from app.usecases.files import FileUseCases
from app.usecases.housekeeping import HousekeepingUseCases
from app.usecases.idempotency import IdempotencyUseCases
from app.usecases.impersonation import ImpersonationUseCases
from app.usecases.imports import ImportUseCases
from app.usecases.inbound import InboundUseCases
from app.usecases.invitations import InvitationUseCases
from app.usecases.job_runs import JobRuns
from app.usecases.jobs import JobUseCases
from app.usecases.limits import LimitUseCases
from app.usecases.mail import MailUseCases
from app.usecases.metrics import MetricsUseCases
from app.usecases.oauth_sign_in import OAuthUseCases
from app.usecases.operations import OperationsUseCases
from app.usecases.outlines import OutlineUseCases
from app.usecases.own_keys import OwnKeyUseCases
from app.usecases.passkeys import PasskeyUseCases
from app.usecases.personal_exports import PersonalExportUseCases
from app.usecases.proofs import ProofUseCases
from app.usecases.providers import ProviderUseCases
from app.usecases.puzzles import PuzzleUseCases
from app.usecases.records import RecordUseCases
from app.usecases.resumable import ResumableUploads
from app.usecases.schedules import ScheduleUseCases
from app.usecases.schema import SchemaUseCases
from app.usecases.second_factors import SecondFactorUseCases
from app.usecases.sessions import SessionUseCases
from app.usecases.trash import TrashUseCases
from app.usecases.upload_forms import UploadForms
from app.usecases.uploads import Uploads
from app.usecases.webhook_fanout import WebhookFanout
from app.usecases.webhook_sending import WebhookSending
from app.usecases.webhooks import WebhookUseCases


@dataclass(frozen=True, slots=True)
class Backend:
    """The use cases are the inbound port; their docstrings are the promise."""

    collections: CollectionUseCases
    schema: SchemaUseCases
    records: RecordUseCases
    files: FileUseCases
    file_checks: FileCheckUseCases
    file_links: FileLinks
    uploads: Uploads
    resumable: ResumableUploads
    upload_forms: UploadForms
    exports: ExportUseCases
    imports: ImportUseCases
    trash: TrashUseCases
    explanations: ExplanationUseCases
    accounts: AccountUseCases
    sessions: SessionUseCases
    api_keys: ApiKeyUseCases
    own_keys: OwnKeyUseCases
    audit: AuditUseCases
    impersonation: ImpersonationUseCases
    factors: FactorUseCases
    second_factors: SecondFactorUseCases
    passkeys: PasskeyUseCases
    enrolment: EnrolmentUseCases
    proofs: ProofUseCases
    providers: ProviderUseCases
    oauth: OAuthUseCases
    invitations: InvitationUseCases
    anonymous: AnonymousUseCases
    personal_exports: PersonalExportUseCases
    erasure: ErasureUseCases
    puzzles: PuzzleUseCases
    mail: MailUseCases
    outlines: OutlineUseCases
    operations: OperationsUseCases
    events: EventUseCases
    deliveries: DeliveryUseCases
    jobs: JobUseCases
    schedules: ScheduleUseCases
    webhooks: WebhookUseCases
    inbound: InboundUseCases
    webhook_fanout: WebhookFanout
    webhook_sending: WebhookSending
    job_runs: JobRuns
    housekeeping: HousekeepingUseCases
    metrics: MetricsUseCases
    limits: LimitUseCases
    idempotency: IdempotencyUseCases
