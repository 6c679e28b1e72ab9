"""The names inside ministack that this package uses. No other module imports ministack.

Most of them are private, so a new version of ministack may rename or drop any of them. Each module of ministack is a
:class:`Part`, whose annotations list what is used: ``iam.roles`` is ``ministack.services.iam._roles``. A name is looked
up when it is used, and assigning to it replaces it in ministack: callers there look it up as an attribute of its module.
A missing name stops the launcher at its start, with the list of all that are missing.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from typing import Any, ClassVar

from ministack.core.concurrency import run_reentrant as run_reentrant
from ministack.core.responses import AccountRegionScopedDict as AccountRegionScopedDict
from ministack.core.responses import _request_account_id, _request_region
from ministack.core.responses import get_account_id as get_account_id
from ministack.core.responses import get_region as get_region
from ministack.core.responses import new_uuid as new_uuid
from ministack.core.responses import now_iso as now_iso
from ministack.core.responses import request_scope as request_scope

_missing: list[str] = []


class Part:
    """A module of ministack. ``roles`` stands for ``_roles`` when the module has that, else for ``roles``."""

    # Names that say more here than in ministack.
    other_names: ClassVar[dict[str, str]] = {}

    def __init__(self, module: str) -> None:
        loaded = importlib.import_module(module)
        names = {}
        for name in (name for name in type(self).__annotations__ if name != "other_names"):
            candidates = (self.other_names[name],) if name in self.other_names else (f"_{name}", name)
            found = next((candidate for candidate in candidates if hasattr(loaded, candidate)), None)
            if found is None:
                _missing.append(f"{module}.{candidates[0]}")
            else:
                names[name] = found
        self.__dict__.update(_module=loaded, _names=names)

    def __getattr__(self, name: str) -> Any:
        try:
            return getattr(self.__dict__["_module"], self.__dict__["_names"][name])
        except KeyError:
            raise AttributeError(f"{type(self).__name__} doesn't list {name}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__dict__["_module"], self.__dict__["_names"][name], value)


class SharedFunction:
    """A function that several modules of ministack import by name, so that each of them must get the replacement."""

    def __init__(self, name: str, *parts: Part) -> None:
        modules = [part.__dict__["_module"] for part in parts]
        self._name = name
        self._modules = [module for module in modules if hasattr(module, name)]
        if not self._modules:
            _missing.append(f"{modules[0].__name__}.{name}")

    def replace(self, function: Callable[..., Any]) -> None:
        for module in self._modules:
            setattr(module, self._name, function)

    def wrap(self, wrapper: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        for module in self._modules:
            setattr(module, self._name, wrapper(getattr(module, self._name)))


class _Iam(Part):
    aws_managed_policies: Any
    delete_role_permissions_boundary: Callable[..., Any]
    gen_secret: Callable[..., Any]
    gen_session_access_key: Callable[..., Any]
    gen_session_token: Callable[..., Any]
    groups: Any
    make_aws_managed_record: Callable[..., Any]
    policies: Any
    put_role_permissions_boundary: Callable[..., Any]
    roles: Any
    users: Any


class _Sts(Part):
    register_session: Callable[..., Any]


class _Kms(Part):
    alias_arn: Callable[..., Any]
    aliases: Any
    keys: Any
    resolve_key: Callable[..., Any]


class _Ec2(Part):
    ACTION_MAP: Any
    DEFAULT_VPC_ID: Any
    VPCE_GATEWAY_SERVICES: Any
    VPCE_INTERFACE_SERVICES: Any
    describe_vpc_endpoint_services: Callable[..., Any]
    ensure_defaults_initialized: Callable[..., Any]
    error: Callable[..., Any]
    parse_filters: Callable[..., Any]
    parse_member_list: Callable[..., Any]
    route_tables: Any
    security_groups: Any
    subnets: Any
    tags: Any
    vpc_endpoints: Any
    vpce_fields_xml: Callable[..., Any]
    vpcs: Any
    xml: Callable[..., Any]


class _S3(Part):
    S3_NS: Any
    bucket_encryption: Any
    bucket_lifecycle: Any
    bucket_owner_account: Callable[..., Any]
    bucket_tags: Any
    bucket_versioning: Any
    buckets: Any
    delete_bucket: Callable[..., Any]
    delete_bucket_encryption: Callable[..., Any]
    delete_bucket_lifecycle: Callable[..., Any]
    delete_bucket_ownership_controls: Callable[..., Any]
    delete_bucket_tagging: Callable[..., Any]
    error: Callable[..., Any]
    get_object_data: Callable[..., Any]
    put_bucket_encryption: Callable[..., Any]
    put_bucket_lifecycle: Callable[..., Any]
    put_bucket_ownership_controls: Callable[..., Any]
    put_bucket_tagging: Callable[..., Any]
    put_object: Callable[..., Any]
    validate_bucket_name: Callable[..., Any]


class _Ssm(Part):
    lookup_parameter: Callable[..., Any]


class _Sns(Part):
    find_subscription: Callable[..., Any]
    sub_arn_to_topic: Any
    topics: Any


class _Sqs(Part):
    act_send_message: Callable[..., Any]
    queue_by_arn: Callable[..., Any]


class _Codebuild(Part):
    create_project: Callable[..., Any]
    project_arn: Callable[..., Any]
    project_shape: Callable[..., Any]
    projects: Any
    update_project: Callable[..., Any]


class _Cloudwatch(Part):
    alarms: Any
    dashboards: Any
    record_metric: Callable[..., Any]


class _CloudwatchLogs(Part):
    create_log_stream: Callable[..., Any]
    log_groups: Any
    metric_filters: Any
    put_log_events: Callable[..., Any]


class _Eventbridge(Part):
    SUPPORTED_TARGET_SERVICES: Any
    archive_event: Callable[..., Any]
    dispatch_event: Callable[..., Any]
    dispatch_to_lambda: Callable[..., Any]
    event_pattern_error: Callable[..., Any]
    invoke_target: Callable[..., Any]
    logger: logging.Logger
    rule_key: Callable[..., Any]
    rules: Any
    tags: Any
    targets: Any
    validate_target_arn: Callable[..., Any]


class _Scheduler(Part):
    SCHEDULE_TICK_INTERVAL: Any
    create_schedule: Callable[..., Any]
    schedule_arn: Callable[..., Any]
    schedules: Any
    update_schedule: Callable[..., Any]


class _LambdaService(Part):
    LAMBDA_ASYNC_RETRY_BASE_SECONDS: Any
    LAMBDA_ASYNC_RETRY_MAX_SECONDS: Any
    RESERVED_RUNTIME_ENV_VARS: Any
    account_region_from_function_config: Callable[..., Any]
    emit_lambda_logs: Callable[..., Any]
    execute_function: Callable[..., Any]
    execute_function_with_config_scope: Callable[..., Any]
    execution_record_for_config: Callable[..., Any]
    functions: Any
    get_func_record_for_ref: Callable[..., Any]
    invoke_async_with_retry: Callable[..., Any]
    logger: logging.Logger
    new_uuid: Callable[..., Any]
    provided_worker_env: Callable[..., Any]
    route_async_failure: Callable[..., Any]
    runtime_env_vars: Callable[..., Any]
    subprocess: Any


class _LambdaRuntime(Part):
    execution_credentials: Callable[..., Any]
    reset: Callable[..., Any]
    subprocess: Any


class _Stepfunctions(Part):
    AWS_SDK_SERVICE_MAP: Any
    ExecutionError: type[Any]
    SFN_WAIT_SCALE: Any
    api_name_to_sfn_key: Callable[..., Any]
    apply_output_path: Callable[..., Any]
    apply_result_path: Callable[..., Any]
    apply_result_selector: Callable[..., Any]
    execute_task: Callable[..., Any]
    executions: Any
    invoke_aws_sdk_integration: Callable[..., Any]
    json_response: Callable[..., Any]
    map_runs: Any
    next_or_end: Callable[..., Any]
    read_map_items: Callable[..., Any]
    resolve_params_obj: Callable[..., Any]
    resolve_path_or_ctx: Callable[..., Any]
    resolve_state_machine_arn: Callable[..., Any]
    run_distributed_map: Callable[..., Any]
    start_execution: Callable[..., Any]
    state_machines: Any
    validate_definition_jsonata: Callable[..., Any]
    validate_state_machine_definition: Callable[..., Any]


class _Tagging(Part):
    COLLECTORS: Any
    HANDLERS: Any
    RESOURCE_TAG_COLLECTORS: Any
    collect_ssm: Callable[..., Any]
    resource_tags: Callable[..., Any]


class _Cloudformation(Part):
    handle_request: Callable[..., Any]
    stack_events: Any
    stacks: Any


class _Changesets(Part):
    find_change_set: Callable[..., Any]
    now_iso: Callable[..., Any]


class _Engine(Part):
    CfnLoader: type[Any]
    NO_VALUE: Any
    TransformFailed: type[Any]
    apply_transforms: Callable[..., Any]
    construct_cfn_tag: Callable[..., Any]
    evaluate_conditions: Callable[..., Any]
    intrinsic_references: Callable[..., Any]
    parse_template: Callable[..., Any]
    resolve_parameters: Callable[..., Any]
    resolve_refs: Callable[..., Any]
    rule_inner_type: Callable[..., Any]
    validate_template_support: Callable[..., Any]


class _Handlers(Part):
    ACTION_HANDLERS: Any
    capabilities_enforced: Callable[..., Any]
    insufficient_capabilities_message: Callable[..., Any]
    missing_capabilities: Callable[..., Any]
    required_iam_capabilities: Callable[..., Any]
    resolve_stack: Callable[..., Any]


class _Helpers(Part):
    other_names: ClassVar[dict[str, str]] = {"parameter": "_p", "escape": "_esc"}
    error: Callable[..., Any]
    escape: Callable[..., Any]
    extract_members: Callable[..., Any]
    extract_string_members: Callable[..., Any]
    parameter: Callable[..., Any]
    resolve_document: Callable[..., Any]
    resolve_template: Callable[..., Any]


class _Stacks(Part):
    add_event: Callable[..., Any]
    delete_resource: Callable[..., Any]
    deploy_stack_async: Callable[..., Any]
    provision_resource: Callable[..., Any]
    update_resource: Callable[..., Any]
    with_stack_tags: Callable[..., Any]


class _Drift(Part):
    DRIFT_READERS: Any
    detect_resource_drift: Callable[..., Any]
    read_iam_role: Callable[..., Any]
    read_log_group: Callable[..., Any]
    read_sns_topic: Callable[..., Any]
    supports_drift: Callable[..., Any]


class _Provisioners(Part):
    CUSTOM_NAME_REPLACEMENT: Any
    REPLACING_PROPERTIES: Any
    RESOURCE_HANDLERS: Any
    STACK_TAG_PROPERTY: Any
    cfn_bool: Callable[..., Any]
    cw_dashboard_create: Callable[..., Any]
    cw_dashboard_update: Callable[..., Any]
    cw_metric_alarm_create: Callable[..., Any]
    cwlogs_create: Callable[..., Any]
    cwlogs_metric_filter_create: Callable[..., Any]
    cwlogs_update: Callable[..., Any]
    delete_predecessor: Callable[..., Any]
    eb_rule_bus_name: Callable[..., Any]
    eb_rule_create: Callable[..., Any]
    eb_rule_update: Callable[..., Any]
    ec2_sg_create: Callable[..., Any]
    ec2_sg_delete: Callable[..., Any]
    ec2_sg_update: Callable[..., Any]
    ec2_vpc_endpoint_create: Callable[..., Any]
    ec2_vpc_endpoint_update: Callable[..., Any]
    iam_managed_policy_create: Callable[..., Any]
    iam_managed_policy_update: Callable[..., Any]
    iam_policy_reconcile_entities: Callable[..., Any]
    iam_role_create: Callable[..., Any]
    iam_role_delete: Callable[..., Any]
    iam_role_update: Callable[..., Any]
    kms_alias_create: Callable[..., Any]
    kms_key_create: Callable[..., Any]
    kms_key_update: Callable[..., Any]
    lambda_create: Callable[..., Any]
    physical_name: Callable[..., Any]
    s3_create: Callable[..., Any]
    s3_update: Callable[..., Any]
    scheduler_schedule_delete: Callable[..., Any]
    sfn_definition: Callable[..., Any]
    sfn_state_machine_create: Callable[..., Any]
    sfn_state_machine_update: Callable[..., Any]
    sns_create: Callable[..., Any]
    sns_sub_create: Callable[..., Any]
    sns_update: Callable[..., Any]
    tag_map: Callable[..., Any]


class _CustomResource(Part):
    deliver_response: Callable[..., Any]
    invoke_custom_resource: Callable[..., Any]
    normalise_resource_properties: Callable[..., Any]


class _LanguageExtensions(Part):
    LanguageExtensionsError: type[Any]


class _Application(Part):
    SERVICE_HANDLERS: Any
    app: Callable[..., Any]
    dispatch_service_request: Callable[..., Any]
    routing_params: Callable[..., Any]


class _Router(Part):
    SERVICE_PATTERNS: Any
    detect_service: Callable[..., Any]


class _IamActions(Part):
    other_names: ClassVar[dict[str, str]] = {"parameter": "_param"}
    SERVICE_TO_IAM_NAMESPACE: Any
    extract_iam_action: Callable[..., Any]
    extract_resource_arn: Callable[..., Any]
    parameter: Callable[..., Any]
    request_tag_context: Callable[..., Any]


class _IamEvaluator(Part):
    action_matches: Callable[..., Any]
    conditions_met: Callable[..., Any]
    first_match: Callable[..., Any]
    resolve_condition_key: Callable[..., Any]
    resource_matches: Callable[..., Any]


iam = _Iam("ministack.services.iam")
sts = _Sts("ministack.services.sts")
kms = _Kms("ministack.services.kms")
ec2 = _Ec2("ministack.services.ec2")
s3 = _S3("ministack.services.s3")
ssm = _Ssm("ministack.services.ssm")
sns = _Sns("ministack.services.sns")
sqs = _Sqs("ministack.services.sqs")
codebuild = _Codebuild("ministack.services.codebuild")
cloudwatch = _Cloudwatch("ministack.services.cloudwatch")
cloudwatch_logs = _CloudwatchLogs("ministack.services.cloudwatch_logs")
eventbridge = _Eventbridge("ministack.services.eventbridge")
scheduler = _Scheduler("ministack.services.scheduler")
lambda_service = _LambdaService("ministack.services.lambda_svc")
lambda_runtime = _LambdaRuntime("ministack.core.lambda_runtime")
stepfunctions = _Stepfunctions("ministack.services.stepfunctions")
tagging = _Tagging("ministack.services.tagging")
cloudformation = _Cloudformation("ministack.services.cloudformation")
changesets = _Changesets("ministack.services.cloudformation.changesets")
engine = _Engine("ministack.services.cloudformation.engine")
handlers = _Handlers("ministack.services.cloudformation.handlers")
helpers = _Helpers("ministack.services.cloudformation.helpers")
stacks = _Stacks("ministack.services.cloudformation.stacks")
drift = _Drift("ministack.services.cloudformation.drift")
provisioners = _Provisioners("ministack.services.cloudformation.provisioners")
custom_resource = _CustomResource("ministack.services.cloudformation.custom_resource")
language_extensions = _LanguageExtensions("ministack.services.cloudformation.language_extensions")
application = _Application("ministack.app")
router = _Router("ministack.core.router")
iam_actions = _IamActions("ministack.core.iam_actions")
iam_evaluator = _IamEvaluator("ministack.core.iam_evaluator")
EVALUATE_CONDITIONS = SharedFunction("_evaluate_conditions", engine, changesets, handlers, stacks)
RESOLVE_PARAMETERS = SharedFunction("_resolve_parameters", engine, changesets, handlers, stacks)
VALIDATE_TEMPLATE_SUPPORT = SharedFunction("validate_template_support", engine, changesets, handlers, stacks)
APPLY_TRANSFORMS = SharedFunction("_apply_transforms", engine, changesets, handlers)
DEPLOY_STACK = SharedFunction("_deploy_stack_async", stacks, changesets, handlers)
DELETE_STACK = SharedFunction("_delete_stack_async", stacks, changesets, handlers)


def every_scope(table: Any) -> list[tuple[tuple[str, str, str], Any]]:
    """The entries of a table in all accounts and regions: ``((account, region, key), value)``."""
    return list(table._data.items())  # noqa: SLF001  (this module is for private names)


def set_request_scope(account: str, region: str) -> None:
    """Makes this thread's calls those of an account and a region."""
    _request_account_id.set(account)
    _request_region.set(region)


if _missing:
    raise ImportError("this version of ministack lacks names that mlp_local/emulator.py lists: " + ", ".join(_missing))
