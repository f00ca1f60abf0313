// One project as it is, and the way to its source host: a runner looks there, and a person says which host key is the right one.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Attempt, Project } from '../../protocol/api/shapes.ts'
import type { ApiClient } from '../api/client.ts'
import { connect } from '../api/connect.ts'
import { inertText } from '../inert.ts'
import type { Surroundings } from '../surroundings.ts'
import { openHostKeys, trustCommand, typeOf } from './host-keys.ts'

type Flags = { readonly json?: boolean }

export const viewProject = async (around: Surroundings, flags: Flags, name: string): Promise<number> => {
  const project = await (await connect(around)).call('project', { params: { project: name } })
  around.stdout.write(flags.json ? `${JSON.stringify(project)}\n` : describe(project))
  return 0
}

/** The look is an attempt of its own; what it found stands on the project. */
export const contactProject = async (around: Surroundings, flags: Flags, name: string): Promise<number> => {
  const api = await connect(around)
  const asked = await api.call('projectRefs', { params: { project: name }, body: {} })
  if (flags.json) {
    around.stdout.write(`${JSON.stringify(asked)}\n`)
    return 0
  }
  around.stderr.write('a runner looks at the source host …\n')
  const attempt = await ended(around, api, asked.attempt_id)
  const project = await api.call('project', { params: { project: name } })
  around.stdout.write(describe(project))
  if (attempt.status === 'passed') return 0
  const why =
    attempt.failure?.message ?? `no answer yet: it is ${attempt.status}; mayfly doctor looks at the runner`
  around.stderr.write(inertText`mayfly: ${why}\n`)
  return 1
}

/** As it is then, or when it has taken too long. */
const ended = async (around: Surroundings, api: ApiClient, id: string): Promise<Attempt> => {
  const late = around.clock.monotonicMs() + contactMs
  for (;;) {
    const attempt = await api.call('attempt', { params: { attempt: id } })
    const isOver = attempt.finished_at !== null
    if (isOver || around.interrupted.aborted || around.clock.monotonicMs() > late) return attempt
    await sleep(askEveryMs, undefined, { signal: around.interrupted }).catch(() => undefined)
  }
}

const contactMs = 60_000
const askEveryMs = 500

export const confirmHostKey = async (
  around: Surroundings,
  flags: Flags,
  name: string,
  fingerprint?: string,
): Promise<number> => {
  const api = await connect(around)
  if (fingerprint === undefined) {
    const found = await api.call('project', { params: { project: name } })
    around.stdout.write(flags.json ? `${JSON.stringify(found)}\n` : openText(found))
    return 0
  }
  const project = await api.call('projectHostKeys', { params: { project: name }, body: { fingerprint } })
  around.stdout.write(flags.json ? `${JSON.stringify(project)}\n` : describe(project))
  return 0
}

/** What to compare with what the host's own people say, and how to say that it is equal. */
const openText = (project: Project): string => {
  const open = openHostKeys(project)
  if (open.length === 0)
    return inertText`no host key of ${project.name} waits: mayfly project contact ${project.name} looks which ones its source host shows\n`
  return open
    .map((key) => inertText`${typeOf(key)}  ${key.fingerprint}\n  ${trustCommand(project, key)}\n`)
    .join('')
}

const describe = (project: Project): string => {
  const { refused_calls: refused } = project.hook
  return [
    inertText`project   ${project.name}  ${project.id}`,
    inertText`source    ${project.source.url}`,
    inertText`branch    ${project.default_branch}`,
    inertText`hook      ${project.hook.url}`,
    ...(refused === null
      ? []
      : [inertText`refused   ${refused.calls} calls too fast, the last one ${refused.last_at}`]),
    ...(project.deploy_key === null ? [] : [inertText`key       ${project.deploy_key.public_key}`]),
    ...project.host_keys.map(
      ({ fingerprint, confirmed }) =>
        inertText`host key  ${fingerprint}  ${confirmed ? 'confirmed' : 'not confirmed'}`,
    ),
    inertText`last run  ${project.last_run === null ? 'none' : `#${project.last_run.number} ${project.last_run.status}`}`,
    '',
  ].join('\n')
}
