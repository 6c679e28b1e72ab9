// Asks @cloud-copilot/iam-simulate: one JSON request a line in, one JSON answer a line out.
// The folder that `npm ci` filled is the first argument.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const { runSimulation } = createRequire(`${process.argv[2]}/`)('@cloud-copilot/iam-simulate')
const named = (documents, kind) => documents.map((policy, index) => ({ name: `${kind}${index}`, policy }))

async function decide (request) {
  const result = await runSimulation(
    {
      request: {
        principal: request.principal,
        action: request.action,
        contextVariables: request.context,
        resource: { resource: request.resource, accountId: request.account }
      },
      identityPolicies: named(request.identity, 'identity'),
      resourcePolicy: request.resource_policy ?? undefined,
      permissionBoundaryPolicies: request.boundary ? named([request.boundary], 'boundary') : undefined,
      serviceControlPolicies: [],
      resourceControlPolicies: []
    },
    { simulationMode: 'Strict' }
  )
  const parts = result.resultType === 'error' ? [] : result.result ? [result.result] : result.results
  return {
    decision: result.overallResult,
    error: result.errors ? JSON.stringify(result.errors) : undefined,
    ignored: parts.flatMap((part) => part.ignoredContextKeys ?? [])
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer
  try {
    answer = await decide(JSON.parse(line))
  } catch (error) {
    answer = { error: String(error.stack) }
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
