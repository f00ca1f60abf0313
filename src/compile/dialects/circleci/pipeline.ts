// Pipeline values (`pipeline.git.branch` …) and pipeline parameters: what of the outside world a configuration may
// see while it compiles. Text that came with a commit or an event is marked when it could change a script.

import type { PlanInputs, RunFacts } from '../../../protocol/plan.ts'
import type { Spot } from '../../source/file.ts'
import { computedNode, type ScalarNode, type ScalarValue, type SourceNode } from '../../source/node.ts'

/** Known to the platform and not (yet) to a plan, which depends only on files, event and parameters: unset. */
const unsetNames = (
  'name definition.id integration_source git.base_revision git.repo_id git.commit.url ' +
  'git.commit.subject git.commit.body git.commit.author_login config.repository.name config.repository.url ' +
  'config.file_path config.ref config.sha trigger.id trigger.type trigger.received_at schedule.name schedule.id ' +
  'event.name event.action event.context.github.pr_url ' +
  'trigger_parameters.circleci.trigger_type trigger_parameters.circleci.event_time ' +
  'trigger_parameters.circleci.event_type trigger_parameters.circleci.actor_id'
).split(' ')

/** What a source host or another trigger tells has more names than can be listed. */
const unsetFamilies = ['event.github', 'trigger_parameters.github_app', 'trigger_parameters.gitlab']
  .concat('trigger_parameters.webhook', 'deploy')
  .map((family) => `pipeline.${family}.`)

/** undefined: there is no such value. */
export const pipelineValue = (
  values: ReadonlyMap<string, SourceNode>,
  name: string,
): SourceNode | undefined =>
  values.get(name) ??
  (unsetFamilies.some((family) => name.startsWith(family)) ? values.get('pipeline.event.name') : undefined)

/** A legacy word for the kind of source host; what is built from it names a project of this installation. */
const projectType = 'mayfly'

/** Of the run, its project and its repository: a plan that shows one of these is of one run. */
const ofRun: Readonly<Record<string, (run: RunFacts, branch: string | null) => string | number | boolean>> = {
  id: ({ id }) => id,
  number: ({ number }) => number,
  'project.git_url': ({ url }) => url,
  'project.type': () => projectType,
  'project.slug': ({ organisation, project }) => `${projectType}/${organisation}/${project}`,
  'git.branch.is_default': ({ defaultBranch }, branch) => branch === defaultBranch,
  'git.repo_url': ({ url }) => url,
  'git.repo_owner': ({ organisation }) => organisation,
  'git.repo_name': ({ project }) => project,
}

const asking = new RegExp(`pipeline\\.(?:${Object.keys(ofRun).join('|').replaceAll('.', '\\.')})(?![\\w-])`)

export const asksForRun = (text: string): boolean => asking.test(text)

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
  const set = (name: string, value: string | null): void => {
    const isSafe = value === null || value === '' || untrustedInScripts === true || harmless.test(value)
    const untrusted = isSafe ? undefined : name
    values.set(name, computedNode(at, value === null ? unset : { type: 'string', value }, untrusted))
  }
  for (const [name, read] of Object.entries(ofRun))
    values.set(`pipeline.${name}`, computedNode(at, run ? typed(read(run, event.branch)) : unset))
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
