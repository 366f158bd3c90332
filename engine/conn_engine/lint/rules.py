"""The tables of rules. A rule is a function that takes a `LintTarget` or a `LayerView` and yields findings."""

from collections.abc import Callable, Iterator

from conn_engine.diagnostics import Diagnostic
from conn_engine.lint.account_rules import check_required_values
from conn_engine.lint.agent_rules import check_agent_tools
from conn_engine.lint.configuration_rules import (
    check_operations_are_recorded,
    find_dead_overrides,
    find_idle_mappings,
    find_idle_settings,
    find_ineffective_overrides,
    find_partial_overrides,
    find_unknown_overrides,
    report_configuration_findings,
)
from conn_engine.lint.credential_rules import (
    check_authorization_names,
    check_credential_is_sent,
    check_path_has_placeholder,
    check_path_part_is_required,
    find_unobtainable_tokens,
)
from conn_engine.lint.event_rules import check_events, check_events_are_recorded
from conn_engine.lint.expression_rules import (
    check_functions,
    check_names,
    check_syntax,
    check_variables,
    find_constant_filters,
    find_filtered_lists,
    find_text_sums,
)
from conn_engine.lint.failure_rules import (
    check_sunsets,
    find_credentials_in_urls,
    find_ineffective_actions,
    find_unreachable_rules,
)
from conn_engine.lint.flow_rules import check_flow_operations, check_record_types, find_parent_cycles
from conn_engine.lint.habit_rules import (
    find_filters_of_the_response,
    find_misspelled_headers,
    find_needless_prefixes,
    find_sent_expressions,
)
from conn_engine.lint.layer_view import LayerView
from conn_engine.lint.mapping_rules import (
    check_model_fields,
    find_base_references,
    find_one_sided_fields,
    find_removed_fields,
)
from conn_engine.lint.on_error_rules import find_unmapped_policies
from conn_engine.lint.paging_rules import check_paginations
from conn_engine.lint.reference_rules import check_operation_references
from conn_engine.lint.request_rules import (
    find_foreign_placeholders,
    find_internal_urls,
    find_plain_urls,
    find_unsendable_verify,
)
from conn_engine.lint.run_rules import find_unused_windows
from conn_engine.lint.schema_rules import find_unfit_keys, find_unreadable_schemas
from conn_engine.lint.secret_rules import find_literal_secrets, find_secrets_in_context
from conn_engine.lint.target import LintTarget
from conn_engine.lint.webhook_rules import check_challenges, check_routing_context, check_verification

__all__ = ["CONTEXT_RULES", "LAYER_RULES", "TARGET_RULES"]

LAYER_RULES: tuple[Callable[[LayerView], Iterator[Diagnostic]], ...] = (
    check_syntax,
    check_functions,
    check_names,
    check_variables,
    find_constant_filters,
    find_filtered_lists,
    find_text_sums,
    find_sent_expressions,
    find_filters_of_the_response,
    find_needless_prefixes,
    find_misspelled_headers,
    find_literal_secrets,
    find_foreign_placeholders,
    find_plain_urls,
    find_internal_urls,
    find_unknown_overrides,
)
"""Rules for the text of one level: each runs once for a document, however many accounts use it."""

TARGET_RULES: tuple[Callable[[LintTarget], Iterator[Diagnostic]], ...] = (
    report_configuration_findings,
    check_operation_references,
    find_unsendable_verify,
    find_unreadable_schemas,
    find_unfit_keys,
    check_flow_operations,
    find_parent_cycles,
    check_record_types,
    find_unused_windows,
    check_paginations,
    find_unreachable_rules,
    find_ineffective_actions,
    find_credentials_in_urls,
    check_authorization_names,
    check_credential_is_sent,
    check_path_has_placeholder,
    check_path_part_is_required,
    find_unobtainable_tokens,
    check_sunsets,
    check_verification,
    check_challenges,
    check_routing_context,
    check_events,
    check_model_fields,
    find_base_references,
    find_removed_fields,
    find_one_sided_fields,
    find_unmapped_policies,
    find_dead_overrides,
    find_ineffective_overrides,
    find_partial_overrides,
    find_idle_mappings,
    find_idle_settings,
    check_required_values,
    find_secrets_in_context,
    check_operations_are_recorded,
    check_events_are_recorded,
    check_agent_tools,
)
"""Rules for an effective configuration."""

CONTEXT_RULES: tuple[Callable[[LintTarget], Iterator[Diagnostic]], ...] = (
    check_required_values,
    find_secrets_in_context,
)
"""The rules about an account's own values. For an account that overrides nothing, only these run."""
