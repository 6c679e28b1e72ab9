"""Applies every service and every patch to ministack and returns the application to serve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .control import with_controls
from .patches import (
    alarms,
    asynchronous_invocations,
    aws_managed_policies,
    bucket_tags,
    buckets,
    capabilities,
    change_sets,
    codebuild_projects,
    custom_resources,
    dashboards,
    deleted_stacks,
    described_stacks,
    distributed_maps,
    drift,
    embedded_metrics,
    event_rules,
    event_targets,
    faults,
    iam_policies,
    iam_roles,
    kms_keys,
    lambda_environment,
    lambda_functions,
    lambda_processes,
    log_groups,
    macros,
    metric_filters,
    policy_conditions,
    repeated_executions,
    request_context,
    resource_tags,
    schedules,
    sdk_integrations,
    security_groups,
    service_roles,
    stack_parameters,
    state_machines,
    system_tags,
    task_timeouts,
    template_conditions,
    template_references,
    template_versions,
    topics,
    vpc_endpoints,
)
from .services import codecommit, codepipeline, license_manager, sagemaker

SERVICES = (codecommit.SERVICE, codepipeline.SERVICE, sagemaker.SERVICE, license_manager.SERVICE)
TYPES = (codecommit, codepipeline, sagemaker)

# In this order: macros wrap what the patches of change sets put in place, and faults strike before everything.
PATCHES = (
    codebuild_projects, buckets, bucket_tags, iam_policies, iam_roles, kms_keys, vpc_endpoints, security_groups,
    log_groups, metric_filters, topics, alarms, dashboards, event_rules, event_targets, schedules, lambda_functions,
    asynchronous_invocations, drift, resource_tags, deleted_stacks, template_conditions, template_references,
    stack_parameters, template_versions, system_tags, capabilities, change_sets, described_stacks, service_roles,
    custom_resources, macros, faults, policy_conditions, aws_managed_policies, lambda_processes, embedded_metrics,
    state_machines, distributed_maps, repeated_executions, task_timeouts,
)  # fmt: skip
# Those that need the suite's own address.
PATCHES_WITH_ENDPOINT = (request_context, lambda_environment, sdk_integrations)


def everything(endpoint: str) -> Callable[..., Any]:
    """Installs services, resource types and patches, and returns the ASGI application."""
    for service in SERVICES:
        service.register()
    for part in (*TYPES, *PATCHES):
        part.install()
    for patch in PATCHES_WITH_ENDPOINT:
        patch.install(endpoint)
    return with_controls(service.name for service in SERVICES)


def stop_children() -> None:
    lambda_processes.stop_children()
