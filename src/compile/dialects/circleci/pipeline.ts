// Pipeline values (`pipeline.git.branch` …) and pipeline parameters: what of the outside world a configuration may
// see while it compiles. Text that came with a commit or an event is marked when it could change a script.

import type { PlanInputs, PullRequest, RunEvent, RunFacts } from '../../../protocol/plan.ts'
import type { Spot } from '../../source/file.ts'
import { computedNode, type ScalarNode, type ScalarValue, type SourceNode } from '../../source/node.ts'
import { didYouMean } from '../../suggest.ts'
import type { Compiling } from './compiling.ts'

/** Known to the platform and not (yet) to a plan, which depends only on files, event and parameters: unset. */
const unsetNames = (
  'name definition.id integration_source git.repo_id ' +
  'config.repository.name config.repository.url config.file_path config.ref config.sha trigger.id trigger.type ' +
  'trigger.received_at schedule.name schedule.id trigger_parameters.circleci.trigger_type ' +
  'trigger_parameters.circleci.event_time trigger_parameters.circleci.actor_id'
).split(' ')

/** What a source host or another trigger tells has more names than can be listed. */
const unsetFamilies = ['event.github', 'trigger_parameters.github_app', 'trigger_parameters.gitlab']
  .concat('trigger_parameters.webhook', 'deploy')
  .map((family) => `pipeline.${family}.`)

const isParameter = (name: string): boolean => name.startsWith('pipeline.parameters.')

/** undefined: there is no such parameter, or it is no name of a pipeline. What the platform does not know it leaves empty. */
export const pipelineValue = (
  values: ReadonlyMap<string, SourceNode>,
  name: string,
): SourceNode | undefined =>
  values.get(name) ??
  (name.startsWith('pipeline.') && !isParameter(name) ? values.get('pipeline.name') : undefined)

/** For the plan, which is of this run only when it shows something of it. */
export const showPipelineValue = (
  { pipeline, shown }: Pick<Compiling, 'pipeline' | 'shown'>,
  name: string,
): SourceNode | undefined => {
  if (namesOfRun.has(name)) shown.add(name)
  return pipelineValue(pipeline, name)
}

/** Likely a slip: nobody should have to find out from an empty text. */
export const warnUnknownValue = (
  { problems, pipeline }: Pick<Compiling, 'problems' | 'pipeline'>,
  at: () => Spot,
  name: string,
): void => {
  const isKnown = pipeline.has(name) || unsetFamilies.some((family) => name.startsWith(family))
  if (isKnown || !name.startsWith('pipeline.') || isParameter(name)) return
  const message = `there is no value "${name.slice(0, 80)}"; it is empty, as on its platform`
  problems.add('W_UNSET_VALUE', at(), message, () => didYouMean(name, pipeline.keys()))
}

/** A legacy word for the kind of source host; what is built from it names a project of this installation. */
const projectType = 'mayfly'

type OfRun = (run: RunFacts, event: RunEvent) => string | number | boolean | null | undefined

const pull = (read: (pull: PullRequest) => string | number | boolean | undefined): OfRun => {
  return ({ change }) => change?.pullRequest && read(change.pullRequest)
}
const eventName: OfRun = ({ change }, { kind }) =>
  kind === 'push' ? (change?.pullRequest ? 'pull_request' : 'push') : null
const subject: OfRun = ({ commit }) => commit?.subject

/** Serial groups are named by it, which take these characters and no others. */
const slugOf = (name: string): string => name.replaceAll(/[^A-Za-z0-9._-]+/g, '-')

/** Of the run, its project, its repository and what told of it: a plan that shows one of these is of one run. */
const ofRun: Readonly<Record<string, OfRun>> = {
  id: ({ id }) => id,
  number: ({ number }) => number,
  'project.git_url': ({ url }) => url,
  'project.type': () => projectType,
  'project.slug': ({ organisation, project }) =>
    [projectType, ...[organisation, project].map(slugOf)].join('/'),
  'git.branch.is_default': ({ defaultBranch }, { branch }) => branch === defaultBranch,
  'git.base_revision': ({ change }) => change?.base,
  'git.repo_url': ({ url }) => url,
  'git.repo_owner': ({ organisation }) => organisation,
  'git.repo_name': ({ project }) => project,
  'git.commit.subject': subject,
  'git.commit.body': ({ commit }) => commit?.body,
  'git.commit.url': ({ change }) => change?.commit?.url,
  'git.commit.author_login': ({ change }) => change?.commit?.author,
  'event.name': eventName,
  'event.action': pull(({ action }) => action),
  'event.context.github.pr_url': pull(({ url }) => url),
  'event.github.ref': (_, { ref }) => ref,
  'event.github.repository.default_branch': ({ defaultBranch }) => defaultBranch,
  'event.github.pull_request.number': pull(({ number }) => number),
  'event.github.pull_request.html_url': pull(({ url }) => url),
  'event.github.pull_request.title': pull(({ title }) => title),
  'event.github.pull_request.draft': pull(({ draft }) => draft),
  'event.github.pull_request.user.login': pull(({ author }) => author),
  'event.github.pull_request.base.ref': pull(({ base }) => base),
  'event.github.pull_request.head.ref': (run, { branch }) => run.change?.pullRequest && branch,
  'event.github.pull_request.head.sha': (run, { commit }) => run.change?.pullRequest && commit,
  'trigger_parameters.circleci.event_type': eventName,
  'trigger_parameters.github_app.ref': (_, { ref }) => ref,
  'trigger_parameters.github_app.branch': (_, { branch }) => branch,
  'trigger_parameters.github_app.checkout_sha': (_, { commit }) => commit,
  'trigger_parameters.github_app.commit_sha': (_, { commit }) => commit,
  'trigger_parameters.github_app.commit_title': subject,
  'trigger_parameters.github_app.commit_author_name': ({ commit }) => commit?.author,
  'trigger_parameters.github_app.repo_name': ({ project }) => project,
  'trigger_parameters.github_app.repo_url': ({ url }) => url,
  'trigger_parameters.github_app.default_branch': ({ defaultBranch }) => defaultBranch,
}

/** Of the others whoever owns the project has written what they are. */
const outside = /^(?:git\.commit|event|trigger_parameters)\./

const namesOfRun: ReadonlySet<string> = new Set(Object.keys(ofRun).map((name) => `pipeline.${name}`))

const triggerSource = {
  push: 'webhook',
  manual: 'api',
  local: 'api',
  schedule: 'scheduled_pipeline',
} as const

/** Decision 6: stands in a script as one harmless word, quoted or not. Git forbids a leading "-" in names, so does this. */
const harmless = /^[A-Za-z0-9._/@:+][A-Za-z0-9._/@:+-]*$/

export const createPipelineValues = (
  { event, untrustedInScripts, run }: PlanInputs,
  at: Spot,
): Map<string, ScalarNode> => {
  const values = new Map<string, ScalarNode>()
  const unset: ScalarValue = { type: 'null', value: null }
  for (const name of unsetNames) values.set(`pipeline.${name}`, computedNode(at, unset))
  const set = (name: string, value: string | number | boolean | null, isOutside = true): void => {
    const isText = typeof value === 'string' && value !== ''
    const isSafe = !isText || !isOutside || untrustedInScripts === true || harmless.test(value)
    const untrusted = isSafe ? undefined : name
    values.set(name, computedNode(at, value === null ? unset : typed(value), untrusted))
  }
  for (const [name, read] of Object.entries(ofRun))
    set(`pipeline.${name}`, (run && read(run, event)) ?? null, outside.test(name))
  set('pipeline.git.branch', event.branch)
  set('pipeline.git.tag', event.tag)
  set('pipeline.git.revision', event.commit)
  set('pipeline.trigger_source', triggerSource[event.kind])
  // Whoever owns the project has named it.
  if (event.schedule && event.schedule.workflow === undefined)
    for (const [name, value] of Object.entries(event.schedule))
      values.set(`pipeline.schedule.${name}`, computedNode(at, typed(value)))
  return values
}

const typed = (value: string | number | boolean): ScalarValue => {
  if (typeof value === 'string') return { type: 'string', value }
  return typeof value === 'number' ? { type: 'integer', value } : { type: 'boolean', value }
}
