// Says yes or no to a job that waits for a person.
import { fault } from '../../base/faults.ts'
import type { Job, JobApproval, Run } from '../../protocol/api/shapes.ts'
import { connect } from '../api/connect.ts'
import { jobNamed, splitRef } from '../api/find-job.ts'
import { findRun } from '../api/find-run.ts'
import { inertText } from '../inert.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = {
  readonly json?: boolean
  readonly project?: string
  readonly job?: string
  readonly message?: string
  readonly who?: boolean
}

const decide =
  (route: 'jobApprove' | 'jobReject') =>
  async (around: Surroundings, flags: Flags, given: string | undefined): Promise<number> => {
    const api = await connect(around)
    const { ref, job: word } = splitRef({ ref: given, job: flags.job })
    const run = await findRun(around, api, { ref, project: flags.project })
    const job = word === undefined ? theOneOnHold(run) : jobNamed(run, word)
    if (flags.who) return showRule(around, flags, await api.call('jobApproval', { params: { job: job.id } }))
    const body = flags.message === undefined ? {} : { comment: flags.message }
    const after = await api.call(route, { params: { job: job.id }, body })
    if (flags.json) around.stdout.write(`${JSON.stringify(after)}\n`)
    else {
      const isWaiting = after.jobs.find(({ id }) => id === job.id)?.status === 'on_hold'
      const answer =
        route === 'jobReject' ? 'rejected' : isWaiting ? 'approved by you and waits for others' : 'approved'
      around.stderr.write(inertText`${job.name} of #${run.number} is ${answer}: ${after.status}\n`)
    }
    return 0
  }

/** Without approving. */
const showRule = (around: Surroundings, { json }: Flags, rule: JobApproval): number => {
  const { people, given, rest, refusal, who } = rule
  const names = who?.map(({ name }) => name) ?? []
  if (json) around.stdout.write(`${JSON.stringify(rule)}\n`)
  else
    around.stdout.write(
      [
        inertText`asks     ${rest}; ${given} of ${people} approved`,
        inertText`you      ${refusal ?? 'may'}`,
        ...(who === null ? [] : [inertText`may      ${names.length === 0 ? 'nobody' : names.join(', ')}`]),
        '',
      ].join('\n'),
    )
  return 0
}

export const approve = decide('jobApprove')
export const reject = decide('jobReject')

const theOneOnHold = (run: Run): Job => {
  const held = run.jobs.filter((job) => job.status === 'on_hold')
  const [job] = held
  if (job === undefined) throw fault('E_CONFLICT', { public: `no job of #${run.number} waits for a person` })
  if (held.length === 1) return job
  const names = held.map(({ name }) => name).join(', ')
  throw fault('E_INPUT', { public: `#${run.number} waits for ${names}: name one with --job` })
}
