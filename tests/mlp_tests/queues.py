"""Queues of the running suite: what topics and rules send, and what waits in a failure queue."""

import json
import uuid

from .suite import client


class Listener:
    """A queue of a test's own. `cleanup` removes what was created for it."""

    def __init__(self, cleanup):
        sqs = client("sqs")
        self.url = sqs.create_queue(QueueName=f"listener-{uuid.uuid4().hex[:8]}")["QueueUrl"]
        cleanup(sqs.delete_queue, QueueUrl=self.url)
        self._cleanup = cleanup
        self.arn = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        senders = {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]}
        may = {"Effect": "Allow", "Principal": senders, "Action": "sqs:SendMessage", "Resource": self.arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
        sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})

    def subscribe(self, topic):
        """Receives what a topic sends; returns the listener."""
        sns = client("sns")
        subscribed = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=self.arn)
        self._cleanup(sns.unsubscribe, SubscriptionArn=subscribed["SubscriptionArn"])
        return self

    def watch(self, pattern):
        """Receives the events that match a pattern; returns the listener."""
        events = client("events")
        rule = f"listener-{uuid.uuid4().hex[:8]}"
        events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": self.arn}])
        self._cleanup(events.delete_rule, Name=rule)
        self._cleanup(events.remove_targets, Rule=rule, Ids=["queue"])
        return self

    def received(self, seconds=2):
        return received(self.url, seconds)


def received(url, seconds=1, delete=False):
    """The bodies of the messages that a queue has, at most ten."""
    sqs = client("sqs")
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=seconds)
    messages = answer.get("Messages", [])
    for message in messages if delete else []:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [json.loads(message["Body"]) for message in messages]
