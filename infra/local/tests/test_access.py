"""IAM as it is enforced: conditions, variables, boundaries, bucket policies, and the sessions of roles."""

import json

import pytest
from botocore.exceptions import ClientError

from mlp_tests import local_suite

EVERYTHING = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]


class TestAccess(local_suite.Case):
    @pytest.fixture(autouse=True)
    def on_a_suite(self, enforcing):
        self.suite = enforcing

    def role(self, statements, tags=None, boundary=None, path="/", service="codebuild.amazonaws.com"):
        """A role with these rights, for a service; returns its name."""
        name = local_suite.unique("role-")
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": service},
                    "Action": "sts:AssumeRole",
                    "Condition": {"StringEquals": {"aws:SourceAccount": local_suite.ACCOUNT}},
                }
            ],
        }
        options = {"PermissionsBoundary": boundary} if boundary else {}
        self.suite.client("iam").create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps(trust),
            Path=path,
            **options,
            Tags=[{"Key": key, "Value": value} for key, value in (tags or {}).items()],
        )
        if statements:
            self.suite.client("iam").put_role_policy(
                RoleName=name,
                PolicyName="p",
                PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
            )
        return name

    def policy(self, statements):
        return self.suite.client("iam").create_policy(
            PolicyName=local_suite.unique("policy-"),
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
        )["Policy"]["Arn"]

    def session(self, role, service):
        """A client with the credentials that a service has for a role."""
        return self.suite.client_with(service, self.suite.control("sessions", {"role": role}))

    def bucket(self, policy=None):
        name = local_suite.unique("bucket-")
        self.suite.client("s3").create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": local_suite.REGION}
        )
        if policy:
            self.suite.client("s3").put_bucket_policy(
                Bucket=name,
                Policy=json.dumps(
                    {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Effect": "Deny",
                                "Principal": "*",
                                "Action": "s3:*",
                                "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
                                **statement,
                            }
                            for statement in policy
                        ],
                    }
                ),
            )
        return name

    def test_a_session_is_what_a_service_gets(self):
        name = self.role(EVERYTHING)
        arn = self.suite.client("iam").get_role(RoleName=name)["Role"]["Arn"]
        assert (
            self.session(arn, "sts").get_caller_identity()["Arn"]
            == f"arn:aws:sts::{local_suite.ACCOUNT}:assumed-role/{name}/local"
        )
        self.refused("AccessDenied", self.suite.client("sts").assume_role, RoleArn=arn, RoleSessionName="me")

    def test_the_principal_of_a_session_is_the_role_with_its_path(self):
        for path, pattern in (("/", "role/role-*"), ("/teams/ml/", "role/teams/ml/role-*")):
            name = self.role(EVERYTHING, path=path)
            bucket = self.bucket(
                [{"Condition": {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{local_suite.ACCOUNT}:{pattern}"}}}]
            )
            self.refused("AccessDenied", self.session(name, "s3").put_object, Bucket=bucket, Key="k", Body=b"")
        other = self.bucket(
            [{"Condition": {"ArnLike": {"aws:PrincipalArn": f"arn:aws:sts::{local_suite.ACCOUNT}:assumed-role/*"}}}]
        )
        self.session(name, "s3").put_object(Bucket=other, Key="k", Body=b"")

    def test_a_bucket_denies_everybody_but_one_role(self):
        mine, other = self.role(EVERYTHING), self.role(EVERYTHING)
        own = self.suite.client("iam").get_role(RoleName=mine)["Role"]["Arn"]
        bucket = self.bucket(
            [
                {
                    "Action": ["s3:PutObject*", "s3:DeleteObject*"],
                    "Resource": "arn:aws:s3:::bucket-*/outputs/*",
                    "Condition": {"ArnNotEquals": {"aws:PrincipalArn": [own]}},
                }
            ]
        )
        self.session(mine, "s3").put_object(Bucket=bucket, Key="outputs/k", Body=b"")
        self.session(other, "s3").put_object(Bucket=bucket, Key="inputs/k", Body=b"")
        self.refused("AccessDenied", self.session(other, "s3").put_object, Bucket=bucket, Key="outputs/k", Body=b"")
        self.refused("AccessDenied", self.session(other, "s3").delete_object, Bucket=bucket, Key="outputs/k")
        answer = self.session(other, "s3").get_object(Bucket=bucket, Key="outputs/k")
        assert answer["Body"].read() == b""

    def test_the_tags_of_a_role_are_those_of_its_sessions(self):
        plain, tagged = self.role(EVERYTHING), self.role(EVERYTHING, {"ml-provisioner:product": "a-ml"})
        bucket = self.bucket([{"Condition": {"Null": {"aws:PrincipalTag/ml-provisioner:product": "false"}}}])
        self.session(plain, "s3").put_object(Bucket=bucket, Key="k", Body=b"")
        self.refused("AccessDenied", self.session(tagged, "s3").put_object, Bucket=bucket, Key="k", Body=b"")

    def test_variables_stand_for_the_tags_of_the_role(self):
        bucket, other = self.bucket(), self.bucket()
        statements = [
            {
                "Effect": "Allow",
                "Action": "s3:PutObject",
                "Resource": "arn:aws:s3:::${aws:PrincipalTag/ml-provisioner:artifacts}/*",
            },
            {
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": "arn:aws:s3:::*",
                "Condition": {"StringLike": {"s3:prefix": "${aws:PrincipalTag/use-case}/*"}},
            },
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::${aws:PrincipalTag/absent}*"},
        ]
        client = self.session(self.role(statements, {"ml-provisioner:artifacts": bucket, "use-case": "churn"}), "s3")
        client.put_object(Bucket=bucket, Key="k", Body=b"")
        self.refused("AccessDenied", client.put_object, Bucket=other, Key="k", Body=b"")
        client.list_objects_v2(Bucket=other, Prefix="churn/data")
        self.refused("AccessDenied", client.list_objects_v2, Bucket=other, Prefix="other/")
        self.refused("AccessDenied", client.get_object, Bucket=bucket, Key="k")
        without = self.session(self.role(statements), "s3")
        self.refused("AccessDenied", without.put_object, Bucket=bucket, Key="k", Body=b"")

    def test_a_boundary_limits_whatever_is_attached(self):
        own, other = self.bucket(), self.bucket()
        boundary = self.policy(
            [
                {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::${aws:PrincipalTag/artifacts}/*"},
                {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"},
            ]
        )
        client = self.session(self.role(EVERYTHING, {"artifacts": own}, boundary), "s3")
        client.put_object(Bucket=own, Key="k", Body=b"")
        self.refused("AccessDenied", client.put_object, Bucket=other, Key="k", Body=b"")
        self.refused("AccessDenied", client.get_object, Bucket=own, Key="k")

    def test_a_boundary_may_ask_for_the_tags_of_resources(self):
        boundary = self.policy(
            [
                {
                    "Effect": "Allow",
                    "Action": "codecommit:*",
                    "Resource": "*",
                    "Condition": {"StringEquals": {"aws:ResourceTag/product": "${aws:PrincipalTag/product}"}},
                }
            ]
        )
        client = self.session(self.role(EVERYTHING, {"product": "a"}, boundary), "codecommit")
        for product in ("a", "b"):
            name = local_suite.unique("repo-")
            self.suite.client("codecommit").create_repository(repositoryName=name, tags={"product": product})
            if product == "a":
                client.get_repository(repositoryName=name)
            else:
                self.refused("AccessDeniedException", client.get_repository, repositoryName=name)

    def test_a_bucket_belongs_to_the_account_that_owns_it(self):
        bucket = self.bucket()
        for account, refused in ((local_suite.ACCOUNT, False), ("999999999999", True)):
            client = self.session(
                self.role(
                    [
                        {
                            "Effect": "Allow",
                            "Action": ["s3:PutObject", "s3:CreateBucket"],
                            "Resource": "arn:aws:s3:::*",
                            "Condition": {"StringEquals": {"aws:ResourceAccount": account}},
                        }
                    ]
                ),
                "s3",
            )
            if refused:
                self.refused("AccessDenied", client.put_object, Bucket=bucket, Key="k", Body=b"")
                continue
            client.put_object(Bucket=bucket, Key="k", Body=b"")
            client.create_bucket(
                Bucket=local_suite.unique("bucket-"),
                CreateBucketConfiguration={"LocationConstraint": local_suite.REGION},
            )

    def test_a_request_may_name_the_owner_that_it_expects(self):
        bucket = self.bucket()
        s3 = self.suite.client("s3")
        s3.put_object(Bucket=bucket, Key="k", Body=b"", ExpectedBucketOwner=local_suite.ACCOUNT)
        for call, options in (
            (s3.put_object, {"Key": "k", "Body": b""}),
            (s3.get_object, {"Key": "k"}),
            (s3.list_objects_v2, {}),
            (s3.get_bucket_tagging, {}),
        ):
            self.refused("AccessDenied", call, Bucket=bucket, ExpectedBucketOwner="999999999999", **options)
        self.refused(
            "AccessDenied",
            s3.copy_object,
            Bucket=bucket,
            Key="l",
            CopySource={"Bucket": bucket, "Key": "k"},
            ExpectedSourceBucketOwner="999999999999",
        )
        with pytest.raises(ClientError) as caught:
            s3.head_bucket(Bucket=bucket, ExpectedBucketOwner="999999999999")
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        self.refused(
            "NoSuchBucket",
            s3.list_objects_v2,
            Bucket=local_suite.unique("none-"),
            ExpectedBucketOwner=local_suite.ACCOUNT,
        )

    def test_roles_are_created_with_the_boundary_that_a_policy_asks_for(self):
        boundary, other = self.policy(EVERYTHING), self.policy(EVERYTHING)
        bounded = {"ArnEquals": {"iam:PermissionsBoundary": boundary}}
        iam = self.session(
            self.role(
                [
                    {
                        "Effect": "Allow",
                        "Action": ["iam:CreateRole", "iam:PutRolePermissionsBoundary"],
                        "Resource": "*",
                        "Condition": bounded,
                    },
                    {
                        "Effect": "Allow",
                        "Action": "iam:AttachRolePolicy",
                        "Resource": "*",
                        "Condition": {
                            **bounded,
                            "ArnLike": {"iam:PolicyARN": "arn:aws:iam::aws:policy/AWSLambdaExecute"},
                        },
                    },
                ]
            ),
            "iam",
        )
        trust = json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}
                ],
            }
        )
        made = {"RoleName": local_suite.unique("role-"), "AssumeRolePolicyDocument": trust}
        self.refused("AccessDenied", iam.create_role, **made)
        self.refused("AccessDenied", iam.create_role, **made, PermissionsBoundary=other)
        iam.create_role(**made, PermissionsBoundary=boundary)
        name = made["RoleName"]
        self.refused("AccessDenied", iam.put_role_permissions_boundary, RoleName=name, PermissionsBoundary=other)
        self.refused(
            "AccessDenied",
            iam.attach_role_policy,
            RoleName=name,
            PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess",
        )
        iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AWSLambdaExecute")
        self.refused(
            "AccessDenied",
            iam.attach_role_policy,
            RoleName=self.role([]),
            PolicyArn="arn:aws:iam::aws:policy/AWSLambdaExecute",
        )

    def test_what_a_stack_created_in_ec2_is_known_by_cloudformations_tag(self):
        ec2 = self.suite.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        stack = local_suite.unique("a-ml-stack")
        self.suite.client("cloudformation").create_stack(
            StackName=stack,
            TemplateBody=json.dumps(
                {
                    "Resources": {
                        "G": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "d", "VpcId": vpc}}
                    },
                    "Outputs": {"G": {"Value": {"Fn::GetAtt": ["G", "GroupId"]}}},
                }
            ),
        )
        described = local_suite.eventually(
            lambda: next(
                (
                    it
                    for it in self.suite.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
                    if it.get("Outputs")
                ),
                None,
            )
        )
        group = described["Outputs"][0]["OutputValue"]
        foreign = ec2.create_security_group(GroupName=local_suite.unique(), Description="d", VpcId=vpc)["GroupId"]
        stack = f"arn:aws:cloudformation:{local_suite.REGION}:{local_suite.ACCOUNT}:stack/a-ml-stack*/*"
        client = self.session(
            self.role(
                [
                    {
                        "Effect": "Allow",
                        "Action": ["ec2:DeleteSecurityGroup", "ec2:DeleteTags"],
                        "Resource": "*",
                        "Condition": {"StringLike": {"aws:ResourceTag/aws:cloudformation:stack-id": stack}},
                    }
                ]
            ),
            "ec2",
        )
        self.refused("UnauthorizedOperation", client.delete_security_group, GroupId=foreign)
        self.refused("UnauthorizedOperation", client.delete_tags, Resources=[foreign], Tags=[{"Key": "a"}])
        client.delete_tags(Resources=[group], Tags=[{"Key": "a"}])
        client.delete_security_group(GroupId=group)

    def test_change_sets_of_other_templates_are_refused(self):
        bucket = self.bucket()
        self.suite.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        for key in ("configs/a.yaml", "deployments/templates/a.yaml"):
            version = self.suite.client("s3").put_object(
                Bucket=bucket, Key=key, Body=b'{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}'
            )["VersionId"]
        client = self.session(
            self.role(
                [
                    {
                        "Effect": "Allow",
                        "Action": "cloudformation:CreateChangeSet",
                        "Resource": "*",
                        "Condition": {
                            "StringLike": {
                                "cloudformation:TemplateUrl": f"https://s3.{local_suite.REGION}.amazonaws.com/{bucket}/deployments/templates/*"
                            }
                        },
                    }
                ]
            ),
            "cloudformation",
        )
        asked = {"StackName": local_suite.unique("stack-"), "ChangeSetName": "c", "ChangeSetType": "CREATE"}
        self.refused(
            "AccessDenied",
            client.create_change_set,
            **asked,
            TemplateURL=f"{self.suite.endpoint}/{bucket}/configs/a.yaml",
        )
        self.refused("AccessDenied", client.create_change_set, **asked, TemplateBody="{}")
        client.create_change_set(
            **asked, TemplateURL=f"{self.suite.endpoint}/{bucket}/deployments/templates/a.yaml?versionId={version}"
        )

    def test_policies_of_aws_that_starter_attaches_reach_every_bucket(self):
        name, bucket = self.role([]), self.bucket()
        self.refused("AccessDenied", self.session(name, "s3").put_object, Bucket=bucket, Key="k", Body=b"")
        for policy in (
            "AWSLambdaExecute",
            "AmazonS3ReadOnlyAccess",
            "AmazonSSMReadOnlyAccess",
            "AmazonSageMakerFullAccess",
        ):
            self.suite.client("iam").attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
        client = self.session(name, "s3")
        client.put_object(Bucket=bucket, Key="k", Body=b"")
        client.list_objects_v2(Bucket=bucket)
        self.refused("AccessDenied", client.delete_bucket, Bucket=bucket)

    def test_a_user_has_the_rights_of_its_policies(self):
        codecommit, iam = self.suite.client("codecommit"), self.suite.client("iam")
        mine, other, user = (local_suite.unique() for _ in range(3))
        for name in (mine, other):
            codecommit.create_repository(repositoryName=name)
        iam.create_user(UserName=user)
        iam.put_user_policy(
            UserName=user,
            PolicyName="p",
            PolicyDocument=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": "codecommit:GetRepository",
                            "Resource": f"arn:aws:codecommit:{local_suite.REGION}:{local_suite.ACCOUNT}:{mine}",
                        }
                    ],
                }
            ),
        )
        operator = self.suite.client_with("codecommit", iam.create_access_key(UserName=user)["AccessKey"])
        assert operator.get_repository(repositoryName=mine)["repositoryMetadata"]["repositoryName"] == mine
        self.refused("AccessDeniedException", operator.get_repository, repositoryName=other)
        self.refused("AccessDeniedException", operator.list_repositories)
