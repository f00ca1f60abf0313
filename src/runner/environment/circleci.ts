// The variables that the CircleCI dialect promises to a job (config-dialects.md §2.14), made from the lease's facts. What
// nobody here knows stays unset (docs/guides/what-a-job-finds.md).
import { taskDataPath } from '../../protocol/job-commands.ts'
import type { PullRequest } from '../../protocol/plan.ts'
import type { Env, JobFacts } from '../../protocol/runner-wire.ts'
import { relayUrl } from '../setup/relay-program.ts'
import { sourceAddress } from '../source-address.ts'
import { bashEnvPath } from '../steps/shell.ts'

export const circleciEnvironment = (
  facts: JobFacts,
  { workdir, continuationKey }: { readonly workdir: string; readonly continuationKey?: string | undefined },
): Env => {
  const { organisation, project, run, workflow, job, shard } = facts
  return [
    ['CI', 'true'],
    ['CIRCLECI', 'true'],
    ...(run.event.branch === null ? [] : [['CIRCLE_BRANCH', run.event.branch] as const]),
    ...(run.event.tag === null ? [] : [['CIRCLE_TAG', run.event.tag] as const]),
    ['CIRCLE_SHA1', run.event.commit],
    ...(run.startedBy === undefined ? [] : [['CIRCLE_USERNAME', run.startedBy] as const]),
    ...pullRequestEnvironment(run.change?.pullRequest),
    ['CIRCLE_JOB', job.name],
    ['CIRCLE_BUILD_NUM', String(buildNumber(facts))],
    ['CIRCLE_BUILD_URL', pageOf(facts)],
    ['CIRCLE_NODE_INDEX', String(shard.index)],
    ['CIRCLE_NODE_TOTAL', String(shard.total)],
    ['CIRCLE_PROJECT_ID', project.id],
    ['CIRCLE_PROJECT_REPONAME', project.name],
    ['CIRCLE_PROJECT_USERNAME', organisation.name],
    ['CIRCLE_REPOSITORY_URL', sourceAddress(facts.source)],
    ['CIRCLE_ORGANIZATION_ID', organisation.id],
    ['CIRCLE_PIPELINE_ID', run.id],
    ['CIRCLE_WORKFLOW_ID', workflow.id],
    ['CIRCLE_WORKFLOW_JOB_ID', job.id],
    ['CIRCLE_WORKFLOW_WORKSPACE_ID', workflow.id],
    ['CIRCLE_WORKING_DIRECTORY', workdir],
    ['CIRCLE_INTERNAL_TASK_DATA', taskDataPath],
    ['CIRCLE_SHELL_ENV', bashEnvPath],
    ['BASH_ENV', bashEnvPath],
    ...(continuationKey === undefined ? [] : setupEnvironment(continuationKey)),
  ]
}

/**
 * Of no other job of the project, growing from run to run, and the same in all copies of a job: the platform numbers the
 * jobs of a project, we those of a run, of which there are fewer.
 */
export const buildNumber = ({ run, job, shard }: Pick<JobFacts, 'run' | 'job' | 'shard'>): number =>
  run.number * 10_000 + job.number - shard.index

/** The platform lists all pull requests of a branch; a delivery tells of one. */
const pullRequestEnvironment = (pull: PullRequest | undefined): Env =>
  pull === undefined
    ? []
    : [
        ['CIRCLE_PULL_REQUEST', pull.url],
        ['CIRCLE_PULL_REQUESTS', pull.url],
      ]

const setupEnvironment = (key: string): Env => [
  ['CIRCLE_CONTINUATION_KEY', key],
  ['MAYFLY_API_URL', relayUrl],
]

/** Of the job, as the web has it (web/runs/job-address.ts); the workflow, because its key may be in several. */
const pageOf = ({ serverUrl, organisation, project, run, workflow, job, shard }: JobFacts): string => {
  const segment = shard.total > 1 ? `${job.key}.${shard.index}` : job.key
  const path = [organisation.name, project.name, 'runs', String(run.number), 'jobs', segment]
  return `${serverUrl}/${path.map(encodeURIComponent).join('/')}?workflow=${encodeURIComponent(workflow.name)}`
}
