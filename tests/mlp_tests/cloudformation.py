"""CloudFormation templates: how they are read, and with their functions resolved as far as policies and names need it.

A value that AWS chooses when it creates a resource (a key's id) becomes an example of the right form. A function that
the resolver doesn't know is an error.
"""

import hashlib
import re
import uuid
from pathlib import Path
from typing import Any

import yaml

# What `Ref: AWS::NoValue` gives: the property isn't there.
REMOVED = object()


class TemplateError(ValueError):
    """A template that can't be resolved."""


def _function(loader, name, node):
    """A function in its long form, whatever its argument is."""
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if name == "GetAtt" and "." in value:
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


def reader(base: Any = yaml.SafeLoader, dates: bool = False) -> Any:
    """A loader of YAML 1.1, as CloudFormation reads it, with the functions in long form. `dates`: dates are no texts."""
    loader: Any = type("Reader", (base,), {})
    if not dates:
        loader.yaml_implicit_resolvers = {
            first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
            for first, resolvers in base.yaml_implicit_resolvers.items()
        }
    loader.add_multi_constructor("!", _function)
    return loader


_FAST = reader(getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def loads(text: str) -> Any:
    """A template as plain dictionaries, lists and texts."""
    return yaml.load(text, _FAST)


def load(path: Path) -> Any:
    return loads(path.read_text(encoding="utf-8"))


def made_up(prefix, *what, length=17):
    return prefix + hashlib.sha256("/".join(what).encode()).hexdigest()[:length]


# What `Ref` gives where it is not the name: an ARN.
REF_IS_ARN = {
    "AWS::IAM::ManagedPolicy",
    "AWS::SNS::Topic",
    "AWS::Serverless::StateMachine",
    "AWS::SageMaker::ModelPackageGroup",
}
# Property that names a resource, and its ARN.
NAMED = {
    "AWS::CloudFormation::Macro": ("Name", None),
    "AWS::CloudWatch::Alarm": ("AlarmName", "arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}"),
    "AWS::CloudWatch::Dashboard": ("DashboardName", "arn:{partition}:cloudwatch::{account}:dashboard/{name}"),
    "AWS::CodeBuild::Project": ("Name", "arn:{partition}:codebuild:{region}:{account}:project/{name}"),
    "AWS::CodeCommit::Repository": ("RepositoryName", "arn:{partition}:codecommit:{region}:{account}:{name}"),
    "AWS::CodePipeline::Pipeline": ("Name", "arn:{partition}:codepipeline:{region}:{account}:{name}"),
    "AWS::Events::Rule": ("Name", "arn:{partition}:events:{region}:{account}:rule/{name}"),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", "arn:{partition}:iam::{account}:policy{path}{name}"),
    "AWS::IAM::Role": ("RoleName", "arn:{partition}:iam::{account}:role{path}{name}"),
    "AWS::KMS::Alias": ("AliasName", "arn:{partition}:kms:{region}:{account}:{name}"),
    "AWS::Logs::LogGroup": ("LogGroupName", "arn:{partition}:logs:{region}:{account}:log-group:{name}"),
    "AWS::S3::Bucket": ("BucketName", "arn:{partition}:s3:::{name}"),
    "AWS::SNS::Topic": ("TopicName", "arn:{partition}:sns:{region}:{account}:{name}"),
    "AWS::SQS::Queue": ("QueueName", "arn:{partition}:sqs:{region}:{account}:{name}"),
    "AWS::SSM::Parameter": ("Name", "arn:{partition}:ssm:{region}:{account}:parameter{name}"),
    "AWS::SageMaker::ModelPackageGroup": (
        "ModelPackageGroupName",
        "arn:{partition}:sagemaker:{region}:{account}:model-package-group/{name}",
    ),
    "AWS::Scheduler::Schedule": ("Name", "arn:{partition}:scheduler:{region}:{account}:schedule/default/{name}"),
    "AWS::Serverless::Function": ("FunctionName", "arn:{partition}:lambda:{region}:{account}:function:{name}"),
    "AWS::Serverless::StateMachine": ("Name", "arn:{partition}:states:{region}:{account}:stateMachine:{name}"),
}
# Resources that AWS names: how an id begins, and the ARN.
NUMBERED = {
    "AWS::EC2::SecurityGroup": ("sg-", "arn:{partition}:ec2:{region}:{account}:security-group/{name}"),
    "AWS::EC2::VPCEndpoint": ("vpce-", "arn:{partition}:ec2:{region}:{account}:vpc-endpoint/{name}"),
    "AWS::KMS::Key": (None, "arn:{partition}:kms:{region}:{account}:key/{name}"),
}
# Sample values of parameters that CloudFormation looks up.
FROM_SSM = {
    "AWS::EC2::VPC::Id": "vpc-0a1b2c3d4e5f60718",
    "AWS::EC2::SecurityGroup::Id": "sg-0a1b2c3d4e5f60718",
    "List<AWS::EC2::Subnet::Id>": ["subnet-0a1b2c3d4e5f60718", "subnet-0b1b2c3d4e5f60718"],
    "List<AWS::EC2::SecurityGroup::Id>": ["sg-0a1b2c3d4e5f60718"],
    "List<String>": ["rtb-0a1b2c3d4e5f60718"],
    "String": "from-ssm",
}


class Stack:
    """A template with the parameters and the place of a stack."""

    def __init__(self, template, *, stack, account, region, partition, parameters=None):
        self.template = template
        self.pseudo = {
            "AWS::AccountId": account,
            "AWS::NoValue": REMOVED,
            "AWS::Partition": partition,
            "AWS::Region": region,
            "AWS::StackId": f"arn:{partition}:cloudformation:{region}:{account}:stack/{stack}/8a1b2c3d",
            "AWS::StackName": stack,
            "AWS::URLSuffix": "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com",
        }
        self.place = {"account": account, "region": region, "partition": partition}
        given = parameters or {}
        declared = template.get("Parameters", {})
        if set(given) - set(declared):
            raise TemplateError(f"the template has no parameters {sorted(set(given) - set(declared))}")
        self.parameters = {name: self._parameter(it, given.get(name)) for name, it in declared.items()}
        self._conditions = {}
        self._open = []
        self._properties = {}
        self.resources = {
            name: it
            for name, it in template["Resources"].items()
            if "Condition" not in it or self.condition(it["Condition"])
        }

    @staticmethod
    def _parameter(declared, given):
        kind = declared["Type"]
        from_ssm = re.fullmatch(r"AWS::SSM::Parameter::Value<(.+)>", kind)
        if from_ssm and given is None:
            return FROM_SSM[from_ssm[1]]
        value = declared.get("Default") if given is None else given
        if value is None:
            raise TemplateError(f"a parameter of the type {kind} has no value")
        if kind in ("CommaDelimitedList", "List<Number>") or kind.startswith("List<"):
            return [it.strip() for it in str(value).split(",")] if str(value) else []
        return str(value)

    def kinds(self, kind):
        """The logical ids of a resource type."""
        return [name for name, it in self.resources.items() if it["Type"] == kind]

    def properties(self, name):
        """A resource's properties, resolved."""
        if name not in self._properties:
            resolved = self.resolve(self.resources[name].get("Properties", {}))
            self._properties[name] = resolved
        return self._properties[name]

    def name(self, name):
        """A resource's physical name."""
        kind = self.resources[name]["Type"]
        if kind == "AWS::KMS::Key":
            return str(uuid.uuid5(uuid.NAMESPACE_URL, self.pseudo["AWS::StackName"] + name))
        if kind in NUMBERED:
            return made_up(NUMBERED[kind][0], self.pseudo["AWS::StackName"], name)
        stack = self.pseudo["AWS::StackName"]
        if kind not in NAMED:
            return f"{stack}-{name}"
        given = self.resources[name].get("Properties", {}).get(NAMED[kind][0])
        given = REMOVED if given is None else self.resolve(given)
        if given is not REMOVED:
            return given
        chosen = f"{stack}-{name}-{made_up('', stack, name, length=12).upper()}"
        return chosen.lower() if kind == "AWS::S3::Bucket" else chosen

    def arn(self, name):
        """A resource's ARN; `None` for types without one."""
        kind = self.resources[name]["Type"]
        pattern = (NAMED.get(kind) or NUMBERED.get(kind) or (None, None))[1]
        if pattern is None:
            return None
        physical = self.name(name)
        if kind == "AWS::SSM::Parameter" and not physical.startswith("/"):
            physical = f"/{physical}"
        path = self.resolve(self.resources[name].get("Properties", {}).get("Path", "/"))
        return pattern.format(**self.place, name=physical, path=path)

    def condition(self, name):
        if name not in self._conditions:
            declared = self.template.get("Conditions", {})
            if name not in declared:
                raise TemplateError(f"no condition {name}")
            self._conditions[name] = self._holds(declared[name])
        return self._conditions[name]

    def _holds(self, it):
        if not isinstance(it, dict) or len(it) != 1:
            raise TemplateError(f"not a condition: {it}")
        ((function, argument),) = it.items()
        match function:
            case "Condition":
                return self.condition(argument)
            case "Fn::Not":
                return not self._holds(argument[0])
            case "Fn::And":
                return all(self._holds(part) for part in argument)
            case "Fn::Or":
                return any(self._holds(part) for part in argument)
            case "Fn::Equals":
                # CloudFormation compares texts: a parameter's default `0` is the number of the template.
                left, right = (str(self.resolve(part)) for part in argument)
                return left == right
        raise TemplateError(f"not a condition: {function}")

    def resolve(self, value):
        """A value with its functions resolved; `REMOVED` for no value."""
        if isinstance(value, list):
            return [it for it in map(self.resolve, value) if it is not REMOVED]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function in ("Ref", "Condition") or function.startswith("Fn::"):
                if function != "Condition":
                    return self._call(function, argument)
                # `Condition` is a function in Conditions and Rules only; elsewhere it is a key of a policy's statement.
        resolved = {key: self.resolve(it) for key, it in value.items()}
        return {key: it for key, it in resolved.items() if it is not REMOVED}

    def _call(self, function, argument):
        match function:
            case "Ref":
                return self.ref(argument)
            case "Fn::GetAtt":
                name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
                return self.attribute(name, attribute)
            case "Fn::Sub":
                return self._sub(argument)
            case "Fn::If":
                condition, yes, no = argument
                return self.resolve(yes if self.condition(condition) else no)
            case "Fn::Join":
                separator, parts = argument
                return separator.join(str(it) for it in self.resolve(parts))
            case "Fn::Split":
                separator, text = argument
                return self.resolve(text).split(separator)
            case "Fn::Select":
                index, parts = argument
                return self.resolve(parts)[int(self.resolve(index))]
            case "Fn::FindInMap":
                table, first, second = (self.resolve(it) for it in argument)
                return self.template["Mappings"][table][first][second]
        raise TemplateError(f"the resolver doesn't know {function}")

    def _sub(self, argument):
        text, own = (argument, {}) if isinstance(argument, str) else argument

        def replaced(match):
            name = match[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in own:
                return str(self.resolve(own[name]))
            value = self.attribute(*name.split(".", 1)) if "." in name else self.ref(name)
            if isinstance(value, list) or value is REMOVED:
                raise TemplateError(f"Fn::Sub of {name}")
            return str(value)

        return re.sub(r"\$\{([^}]+)\}", replaced, text)

    def ref(self, name):
        if name in self.pseudo:
            return self.pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        if name not in self.resources:
            raise TemplateError(f"nothing is called {name}, or its condition doesn't hold")
        kind = self.resources[name]["Type"]
        return self.arn(name) if kind in REF_IS_ARN else self.name(name)

    def attribute(self, name, attribute):
        if name not in self.resources:
            raise TemplateError(f"nothing is called {name}, or its condition doesn't hold")
        kind = self.resources[name]["Type"]
        if attribute in ("Arn", "TopicArn", "ModelPackageGroupArn"):
            arn = self.arn(name)
            if arn is None:
                raise TemplateError(f"{kind} has no ARN here")
            return f"{arn}:*" if kind == "AWS::Logs::LogGroup" else arn
        if attribute in ("GroupId", "Id", "KeyId", "Name", "QueueName", "TopicName"):
            return self.name(name)
        # Values that no policy and no name contains, such as a repository's URL.
        return f"<{name}.{attribute}>"
