// What a target of webhooks is told: thin bodies in three forms, made of what the tables say, once for each delivery. Names
// come from configurations and commits, so each is cut, and a message is below its bound whatever they are. Pure.
import { uuidOf } from '../../base/ids.ts'
import { pingEvent, type WebhookFormat, webhookMessageBytesMax } from '../../protocol/webhooks.ts'

export type Facts = {
  readonly message: string
  readonly event: string
  readonly at: Date
  /** Of what the event is about, then. */
  readonly status: string | null
  readonly webhook: { readonly id: string; readonly name: string }
  readonly organisation: { readonly id: string; readonly name: string }
  readonly project: { readonly id: string; readonly name: string; readonly url: string }
  readonly run: {
    readonly id: string
    readonly number: number
    readonly status: string
    readonly event: string
    readonly ref: string
    readonly commit: string
    readonly branch: string | null
    readonly tag: string | null
    readonly subject: string | null
    readonly author: string | null
    readonly createdAt: Date
  } | null
  readonly workflow: {
    readonly id: string
    readonly name: string
    readonly status: string
    /** A job of it may not use its context. */
    readonly isRefused: boolean
  } | null
  readonly job: {
    readonly id: string
    readonly number: number
    readonly name: string
    readonly status: string
    readonly startedAt: Date | null
    readonly finishedAt: Date | null
  } | null
}

/** Characters; one is at most six bytes of JSON. */
const textMax = 200

export const messageOf = (format: WebhookFormat, facts: Facts, serverUrl: string): string => {
  const body = JSON.stringify(cut(forms[format](facts, serverUrl)))
  if (Buffer.byteLength(body) >= webhookMessageBytesMax) throw new Error('a message above its bound')
  return body
}

export const contentTypeOf = (format: WebhookFormat): string =>
  format === 'cloudevents' ? 'application/cloudevents+json; charset=utf-8' : 'application/json'

const cut = (value: unknown): unknown => {
  if (typeof value === 'string')
    return value.length <= textMax ? value : `${value.slice(0, textMax).toWellFormed()}…`
  if (Array.isArray(value)) return value.map(cut)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, cut(member)]))
  return value
}

const iso = (at: Date | null): string | null => at?.toISOString() ?? null

const dataOf = (facts: Facts, serverUrl: string): object => {
  const { event, status, organisation, project, run, workflow, job, webhook } = facts
  const ofPing = event === pingEvent ? { webhook } : {}
  if (run === null) return { organisation, project: { id: project.id, name: project.name }, ...ofPing }
  const { createdAt, subject, author, ...rest } = run
  const ofJob = event.startsWith('job.')
  return {
    organisation,
    project: { id: project.id, name: project.name },
    run: {
      ...{ ...rest, ...(ofJob ? {} : { status }), url: runUrl(facts, serverUrl) },
      created_at: createdAt.toISOString(),
    },
    ...(job === null
      ? {}
      : {
          workflow: workflow === null ? null : { id: workflow.id, name: workflow.name },
          job: { id: job.id, number: job.number, name: job.name, status },
        }),
  }
}

const runUrl = ({ organisation, project, run }: Facts, serverUrl: string): string =>
  `${serverUrl}/${organisation.name}/${project.name}/runs/${run?.number ?? ''}`

const standard = (facts: Facts, serverUrl: string): object => ({
  type: facts.event,
  timestamp: facts.at.toISOString(),
  data: dataOf(facts, serverUrl),
})

/** CloudEvents 1.0, structured mode. */
const cloudevents = (facts: Facts, serverUrl: string): object => ({
  specversion: '1.0',
  id: facts.message,
  source: `${serverUrl}/${facts.organisation.name}/${facts.project.name}`,
  type: `mayfly.${facts.event}`,
  subject: facts.job?.id ?? facts.run?.id ?? facts.webhook.id,
  time: facts.at.toISOString(),
  datacontenttype: 'application/json',
  data: dataOf(facts, serverUrl),
})

const circleci = (facts: Facts, serverUrl: string): object => {
  const { organisation, project, run, workflow, job, webhook } = facts
  const common = {
    type: facts.event,
    id: uuidOf(facts.message),
    happened_at: facts.at.toISOString(),
    webhook: { id: uuidOf(webhook.id), name: webhook.name },
    project: {
      id: uuidOf(project.id),
      name: project.name,
      slug: `mayfly/${organisation.name}/${project.name}`,
    },
    organization: { id: uuidOf(organisation.id), name: organisation.name },
  }
  if (run === null) return common
  return {
    ...common,
    pipeline: pipelineOf(run, project.url),
    ...(workflow === null ? {} : { workflow: workflowOf(facts, workflow, serverUrl) }),
    ...(job === null
      ? {}
      : {
          job: {
            ...{ id: uuidOf(job.id), name: job.name, number: job.number, status: wordOf(facts.status) },
            ...{ started_at: iso(job.startedAt), stopped_at: iso(job.finishedAt) },
          },
        }),
  }
}

const pipelineOf = (run: NonNullable<Facts['run']>, url: string) => ({
  id: uuidOf(run.id),
  number: run.number,
  created_at: run.createdAt.toISOString(),
  trigger: { type: triggers[run.event] ?? 'webhook' },
  vcs: {
    ...{ origin_repository_url: url, target_repository_url: url, revision: run.commit },
    ...(run.branch === null ? {} : { branch: run.branch }),
    ...(run.tag === null ? {} : { tag: run.tag }),
    commit: { subject: run.subject, author: { name: run.author } },
  },
})

const workflowOf = (facts: Facts, workflow: NonNullable<Facts['workflow']>, serverUrl: string) => {
  const isOver = facts.event === 'workflow-completed'
  return {
    ...{ id: uuidOf(workflow.id), name: workflow.name, created_at: iso(facts.run?.createdAt ?? null) },
    ...{ stopped_at: isOver ? facts.at.toISOString() : null, url: runUrl(facts, serverUrl) },
    ...(isOver
      ? { status: facts.status === 'skipped' && workflow.isRefused ? 'unauthorized' : wordOf(facts.status) }
      : {}),
  }
}

const triggers: Readonly<Record<string, string>> = {
  push: 'webhook',
  manual: 'api',
  schedule: 'scheduled_pipeline',
}

/** Their words for how it ended. */
const words: Readonly<Record<string, string>> = {
  passed: 'success',
  unstable: 'success',
  failed: 'failed',
  timed_out: 'failed',
  errored: 'error',
  cancelled: 'canceled',
  skipped: 'canceled',
}
const wordOf = (status: string | null): string => words[status ?? ''] ?? 'error'

const forms: Readonly<Record<WebhookFormat, (facts: Facts, serverUrl: string) => object>> = {
  standard,
  cloudevents,
  circleci,
}
