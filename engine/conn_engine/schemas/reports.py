"""The reports with a published schema. To publish a new report, add it to `_KINDS`."""

from typing import Final

from conn_engine.analysis.checks.report import CheckReport
from conn_engine.analysis.coverage.report import CoverageReport
from conn_engine.analysis.drift.report import DriftReport
from conn_engine.analysis.field_override_report import FieldOverrideReport
from conn_engine.analysis.fields import FieldsReport
from conn_engine.analysis.impact.report import ImpactReport
from conn_engine.analysis.mutants.report import MutationReport
from conn_engine.analysis.score.report import CatalogueReport, ScoreReport
from conn_engine.analysis.submissions.report import SubmissionReport
from conn_engine.command_reports import (
    AccountChangeReport,
    AccountHistoryReport,
    AccountsReport,
    AdoptReport,
    CredentialReport,
    CredentialsReport,
    DeliveryRecordReport,
    DoctorReport,
    EndpointSecretReport,
    EndpointsReport,
    EndpointTestReport,
    ErrorReport,
    EvalReport,
    ExplainReport,
    ExportReport,
    FormattingReport,
    HarReport,
    ImportReport,
    InboxDeliveryReport,
    InboxReport,
    InitReport,
    LinkReport,
    LinksReport,
    MapReport,
    NewReport,
    OpenApiReport,
    ReadsReport,
    RecordReport,
    RedeliveryReport,
    RotatedKeyReport,
    RotatedSecretReport,
    SchemaReport,
    SchemasReport,
    SchemeReport,
    SchemesReport,
    TokenReport,
    TokensReport,
)
from conn_engine.config.report import ConfigurationReport, OriginReport, WorkspaceReport
from conn_engine.lint.report import LintReport
from conn_engine.releases.report import (
    DifferenceReport,
    HistoryReport,
    PromotionReport,
    ReleaseReport,
    RollbackReport,
    RolloutReport,
)
from conn_engine.reports import Report
from conn_engine.runtime.report import DeliveryReport, EventReport, PlanReport, SentReport, SubscriptionsReport
from conn_engine.schemas.generate import Generator, Schema
from conn_engine.syncs.report import (
    SyncBackfillPlanReport,
    SyncChangeReport,
    SyncFailuresReport,
    SyncLogReport,
    SyncPlansReport,
    SyncRunsReport,
    SyncsReport,
    SyncStatusReport,
    SyncTrialReport,
)
from conn_engine.testing.overrides_report import OverridesReport
from conn_engine.testing.report import SuiteReport
from conn_engine.testing.value_report import ValueReport, ValuesReport
from conn_engine.updates.report import UpdateReport

__all__ = ["REPORTS", "build_report_schema"]

_KINDS: Final[tuple[type[Report], ...]] = (
    AccountChangeReport,
    AccountHistoryReport,
    AccountsReport,
    AdoptReport,
    RotatedKeyReport,
    CatalogueReport,
    CheckReport,
    SubmissionReport,
    ConfigurationReport,
    CoverageReport,
    CredentialReport,
    CredentialsReport,
    LinksReport,
    LinkReport,
    TokenReport,
    OpenApiReport,
    TokensReport,
    DeliveryRecordReport,
    DeliveryReport,
    DifferenceReport,
    DoctorReport,
    DriftReport,
    ErrorReport,
    EvalReport,
    ExportReport,
    EventReport,
    ExplainReport,
    FieldsReport,
    FieldOverrideReport,
    HarReport,
    HistoryReport,
    ImpactReport,
    ImportReport,
    EndpointSecretReport,
    RotatedSecretReport,
    EndpointTestReport,
    EndpointsReport,
    RedeliveryReport,
    InboxDeliveryReport,
    InboxReport,
    InitReport,
    LintReport,
    MapReport,
    MutationReport,
    NewReport,
    OriginReport,
    OverridesReport,
    PlanReport,
    PromotionReport,
    ReadsReport,
    RecordReport,
    ReleaseReport,
    RollbackReport,
    RolloutReport,
    ScoreReport,
    SchemaReport,
    FormattingReport,
    SchemasReport,
    SchemeReport,
    SchemesReport,
    SentReport,
    SubscriptionsReport,
    SuiteReport,
    UpdateReport,
    SyncBackfillPlanReport,
    SyncChangeReport,
    SyncFailuresReport,
    SyncLogReport,
    SyncPlansReport,
    SyncRunsReport,
    SyncStatusReport,
    SyncTrialReport,
    SyncsReport,
    ValueReport,
    ValuesReport,
    WorkspaceReport,
)
REPORTS: Final[dict[str, type[Report]]] = {report.kind: report for report in _KINDS}
"""Kind to the class whose fields are the keys of the report."""


def build_report_schema(kind: str) -> Schema:
    """Return the schema of a kind of report, without its head. Every key is required, and no other is allowed."""
    report = REPORTS[kind]
    generator = Generator()
    schema = generator.describe_model(report)
    schema["properties"] = {
        "version": {"const": report.version, "description": "Version of this form."},
        "kind": {"const": kind, "description": "Kind of the report."},
        **schema["properties"],
    }
    schema["required"] = ["version", "kind", *schema.get("required", [])]
    definitions = dict(sorted(generator.definitions.items()))
    return {**schema, **({"$defs": definitions} if definitions else {})}
