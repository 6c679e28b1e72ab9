//! Executions of `infra/state-machines/deploy.asl.json` itself, over CloudFormation in memory and a clock that passes when
//! everybody waits.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use mlp_aws::calls::{CallError, Kind};
use mlp_aws::cloudformation::answers::Answers;
use mlp_aws::cloudformation::stacks::{NewChangeSet, Stacks as _};
use mlp_aws::license_manager::{Checkout, LicenseDesk};
use mlp_operations::custom_resource::Respond;
use mlp_operations::drift::fleet::Totals;
use mlp_operations::drift::report::Coverage;
use mlp_operations::drift::{FleetReport, StackRef, Verdict, keys};
use mlp_operations::execution::aws::Aws;
use mlp_operations::execution::identity;
use mlp_operations::execution::keys::{approval, request};
use mlp_operations::execution::outcome::Report;
use mlp_operations::execution::settings::Settings;
use mlp_operations::license::{License, Licenses, Mode};
use mlp_operations::rules::RuleBook;
use mlp_operations::tasks::{Task, run};
use mlp_product::actions::Suite;
use mlp_testkit::memory::MemoryStore;
use mlp_testkit::memory_stacks::MemoryStacks;
use mlp_testkit::states::{Execution, Surroundings, Thrown, at_path, thrown};
use serde_json::{Value as Json, json};

const MACHINE: &str = include_str!("../../../../infra/state-machines/deploy.asl.json");

/// Among the choices: time passes.
pub(crate) const LATER: u8 = 255;

/// The tags that identify a product of the tests: of techcorp's tenant `a001`, for dev.
pub(crate) fn identity_tags(ml_name: &str) -> BTreeMap<String, String> {
    [
        ("ManagedBy", "ml-provisioner"),
        ("ml-provisioner:product", ml_name),
        ("ml-provisioner:company", "techcorp"),
        ("ml-provisioner:tenant", "a001"),
        ("ml-provisioner:environment", "dev"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

/// Longer than every wait of the machine together that a test may need.
const END_OF_DAYS: u64 = 30 * 24 * 3_600;

/// Where custom resources' requests are answered.
#[derive(Default)]
pub(crate) struct Ears {
    /// What was heard.
    pub(crate) heard: std::sync::Mutex<Vec<Json>>,
    /// How the next answers fail.
    pub(crate) fails: std::sync::Mutex<Vec<Kind>>,
}

impl Answers for Ears {
    async fn answer(&self, url: &str, body: &str) -> Result<(), CallError> {
        assert_eq!(url, URL);
        if let Some(kind) = self.fails.lock().unwrap().pop() {
            return Err(CallError {
                kind,
                operation: "PUT to the request's ResponseURL",
                reason: "told to".into(),
            });
        }
        self.heard.lock().unwrap().push(serde_json::from_str(body).unwrap());
        Ok(())
    }

    fn hears(&self, url: &str) -> bool {
        url == URL
    }
}

/// The address of every request.
pub(crate) const URL: &str =
    "https://cloudformation-custom-resource-response-uswest2.s3-us-west-2.amazonaws.com/x?secret";

/// Answers what it is told to.
#[derive(Default)]
pub(crate) struct Desk {
    pub(crate) says: std::sync::Mutex<Option<Kind>>,
}

impl LicenseDesk for Desk {
    fn checkout<'a>(
        &'a self,
        _: Checkout<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Option<SystemTime>, CallError>> + Send + 'a>> {
        let says = *self.says.lock().unwrap();
        Box::pin(async move {
            match says {
                None => Ok(None),
                Some(kind) => Err(CallError {
                    kind,
                    operation: "license-manager:CheckoutLicense",
                    reason: "told to".into(),
                }),
            }
        })
    }
}

/// Something that others do.
pub(crate) type Meanwhile = fn(&World);

/// What somebody answers a request for approval.
#[derive(Debug, Clone)]
pub(crate) enum Decision {
    /// `mlp approve`, by this identity.
    Approve(&'static str),
    /// `SendTaskSuccess` with this output, by somebody who knows the token alone.
    Success(Json),
    /// `SendTaskFailure` with this error and cause.
    Failure(&'static str, &'static str),
}

/// The account that the executions work in.
pub(crate) struct World {
    pub(crate) stacks: MemoryStacks,
    pub(crate) store: MemoryStore,
    pub(crate) desk: Desk,
    pub(crate) ears: Ears,
    pub(crate) settings: Settings,
    /// The tasks that were carried out, by name.
    pub(crate) tasks: RefCell<Vec<String>>,
    /// The next invocation of a task is ended after so many of its steps.
    pub(crate) deaths: RefCell<Vec<(&'static str, usize)>>,
    /// Every task is carried out twice.
    pub(crate) twice: Cell<bool>,
    /// What approvers have said, by the executions' names.
    pub(crate) decisions: RefCell<BTreeMap<String, Decision>>,
    /// The messages to approvers.
    pub(crate) mails: RefCell<Vec<String>>,
    /// What happens while an approval is waited for, one after the other.
    pub(crate) meanwhile: RefCell<VecDeque<Meanwhile>>,
    /// What happens right before the next invocation of a task.
    pub(crate) before: RefCell<Vec<(&'static str, Meanwhile)>>,
    /// VPCs, subnets and security groups that are there.
    pub(crate) network: RefCell<Vec<Json>>,
    /// How many addresses hear of approvals.
    pub(crate) subscribed: RefCell<&'static str>,
    /// VPC endpoints that are there.
    pub(crate) endpoints: RefCell<Vec<Json>>,
    /// With which error EC2 refuses to tell of them.
    pub(crate) endpoints_refused: RefCell<Option<&'static str>>,
    /// The zones of every endpoint service; all, if empty.
    pub(crate) service_zones: RefCell<Vec<&'static str>>,
    /// The private hosted zones of the VPC.
    pub(crate) hosted_zones: RefCell<Vec<Json>>,
    /// Attributes of VPCs that are off.
    pub(crate) switched_off: RefCell<Vec<&'static str>>,
    /// What IAM counts.
    pub(crate) account: RefCell<Json>,
    /// Pipelines that are there.
    pub(crate) pipelines: RefCell<Vec<Json>>,
    /// What SageMaker says of the model registry: its versions, or an error with its cause.
    pub(crate) models: RefCell<Result<Vec<Json>, (&'static str, &'static str)>>,
    /// What IAM says of the service role the next time; one that trusts CloudFormation, if nothing is said.
    pub(crate) trust: RefCell<Option<Result<Json, &'static str>>>,
    /// The managed stacks, with what the drift function will say of each.
    pub(crate) fleet: RefCell<Vec<(&'static str, Verdict)>>,
    /// What the drift function answers, and after how many seconds the run has ended; `done` and at once, if empty.
    pub(crate) drift: RefCell<VecDeque<(&'static str, u64)>>,
    /// What it was called with.
    pub(crate) ordered: RefCell<Vec<Json>>,
    runs: RefCell<BTreeMap<String, (u64, Json)>>,
    /// How long an invocation may work.
    pub(crate) time: Cell<Duration>,
    announced: Cell<usize>,
    sleepers: RefCell<BTreeMap<usize, u64>>,
    naps: Cell<usize>,
}

impl World {
    /// The ARN of an execution.
    pub(crate) fn execution(name: &str) -> String {
        format!("arn:aws:states:us-west-2:123456789012:execution:MLProvisionerDeploy:{name}")
    }

    /// Puts a change set of another principal into a stack, in the place of the execution's own, under the same name.
    pub(crate) fn replace_change_set(&self, stack: &str, execution: &str) {
        let name = identity::Execution::new(&Self::execution(execution)).change_set(0);
        let theirs = of_others(stack, &name, "theirs");
        mlp_testkit::memory::run(self.stacks.delete_change_set(stack, &name)).unwrap();
        mlp_testkit::memory::run(self.stacks.create_change_set(&theirs)).unwrap();
        self.stacks.advance_to(self.stacks.clock() + 60);
    }

    pub(crate) fn new() -> Self {
        Self {
            stacks: MemoryStacks::default(),
            store: MemoryStore::versioned(),
            desk: Desk::default(),
            ears: Ears::default(),
            settings: Settings {
                bucket: "suite".to_owned(),
                partition: "aws".to_owned(),
                suite: Suite {
                    region: Some("us-west-2".into()),
                    account_id: Some("123456789012".into()),
                    ..Suite::default()
                },
                ..Settings::default()
            },
            tasks: RefCell::default(),
            deaths: RefCell::default(),
            twice: Cell::new(false),
            decisions: RefCell::default(),
            mails: RefCell::default(),
            meanwhile: RefCell::default(),
            before: RefCell::default(),
            network: RefCell::default(),
            subscribed: RefCell::new("1"),
            endpoints: RefCell::default(),
            endpoints_refused: RefCell::default(),
            service_zones: RefCell::default(),
            hosted_zones: RefCell::default(),
            switched_off: RefCell::default(),
            account: RefCell::new(
                json!({"Roles": 12, "RolesQuota": 1_000, "Policies": 7, "PoliciesQuota": 1_500}),
            ),
            pipelines: RefCell::default(),
            models: RefCell::new(Ok(Vec::new())),
            trust: RefCell::default(),
            fleet: RefCell::default(),
            drift: RefCell::default(),
            ordered: RefCell::default(),
            runs: RefCell::default(),
            time: Cell::new(Duration::from_mins(1)),
            announced: Cell::new(0),
            sleepers: RefCell::default(),
            naps: Cell::new(0),
        }
    }

    pub(crate) fn with_license(mode: Mode) -> Self {
        let mut world = Self::new();
        let (sku, fingerprint) = ("sku".into(), "aws:1:I:".into());
        world.settings.license = License { mode, sku, fingerprint, account: None };
        world
    }

    /// Says what the approver of an execution answers, as soon as it waits.
    pub(crate) fn decide(&self, name: &str, decision: Decision) {
        self.decisions.borrow_mut().insert(name.to_owned(), decision);
    }

    fn decision(&self, arn: &str) -> Option<Decision> {
        self.decisions.borrow().get(arn.rsplit(':').next().unwrap()).cloned()
    }

    /// The request for approval of an execution, by its name or ARN.
    pub(crate) fn asked(&self, execution: &str) -> Json {
        let key = approval(execution.rsplit(':').next().unwrap());
        serde_json::from_slice(&self.store.content(&key).unwrap()).unwrap()
    }

    /// How often approvers were told.
    pub(crate) fn announced(&self) -> usize {
        self.announced.get()
    }

    /// The execution of a custom resource's request, which is kept first as the function that takes requests does.
    pub(crate) fn respond(&self, name: &str, input: &Json, respond: &Respond) -> Report {
        let kept = json!({"response_url": URL, "respond": respond});
        self.store.upload(&request(&respond.owner(), name), kept.to_string());
        let mut input = input.clone();
        input["respond"] = json!(respond);
        self.execute(name, &input)
    }

    /// One task of any state machine: its answer, or the error's name and cause.
    pub(crate) fn step(&self, payload: Json) -> Result<Json, (String, String)> {
        mlp_testkit::memory::run(self.invoke(payload)).map_err(|thrown| (thrown.error, thrown.cause))
    }

    /// One execution from beginning to end.
    pub(crate) fn execute(&self, name: &str, input: &Json) -> Report {
        self.all(vec![(name, input.clone())], &[]).remove(0)
    }

    /// Executions side by side. `choices` say which of those that can go on makes the next step; [`LATER`] lets time pass
    /// meanwhile, as it does when a call takes long.
    pub(crate) fn all(&self, executions: Vec<(&str, Json)>, choices: &[u8]) -> Vec<Report> {
        type Running<'a> = Pin<Box<dyn Future<Output = Report> + 'a>>;
        let mut running: Vec<Option<Running<'_>>> = executions
            .into_iter()
            .map(|(name, input)| {
                let name = name.to_owned();
                Some(Box::pin(async move { self.report(&name, input).await }) as Running<'_>)
            })
            .collect();
        let mut reports: Vec<Option<Report>> = running.iter().map(|_| None).collect();
        let mut context = Context::from_waker(Waker::noop());
        let mut choices = choices.iter().copied();
        while running.iter().any(Option::is_some) {
            let live: Vec<usize> = (0..running.len()).filter(|at| running[*at].is_some()).collect();
            let chosen: Vec<usize> = match choices.next() {
                Some(LATER) => {
                    let next =
                        self.sleepers.borrow().values().copied().filter(|at| *at > self.stacks.clock()).min();
                    self.stacks.advance_to(next.unwrap_or_default());
                    vec![]
                }
                Some(choice) => vec![live[usize::from(choice) % live.len()]],
                None => live.clone(),
            };
            for at in chosen {
                if let Some(Poll::Ready(report)) =
                    running[at].as_mut().map(|it| it.as_mut().poll(&mut context))
                {
                    running[at] = None;
                    reports[at] = Some(report);
                }
            }
            let live = running.iter().filter(|it| it.is_some()).count();
            let next = self.sleepers.borrow().values().min().copied();
            if let Some(next) = next.filter(|_| live > 0 && self.sleepers.borrow().len() == live) {
                assert!(next < END_OF_DAYS, "an execution waits for ever");
                self.stacks.advance_to(next);
            }
        }
        reports.into_iter().map(Option::unwrap).collect()
    }

    /// The result object of an execution: the output, or the cause of the failure.
    async fn report(&self, name: &str, input: Json) -> Report {
        match Execution::new(MACHINE, Self::execution(name), self).run(input).await {
            Ok(output) => {
                let report: Report = serde_json::from_value(output).unwrap();
                assert!(report.ok);
                report
            }
            Err(data) => {
                let report: Report = serde_json::from_value(data.clone()).unwrap();
                assert!(!report.ok);
                assert_eq!(
                    at_path(&data, "$.error.name").unwrap(),
                    report.error.as_ref().unwrap().name.as_str()
                );
                report
            }
        }
    }

    fn nap(&self, seconds: u64) -> impl Future<Output = ()> + '_ {
        let nap = self.naps.replace(self.naps.get() + 1);
        let until = self.stacks.clock() + seconds;
        std::future::poll_fn(move |_| {
            if self.stacks.clock() >= until {
                self.sleepers.borrow_mut().remove(&nap);
                return Poll::Ready(());
            }
            self.sleepers.borrow_mut().insert(nap, until);
            Poll::Pending
        })
    }

    /// The drift function, as its answers look from outside. The run's report also has stacks that it wasn't about.
    fn look_for_drift(&self, order: &Json) -> Result<Json, Thrown> {
        self.ordered.borrow_mut().push(order.clone());
        let (outcome, after) = self.drift.borrow_mut().pop_front().unwrap_or(("done", 0));
        if outcome == "fails" {
            return Err(thrown("MLProvisioner.DriftFailed", r#"{"errorMessage": "the bucket is gone"}"#));
        }
        let run = keys::run_of(order["name"].as_str(), 0, "");
        if outcome != "in-progress" {
            let ended = self.stacks.clock() + after;
            self.runs.borrow_mut().entry(run.clone()).or_insert((ended, order.clone()));
        }
        self.end_runs();
        Ok(json!({"outcome": outcome, "run": run}))
    }

    fn end_runs(&self) {
        let now = self.stacks.clock();
        let mut runs = self.runs.borrow_mut();
        let ended: Vec<String> =
            runs.iter().filter(|(_, (at, _))| *at <= now).map(|(run, _)| run.clone()).collect();
        for run in ended {
            let order = runs.remove(&run).unwrap().1;
            let wanted = |stack: &str| match (&order["stacks"], &order["prefix"]) {
                (Json::Array(names), _) => names.iter().any(|name| name == stack),
                (_, Json::String(prefix)) => stack.starts_with(prefix.as_str()),
                _ => true,
            };
            let fleet = self.fleet.borrow();
            let items: Vec<StackRef> = fleet
                .iter()
                .filter(|(stack, _)| wanted(stack))
                .map(|(stack, _)| StackRef {
                    stack: (*stack).to_owned(),
                    id: format!("arn:aws:cloudformation:us-west-2:123456789012:stack/{stack}/one"),
                    config: None,
                })
                .collect();
            let coverage = json!(Coverage::default());
            let lines: Vec<Json> = fleet
                .iter()
                .map(|(stack, verdict)| {
                    json!({"stack_name": stack, "verdict": verdict, "coverage": coverage, "findings": [], "ignored": 0,
                           "checked_at": ""})
                })
                .collect();
            let report = json!({
                "schema_version": 1, "run": run, "checked_at": "", "coverage": coverage, "stacks": lines, "new": [], "resolved": [],
                "changed": [], "ignore_list": [], "history": [], "generator_version": "0", "totals": Totals::default(),
            });
            let _: FleetReport = serde_json::from_value(report.clone()).unwrap();
            self.store.upload(&keys::items(&run), json!(items).to_string());
            self.store.upload(&keys::fleet(&run), report.to_string());
        }
    }

    /// One invocation of the function: a process of its own, which may die.
    async fn invoke(&self, payload: Json) -> Result<Json, Thrown> {
        self.end_runs();
        let step = payload["step"].as_str().unwrap().to_owned();
        self.tasks.borrow_mut().push(step.clone());
        let others = {
            let mut before = self.before.borrow_mut();
            let at = before.iter().position(|(of, _)| *of == step);
            at.map(|at| before.remove(at).1)
        };
        if let Some(others) = others {
            others(self);
        }
        let death = {
            let mut deaths = self.deaths.borrow_mut();
            let at = deaths.iter().position(|(of, _)| *of == step);
            at.map(|at| deaths.remove(at).1)
        };
        let task: Task = serde_json::from_value(payload).unwrap();
        let (rules, licenses) = (RuleBook::default(), Licenses::default());
        let aws = Aws {
            store: &self.store,
            stacks: &self.stacks,
            buckets: &self.stacks,
            parameters: &self.stacks,
            rules: &rules,
            answers: &self.ears,
            desk: &self.desk,
            licenses: &licenses,
            settings: &self.settings,
            time: self.time.get(),
            now: SystemTime::UNIX_EPOCH + Duration::from_secs(self.stacks.clock()),
        };
        let mut work = Box::pin(run(&aws, task));
        let mut steps = 0;
        let result = std::future::poll_fn(|context| {
            if death.is_some_and(|death| steps >= death) {
                return Poll::Ready(None);
            }
            steps += 1;
            work.as_mut().poll(context).map(Some)
        })
        .await;
        match result {
            // Out of time, or out of memory, as Lambda tells of it on provided.al2023.
            None if steps % 2 == 0 => Err(thrown("Sandbox.Timedout", "Task timed out after 90.00 seconds")),
            None => Err(thrown("Runtime.ExitError", "Error: Runtime exited with error: signal: killed")),
            Some(Ok(work)) => Ok(work),
            Some(Err(failure)) => {
                let name = failure.name.as_str();
                let cause = json!({"errorType": name, "errorMessage": failure.to_wire()});
                Err(thrown(name, &cause.to_string()))
            }
        }
    }
}

impl Surroundings for World {
    async fn sleep(&self, seconds: u64) {
        self.nap(seconds).await;
    }

    async fn call(
        &self,
        execution: &str,
        resource: &str,
        parameters: &Json,
        (state, data): (&Json, &Json),
    ) -> Result<Json, Thrown> {
        match resource {
            "lambda:invoke" if parameters["FunctionName"] == "${DriftFunction}" => {
                Ok(json!({"Payload": self.look_for_drift(&parameters["Payload"])?}))
            }
            "lambda:invoke" => {
                if self.twice.get() {
                    // The first answer gets lost.
                    let _ = self.invoke(parameters["Payload"].clone()).await;
                }
                Ok(json!({"Payload": self.invoke(parameters["Payload"].clone()).await?}))
            }
            "sns:publish" => {
                let subject = parameters["Subject"].as_str().unwrap();
                assert!(!subject.is_empty() && subject.is_ascii() && subject.len() <= 100, "{subject}");
                let message = parameters["Message"].as_str().unwrap();
                assert!(
                    message.contains("mlp approve")
                        && message.contains("https://us-west-2.console.aws.amazon.com/s3/object/suite?")
                );
                self.announced.set(self.announced() + 1);
                self.mails.borrow_mut().push(message.to_owned());
                Ok(Json::Null)
            }
            "lambda:invoke.waitForTaskToken" => {
                self.invoke(parameters["Payload"].clone()).await?;
                let seconds = at_path(data, state["TimeoutSecondsPath"].as_str().unwrap()).unwrap();
                let meanwhile = self.meanwhile.borrow_mut().pop_front();
                if let Some(meanwhile) = meanwhile {
                    meanwhile(self);
                }
                for _ in 0..seconds.as_u64().unwrap() {
                    match self.decision(execution) {
                        Some(Decision::Approve(by)) => {
                            let nonce = self.asked(execution)["nonce"].clone();
                            return Ok(json!({"approved": true, "by": by, "nonce": nonce}));
                        }
                        Some(Decision::Success(output)) => return Ok(output),
                        Some(Decision::Failure(error, cause)) => return Err(thrown(error, cause)),
                        None => {}
                    }
                    self.sleep(1).await;
                }
                Err(thrown("States.Timeout", ""))
            }
            other => self.looked_up(other, parameters),
        }
    }
}

impl World {
    /// What AWS answers when the state machine itself looks something up.
    fn looked_up(&self, call: &str, parameters: &Json) -> Result<Json, Thrown> {
        match call {
            "aws-sdk:sns:getTopicAttributes" => {
                Ok(json!({"Attributes": {"SubscriptionsConfirmed": *self.subscribed.borrow()}}))
            }
            "aws-sdk:iam:getAccountSummary" => Ok(json!({"SummaryMap": self.account.borrow().clone()})),
            "aws-sdk:codepipeline:listPipelines" => Ok(json!({"Pipelines": self.pipelines.borrow().clone()})),
            "aws-sdk:ec2:describeVpcAttribute" => {
                let attribute = parameters["Attribute"].as_str().unwrap();
                let is_on = !self.switched_off.borrow().contains(&attribute);
                let name = format!("{}{}", attribute[..1].to_uppercase(), &attribute[1..]);
                Ok(json!({name: {"Value": is_on}}))
            }
            "aws-sdk:ec2:describeVpcEndpoints" => {
                if let Some(error) = *self.endpoints_refused.borrow() {
                    return Err(thrown(error, "told to"));
                }
                let filters = parameters["Filters"].as_array().unwrap();
                let holds = |endpoint: &Json, filter: &Json| {
                    let key = match filter["Name"].as_str().unwrap() {
                        "vpc-id" => "VpcId",
                        "service-name" => "ServiceName",
                        "vpc-endpoint-type" => "VpcEndpointType",
                        other => panic!("{other} is filtered"),
                    };
                    filter["Values"].as_array().unwrap().contains(&endpoint[key])
                };
                let endpoints = self.endpoints.borrow();
                let found = endpoints.iter().filter(|it| filters.iter().all(|filter| holds(it, filter)));
                Ok(json!({"VpcEndpoints": found.collect::<Vec<_>>()}))
            }
            "aws-sdk:route53:listHostedZonesByVPC" => {
                assert!(parameters["VpcId"].is_string() && parameters["VpcRegion"] == "us-west-2");
                if let Some(error) = *self.endpoints_refused.borrow() {
                    return Err(thrown(error, "told to"));
                }
                Ok(json!({"HostedZoneSummaries": *self.hosted_zones.borrow(), "MaxItems": "100"}))
            }
            "aws-sdk:ec2:describeVpcEndpointServices" => {
                let zones = self.service_zones.borrow();
                let service = |name: &Json| {
                    let last = name.as_str().unwrap().rsplit('.').next().unwrap();
                    let dns = format!("{last}.us-west-2.amazonaws.com");
                    json!({"ServiceName": name, "AvailabilityZones": *zones, "PrivateDnsName": dns})
                };
                let services = parameters["ServiceNames"].as_array().unwrap().iter().map(service);
                Ok(json!({"ServiceDetails": services.collect::<Vec<_>>()}))
            }
            "aws-sdk:ec2:describeVpcs" => Ok(json!({"Vpcs": self.seen(parameters)})),
            "aws-sdk:ec2:describeSubnets" => Ok(json!({"Subnets": self.seen(parameters)})),
            "aws-sdk:iam:getRole" => {
                assert_eq!(parameters["RoleName"], "deployer");
                self.trust
                    .borrow_mut()
                    .take()
                    .unwrap_or_else(|| {
                        Ok(json!({"Statement": {
                    "Effect": "Allow", "Action": "sts:AssumeRole",
                    "Principal": {"Service": "cloudformation.amazonaws.com"}}}))
                    })
                    .map(|policy| json!({"Role": {"AssumeRolePolicyDocument": policy.to_string()}}))
                    .map_err(|error| thrown(error, "told to"))
            }
            "aws-sdk:sagemaker:listModelPackages" => {
                assert_eq!(parameters["ModelPackageGroupName"], "the-registry");
                let models = self.models.borrow().clone();
                models
                    .map(|models| json!({"ModelPackageSummaryList": models}))
                    .map_err(|(error, cause)| thrown(error, cause))
            }
            "aws-sdk:ec2:describeRouteTables" => Ok(json!({"RouteTables": self.seen(parameters)})),
            "aws-sdk:ec2:describeSecurityGroups" => Ok(json!({"SecurityGroups": self.seen(parameters)})),
            other => panic!("{other} is called"),
        }
    }

    /// What is there of the network, by the ids that are asked for.
    fn seen(&self, parameters: &Json) -> Json {
        let wanted = parameters["Filters"][0]["Values"].as_array().unwrap();
        let is_wanted = |it: &&Json| {
            let ids = ["SubnetId", "GroupId", "RouteTableId"];
            ids.iter().any(|key| wanted.contains(&it[*key]))
                || ids.iter().all(|key| it.get(*key).is_none()) && wanted.contains(&it["VpcId"])
        };
        self.network.borrow().iter().filter(is_wanted).cloned().collect()
    }
}

/// A change set that another principal asks for, with a template of its own.
pub(crate) fn of_others(stack: &str, name: &str, token: &str) -> NewChangeSet {
    NewChangeSet {
        stack: stack.to_owned(),
        name: name.to_owned(),
        template_url: "https://example.s3.amazonaws.com/admin.yaml".to_owned(),
        create: false,
        revert_drift: false,
        role: None,
        tags: Vec::new(),
        parameters: Vec::new(),
        token: token.to_owned(),
        description: "theirs".to_owned(),
    }
}
