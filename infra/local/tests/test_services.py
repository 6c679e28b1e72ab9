"""CodeCommit, CodePipeline and SageMaker: the service APIs, called directly."""

import json

import suite


class CodeCommit(suite.Case):
    def setUp(self):
        self.codecommit = suite.client("codecommit")

    def test_a_repository_lives_and_dies(self):
        name = suite.unique("repo-")
        made = self.codecommit.create_repository(repositoryName=name, repositoryDescription="d",
                                                 tags={"Owner": "me"})["repositoryMetadata"]
        self.assertEqual(made["Arn"], f"arn:aws:codecommit:{suite.REGION}:{suite.ACCOUNT}:{name}")
        self.assertEqual(made["cloneUrlHttp"], f"https://git-codecommit.{suite.REGION}.amazonaws.com/v1/repos/{name}")
        self.assertIn(name, [r["repositoryName"] for r in self.codecommit.list_repositories()["repositories"]])
        self.assertEqual(self.codecommit.list_tags_for_resource(resourceArn=made["Arn"])["tags"], {"Owner": "me"})
        self.codecommit.update_repository_description(repositoryName=name, repositoryDescription="e")
        self.assertEqual(self.codecommit.get_repository(repositoryName=name)["repositoryMetadata"][
            "repositoryDescription"], "e")
        self.assertEqual(self.codecommit.delete_repository(repositoryName=name)["repositoryId"], made["repositoryId"])
        self.assertNotIn("repositoryId", self.codecommit.delete_repository(repositoryName=name))

    def test_refusals_have_their_names(self):
        name = suite.unique("repo-")
        self.codecommit.create_repository(repositoryName=name)
        self.refused("RepositoryNameExistsException", self.codecommit.create_repository, repositoryName=name)
        self.refused("RepositoryDoesNotExistException", self.codecommit.get_repository, repositoryName="none")
        self.refused("InvalidRepositoryNameException", self.codecommit.create_repository, repositoryName="a.git")
        self.refused("InvalidRepositoryNameException", self.codecommit.create_repository, repositoryName="a b")
        self.refused("InvalidSystemTagUsageException", self.codecommit.create_repository, repositoryName="a",
                     tags={"aws:x": "y"})


class CodePipeline(suite.Case):
    def setUp(self):
        self.codepipeline = suite.client("codepipeline")

    def definition(self, **changes):
        source = {"name": "Source", "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "S3",
                                                     "version": "1"},
                  "configuration": {"S3Bucket": "b", "S3ObjectKey": "k.zip"}, "outputArtifacts": [{"name": "Code"}]}
        build = {"name": "Build", "actionTypeId": {"category": "Build", "owner": "AWS", "provider": "CodeBuild",
                                                   "version": "1"},
                 "configuration": {"ProjectName": "p"}, "inputArtifacts": [{"name": "Code"}]}
        return {"name": suite.unique("pipe-"), "roleArn": suite.role("codepipeline.amazonaws.com"),
                "artifactStore": {"type": "S3", "location": "artifacts"}, "pipelineType": "V2",
                "stages": [{"name": "Source", "actions": [source]}, {"name": "Build", "actions": [build]}], **changes}

    def test_a_pipeline_lives_and_dies(self):
        definition = self.definition()
        name = definition["name"]
        self.codepipeline.create_pipeline(pipeline=definition, tags=[{"key": "Owner", "value": "me"}])
        self.assertEqual(self.codepipeline.get_pipeline(name=name)["pipeline"]["version"], 1)
        self.codepipeline.update_pipeline(pipeline=definition)
        answer = self.codepipeline.get_pipeline(name=name)
        self.assertEqual(answer["pipeline"]["version"], 2)
        self.assertEqual(self.codepipeline.list_tags_for_resource(
            resourceArn=answer["metadata"]["pipelineArn"])["tags"], [{"key": "Owner", "value": "me"}])
        self.assertIn(name, [p["name"] for p in self.codepipeline.list_pipelines()["pipelines"]])
        started = self.codepipeline.start_pipeline_execution(name=name)["pipelineExecutionId"]
        runs = self.codepipeline.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"]
        self.assertEqual([r["trigger"]["triggerType"] for r in runs], ["StartPipelineExecution", "CreatePipeline"])
        self.assertEqual(runs[0]["pipelineExecutionId"], started)
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
                ("InvalidStructureException", lambda d: d.update(roleArn=suite.role("codebuild.amazonaws.com"))),
                ("InvalidStructureException", lambda d: d.update(
                    roleArn=f"arn:aws:iam::{suite.ACCOUNT}:role/nobody")),
                ("InvalidActionDeclarationException",
                 lambda d: d["stages"][1]["actions"][0].update(inputArtifacts=[{"name": "Other"}])),
                ("InvalidActionDeclarationException",
                 lambda d: d["stages"][1]["actions"][0].update(outputArtifacts=[{"name": "Code"}])),
                ("InvalidActionDeclarationException",
                 lambda d: d["stages"][0]["actions"][0]["configuration"].pop("S3ObjectKey")),
                ("InvalidActionDeclarationException", lambda d: d["stages"][1]["actions"][0].pop("inputArtifacts")),
                ("ValidationException", lambda d: d.update(name="no spaces")),
                ("ValidationException", lambda d: d.update(roleArn="role"))):
            self.refused(code, self.codepipeline.create_pipeline, **broken(change))

    def test_a_name_is_used_once(self):
        definition = self.definition()
        self.codepipeline.create_pipeline(pipeline=definition)
        self.refused("PipelineNameInUseException", self.codepipeline.create_pipeline, pipeline=definition)


class SageMaker(suite.Case):
    def setUp(self):
        self.sagemaker = suite.client("sagemaker")

    def test_a_group_lives_and_dies(self):
        name = suite.unique("group-")
        arn = self.sagemaker.create_model_package_group(
            ModelPackageGroupName=name, Tags=[{"Key": "Owner", "Value": "me"}])["ModelPackageGroupArn"]
        self.assertEqual(arn, f"arn:aws:sagemaker:{suite.REGION}:{suite.ACCOUNT}:model-package-group/{name}")
        self.assertEqual(self.sagemaker.describe_model_package_group(ModelPackageGroupName=arn)[
            "ModelPackageGroupStatus"], "Completed")
        self.assertEqual(self.sagemaker.list_tags(ResourceArn=arn)["Tags"], [{"Key": "Owner", "Value": "me"}])
        found = self.sagemaker.list_model_package_groups(NameContains=name)["ModelPackageGroupSummaryList"]
        self.assertEqual([g["ModelPackageGroupName"] for g in found], [name])
        self.sagemaker.delete_model_package_group(ModelPackageGroupName=name)
        self.assertIn("does not exist", self.refused(
            "ValidationException", self.sagemaker.describe_model_package_group, ModelPackageGroupName=name))

    def test_refusals_have_their_names(self):
        name = suite.unique("group-")
        self.sagemaker.create_model_package_group(ModelPackageGroupName=name)
        self.assertIn("already exists", self.refused(
            "ValidationException", self.sagemaker.create_model_package_group, ModelPackageGroupName=name))
        for wrong in ("under_score", "-lead", "a" * 64):
            self.refused("ValidationException", self.sagemaker.create_model_package_group,
                         ModelPackageGroupName=wrong)

    def test_an_approval_is_an_event_that_starts_a_pipeline(self):
        pipelines, events = suite.client("codepipeline"), suite.client("events")
        definition = CodePipeline.definition(self)
        pipelines.create_pipeline(pipeline=definition)
        group, rule = suite.unique("group-"), suite.unique("rule-")
        self.sagemaker.create_model_package_group(ModelPackageGroupName=group)
        events.put_rule(Name=rule, EventPattern=json.dumps({
            "source": ["aws.sagemaker"], "detail-type": ["SageMaker Model Package State Change"],
            "detail": {"ModelPackageGroupName": [group], "ModelApprovalStatus": ["Approved"]}}))
        events.put_targets(Rule=rule, Targets=[{
            "Id": "deploy", "RoleArn": suite.role("events.amazonaws.com"),
            "Arn": f"arn:aws:codepipeline:{suite.REGION}:{suite.ACCOUNT}:{definition['name']}"}])
        package = self.sagemaker.create_model_package(ModelPackageGroupName=group)["ModelPackageArn"]
        runs = lambda: [r["trigger"]["triggerType"] for r in pipelines.list_pipeline_executions(
            pipelineName=definition["name"])["pipelineExecutionSummaries"]]
        self.assertEqual(runs(), ["CreatePipeline"])
        self.sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
        self.assertTrue(suite.eventually(lambda: runs() == ["CloudWatchEvent", "CreatePipeline"]), runs())
        self.refused("ConflictException", self.sagemaker.delete_model_package_group, ModelPackageGroupName=group)


if __name__ == "__main__":
    suite.unittest.main()
