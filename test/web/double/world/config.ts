// What runs of the double were planned as, and reports of configurations: made by the real compiler, from texts that a stranger
// might have written.
import { compile } from '../../../../src/compile/index.ts'
import type { Construct, RunConfig } from '../../../../src/protocol/api/shapes.ts'
import { type PlanLine, planLines } from '../../../../src/protocol/plan-lines.ts'

const path = '.circleci/config.yml'
const text = `version: 2.1
orbs:
  tools: {commands: {greet: {parameters: {who: {type: string}}, steps: [{run: {name: Say hello, command: echo "hello << parameters.who >>"}}]}}}
jobs:
  unit:
    docker: [{image: cimg/node:24.11}]
    environment: {LONG: ${'a-word-that-goes-on-'.repeat(12)}}
    parallelism: 4
    steps:
      - checkout
      - tools/greet: {who: world}
      - run: |
          npm ci
          npm test -- --shard "$CIRCLE_NODE_INDEX"   # \u202ehidden
  deploy to production:
    machine: true
    steps: [setup_remote_docker, {run: {command: ./deploy.sh, no_output_timeout: 20m}}]
workflows:
  verify:
    jobs: [unit, {deploy to production: {requires: [unit], context: production}}]
`
const compiled = (config: string) =>
  compile({
    files: new Map([[path, config]]),
    event: { kind: 'push', ref: 'refs/heads/main', commit: 'a'.repeat(40), branch: 'main', tag: null },
    parameters: {},
    withConstructs: true,
  })

const configOf = (): RunConfig => {
  const result = compiled(text)
  if (!result.ok) return { plans: [] }
  const line = ({ indent, text: written, pointer }: PlanLine) => {
    const { via = [], ...at } = result.origins[pointer ?? ''] ?? {}
    return { indent, text: written, at: 'file' in at ? at : null, via: [...via] }
  }
  const workflows = planLines(result.plan).map(({ head, jobs }) => ({
    name: head.text.slice(0, -1),
    jobs: jobs.map(({ name, lines }) => ({ name, lines: lines.map(line) })),
  }))
  const sources = result.plan.source.map((source) => ({ ...source }))
  return { plans: [{ continued: false, digest: '3f'.repeat(32), sources, workflows }] }
}

/** Of the run whose configuration is wrong there is none. */
export const runConfigOf = (run: string): RunConfig => (run.endsWith('411') ? { plans: [] } : configOf())

export const lintOf = (
  body: Record<string, unknown>,
): { ok: boolean; problems: unknown[]; constructs: Construct[] } => {
  const files = body.files as Readonly<Record<string, string>>
  const { ok, problems, constructs = [] } = compiled(files[path] ?? '')
  return { ok, problems: [...problems], constructs: [...constructs] }
}
