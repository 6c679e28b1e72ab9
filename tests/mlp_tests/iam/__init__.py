"""An evaluator of IAM policies, and what the proofs need to run it over templates.

`globs`           patterns, and whether a text exists that several patterns match
`evaluator`       statements, conditions, boundaries, resource policies: the decision about one request
`keys`            the condition keys that AWS knows
`cloudformation`  templates with their functions resolved
`managed`         AWS-managed policies
`suite`           roles, buckets, queues ... of infra/template.yaml
`products`        roles, policies and names of the golden templates
`calls`           what CloudFormation's handlers call for the resources of a product
"""
