"""CodeCommit, CodePipeline and SageMaker: the service APIs, called directly."""

import json

import pytest

from mlp_tests import local_suite


class TestCodeCommit(local_suite.Case):
    @pytest.fixture(autouse=True)
    def prepared(self, on_a_suite):
        self.codecommit = self.suite.client("codecommit")

    def test_a_repository_lives_and_dies(self):
        name = local_suite.unique("repo-")
        made = self.codecommit.create_repository(repositoryName=name, repositoryDescription="d", tags={"Owner": "me"})[
            "repositoryMetadata"
        ]
        assert made["Arn"] == f"arn:aws:codecommit:{local_suite.REGION}:{local_suite.ACCOUNT}:{name}"
        assert made["cloneUrlHttp"] == f"https://git-codecommit.{local_suite.REGION}.amazonaws.com/v1/repos/{name}"
        assert name in [r["repositoryName"] for r in self.codecommit.list_repositories()["repositories"]]
        assert self.codecommit.list_tags_for_resource(resourceArn=made["Arn"])["tags"] == {"Owner": "me"}
        self.codecommit.update_repository_description(repositoryName=name, repositoryDescription="e")
        assert self.codecommit.get_repository(repositoryName=name)["repositoryMetadata"]["repositoryDescription"] == "e"
        assert self.codecommit.delete_repository(repositoryName=name)["repositoryId"] == made["repositoryId"]
        assert "repositoryId" not in self.codecommit.delete_repository(repositoryName=name)

    def test_refusals_have_their_names(self):
        name = local_suite.unique("repo-")
        self.codecommit.create_repository(repositoryName=name)
        self.refused("RepositoryNameExistsException", self.codecommit.create_repository, repositoryName=name)
        self.refused("RepositoryDoesNotExistException", self.codecommit.get_repository, repositoryName="none")
        self.refused("InvalidRepositoryNameException", self.codecommit.create_repository, repositoryName="a.git")
        self.refused("InvalidRepositoryNameException", self.codecommit.create_repository, repositoryName="a b")
        self.refused(
            "InvalidSystemTagUsageException", self.codecommit.create_repository, repositoryName="a", tags={"aws:x": "y"}
        )


class TestCodePipeline(local_suite.Case):
    @pytest.fixture(autouse=True)
    def prepared(self, on_a_suite):
        self.codepipeline = self.suite.client("codepipeline")

    def definition(self, **changes):
        source = {
            "name": "Source",
            "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "S3", "version": "1"},
            "configuration": {"S3Bucket": "b", "S3ObjectKey": "k.zip"},
            "outputArtifacts": [{"name": "Code"}],
        }
        build = {
            "name": "Build",
            "actionTypeId": {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"},
            "configuration": {"ProjectName": "p"},
            "inputArtifacts": [{"name": "Code"}],
        }
        return {
            "name": local_suite.unique("pipe-"),
            "roleArn": self.suite.role("codepipeline.amazonaws.com"),
            "artifactStore": {"type": "S3", "location": "artifacts"},
            "pipelineType": "V2",
            "stages": [{"name": "Source", "actions": [source]}, {"name": "Build", "actions": [build]}],
            **changes,
        }

    def test_a_pipeline_lives_and_dies(self):
        definition = self.definition()
        name = definition["name"]
        self.codepipeline.create_pipeline(pipeline=definition, tags=[{"key": "Owner", "value": "me"}])
        assert self.codepipeline.get_pipeline(name=name)["pipeline"]["version"] == 1
        self.codepipeline.update_pipeline(pipeline=definition)
        answer = self.codepipeline.get_pipeline(name=name)
        assert answer["pipeline"]["version"] == 2
        assert self.codepipeline.list_tags_for_resource(resourceArn=answer["metadata"]["pipelineArn"])["tags"] == [
            {"key": "Owner", "value": "me"}
        ]
        assert name in [p["name"] for p in self.codepipeline.list_pipelines()["pipelines"]]
        started = self.codepipeline.start_pipeline_execution(name=name)["pipelineExecutionId"]
        runs = self.codepipeline.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"]
        assert [r["trigger"]["triggerType"] for r in runs] == ["StartPipelineExecution", "CreatePipeline"]
        assert runs[0]["pipelineExecutionId"] == started
        self.codepipeline.delete_pipeline(name=name)
        self.refused("PipelineNotFoundException", self.codepipeline.get_pipeline, name=name)

    def test_structures_that_do_not_hold_are_refused(self):
        def broken(change):
            definition = self.definition()
            change(definition)
            return {"pipeline": definition}

        for code, change in (
            ("InvalidStructureException", lambda d: d["stages"].pop()),
            ("InvalidStructureException", lambda d: d.pop("artifactStore")),
            ("InvalidStructureException", lambda d: d["stages"].reverse()),
            ("InvalidStructureException", lambda d: d["stages"][1].update(name="Source")),
            ("InvalidStructureException", lambda d: d.update(roleArn=self.suite.role("codebuild.amazonaws.com"))),
            (
                "InvalidStructureException",
                lambda d: d.update(roleArn=f"arn:aws:iam::{local_suite.ACCOUNT}:role/nobody"),
            ),
            (
                "InvalidActionDeclarationException",
                lambda d: d["stages"][1]["actions"][0].update(inputArtifacts=[{"name": "Other"}]),
            ),
            (
                "InvalidActionDeclarationException",
                lambda d: d["stages"][1]["actions"][0].update(outputArtifacts=[{"name": "Code"}]),
            ),
            (
                "InvalidActionDeclarationException",
                lambda d: d["stages"][0]["actions"][0]["configuration"].pop("S3ObjectKey"),
            ),
            ("InvalidActionDeclarationException", lambda d: d["stages"][1]["actions"][0].pop("inputArtifacts")),
            ("ValidationException", lambda d: d.update(name="no spaces")),
            ("ValidationException", lambda d: d.update(roleArn="role")),
        ):
            self.refused(code, self.codepipeline.create_pipeline, **broken(change))

    def test_a_name_is_used_once(self):
        definition = self.definition()
        self.codepipeline.create_pipeline(pipeline=definition)
        self.refused("PipelineNameInUseException", self.codepipeline.create_pipeline, pipeline=definition)


class TestSageMaker(local_suite.Case):
    @pytest.fixture(autouse=True)
    def prepared(self, on_a_suite):
        self.sagemaker = self.suite.client("sagemaker")

    def test_a_group_lives_and_dies(self):
        name = local_suite.unique("group-")
        arn = self.sagemaker.create_model_package_group(
            ModelPackageGroupName=name, Tags=[{"Key": "Owner", "Value": "me"}]
        )["ModelPackageGroupArn"]
        assert arn == f"arn:aws:sagemaker:{local_suite.REGION}:{local_suite.ACCOUNT}:model-package-group/{name}"
        assert (
            self.sagemaker.describe_model_package_group(ModelPackageGroupName=arn)["ModelPackageGroupStatus"]
            == "Completed"
        )
        assert self.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "Owner", "Value": "me"}]
        found = self.sagemaker.list_model_package_groups(NameContains=name)["ModelPackageGroupSummaryList"]
        assert [g["ModelPackageGroupName"] for g in found] == [name]
        self.sagemaker.delete_model_package_group(ModelPackageGroupName=name)
        assert "does not exist" in self.refused(
            "ValidationException", self.sagemaker.describe_model_package_group, ModelPackageGroupName=name
        )

    def test_refusals_have_their_names(self):
        name = local_suite.unique("group-")
        self.sagemaker.create_model_package_group(ModelPackageGroupName=name)
        assert "already exists" in self.refused(
            "ValidationException", self.sagemaker.create_model_package_group, ModelPackageGroupName=name
        )
        for wrong in ("under_score", "-lead", "a" * 64):
            self.refused("ValidationException", self.sagemaker.create_model_package_group, ModelPackageGroupName=wrong)

    def test_an_approval_is_an_event_that_starts_a_pipeline(self):
        pipelines, events = self.suite.client("codepipeline"), self.suite.client("events")
        definition = TestCodePipeline.definition(self)
        pipelines.create_pipeline(pipeline=definition)
        group, rule = local_suite.unique("group-"), local_suite.unique("rule-")
        self.sagemaker.create_model_package_group(ModelPackageGroupName=group)
        events.put_rule(
            Name=rule,
            EventPattern=json.dumps(
                {
                    "source": ["aws.sagemaker"],
                    "detail-type": ["SageMaker Model Package State Change"],
                    "detail": {"ModelPackageGroupName": [group], "ModelApprovalStatus": ["Approved"]},
                }
            ),
        )
        events.put_targets(
            Rule=rule,
            Targets=[
                {
                    "Id": "deploy",
                    "RoleArn": self.suite.role("events.amazonaws.com"),
                    "Arn": f"arn:aws:codepipeline:{local_suite.REGION}:{local_suite.ACCOUNT}:{definition['name']}",
                }
            ],
        )
        package = self.sagemaker.create_model_package(ModelPackageGroupName=group)["ModelPackageArn"]

        def runs():
            listed = pipelines.list_pipeline_executions(pipelineName=definition["name"])
            return [it["trigger"]["triggerType"] for it in listed["pipelineExecutionSummaries"]]

        assert runs() == ["CreatePipeline"]
        self.sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
        assert local_suite.eventually(lambda: runs() == ["CloudWatchEvent", "CreatePipeline"]), runs()
        self.refused("ConflictException", self.sagemaker.delete_model_package_group, ModelPackageGroupName=group)
