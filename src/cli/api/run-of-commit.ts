// The run of a commit that may have been pushed a moment ago: waits for it to appear, and says why none did.
import { setTimeout as sleep } from 'node:timers/promises'
import { fault } from '../../base/faults.ts'
import type { Run } from '../../protocol/api/shapes.ts'
import { git } from '../git/work-tree.ts'
import { inertText } from '../inert.ts'
import type { Surroundings } from '../surroundings.ts'
import type { ApiClient } from './client.ts'
import { findProject } from './find-run.ts'

const askEveryMs = 500
/** From a push to its run. */
const appearMs = 120_000

/** null: the person had no more patience, or interrupted it. */
export const runOfCommit = async (
  around: Surroundings,
  api: ApiClient,
  wish: { readonly sha: string; readonly project: string | undefined; readonly deadlineMs: number },
): Promise<Run | null> => {
  const commit = await commitNamed(around, wish.sha)
  const project = wish.project ?? (await findProject(around, api))
  const appearsBy = around.clock.monotonicMs() + appearMs
  for (;;) {
    const [found] = (await api.call('runs', { query: { project, commit, limit: 1 } })).items
    if (found !== undefined) return api.call('run', { params: { run: found.id } })
    if (around.interrupted.aborted) return null
    const now = around.clock.monotonicMs()
    if (now > wish.deadlineMs || now > appearsBy) {
      const why = await whyNone(api, { project, commit })
      if (now <= wish.deadlineMs) throw fault('E_NOT_FOUND', { public: why })
      around.stderr.write(inertText`mayfly: ${why}\n`)
      return null
    }
    await sleep(askEveryMs, undefined, { signal: around.interrupted }).catch(() => undefined)
  }
}

/** As this work tree understands it, else as it stands: a commit of another clone. */
const commitNamed = async (around: Surroundings, sha: string): Promise<string> => {
  const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${sha}^{commit}`]
  const found = await git(around, around.cwd, args)
  if (found !== null && found !== '') return found
  if (/^[0-9a-f]{7,64}$/.test(sha)) return sha
  throw fault('E_INPUT', { public: `"${sha}" is no commit here: give seven letters of its id, or more` })
}

const whyNone = async (
  api: ApiClient,
  { project, commit }: { readonly project: string | undefined; readonly commit: string },
): Promise<string> => {
  const none = `no run of ${commit.slice(0, 12)} has appeared`
  const [told] = (await api.call('deliveries', { query: { project, commit, limit: 1 } })).items
  return told === undefined
    ? `${none}, and nobody told of such a push: was it pushed, and to the repository of ${project ?? 'a project'}? \`mayfly deliveries list\` says what was told`
    : `${none}: ${told.reason}; \`mayfly deliveries view ${told.id}\` says more`
}
