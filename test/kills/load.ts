// The load under which parts are killed: projects with and without limits, and signed deliveries for them, each of a
// commit of its own, sent again until they are acknowledged. Jobs print numbered lines, slowly and in bursts.
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { commitOnBranch, createRepository } from '../support/git-host.ts'
import type { TestInstallation } from '../support/installation.ts'
import type { Random } from '../support/random.ts'

/** null: as many as there is room for. */
export const projectLimits: Readonly<Record<string, number | null>> = {
  alone: 1,
  pair: 2,
  free: null,
  other: null,
}
export const organisationLimit = 4
export const slots = 6

/** Name of the only step of each job. */
export const stepName = 'Count'
/** In the environment of each job: tells on the machine itself whose it is. */
export const ownerVariable = 'COUNTED_FOR'

const slowLines = 120
const burstLines = 20_000
/** How many lines a job prints, by its key. */
export const linesOf: Readonly<Record<string, number>> = {
  slow: slowLines,
  bursts: burstLines,
  last: slowLines,
}

const countSlowly = `i=1; while [ $i -le ${slowLines} ]; do echo $i; i=$((i+1)); sleep 0.02; done`
const countInBursts = `for k in $(seq 0 19); do seq $((k*1000+1)) $((k*1000+1000)); sleep 0.1; done`

const configuration = (project: string): string => `version: 2.1
jobs:
${Object.entries({ slow: countSlowly, bursts: countInBursts, last: countSlowly })
  .map(
    ([key, command]) => `  ${key}:
    docker: [{image: cimg/base:stable}]
    environment: {${ownerVariable}: ${project}}
    steps:
      - run: {name: ${stepName}, command: '${command}'}
`,
  )
  .join('')}
workflows:
  main:
    jobs: [slow, bursts, {last: {requires: [slow, bursts]}}]
`

export type Sent = {
  readonly project: string
  readonly commit: string
  /** null: nobody ever said that it was taken in. */
  readonly delivery: string | null
}

type Target = { readonly bare: string; readonly url: string; readonly secret: string }

export type Load = {
  /** One delivery to a project of chance; resolves when it was acknowledged, or given up. */
  readonly send: (random: Random) => Promise<void>
  readonly sent: readonly Sent[]
}

const sendAgainMs = 250
const giveUpMs = 30_000

/** Adds the projects as an operator does, with the hook installed and the limits set. */
export const openLoad = async (installation: TestInstallation, repositories: string): Promise<Load> => {
  const targets = new Map<string, Target>()
  const cli = (...words: readonly string[]): string => {
    const { code, stdout, stderr } = installation.cli(...words)
    if (code !== 0) throw new Error(`mayfly ${words.join(' ')} ended with ${code}: ${stderr}`)
    return stdout
  }
  cli('org', '--jobs', `${organisationLimit}`)
  for (const [name, limit] of Object.entries(projectLimits)) {
    const { bare } = await createRepository(repositories, name, {
      '.circleci/config.yml': configuration(name),
    })
    const add = ['project', 'add', name, '--path', bare, '--default-branch', 'main', '--install-hook', bare]
    const project = JSON.parse(cli(...add, '--json')) as { readonly hook: { readonly url: string } }
    if (limit !== null) cli('project', 'set', name, '--jobs', `${limit}`)
    const { pathname } = new URL(project.hook.url)
    const secret = readFileSync(join(bare, 'hooks/mayfly-secret'), 'utf8').trim()
    targets.set(name, { bare, url: `http://127.0.0.1:${installation.port}${pathname}`, secret })
  }
  const sent: Sent[] = []
  return {
    sent,
    send: async (random) => {
      const names = [...targets.keys()]
      const project = names[random(names.length)] ?? ''
      const target = targets.get(project)
      if (target === undefined) throw new TypeError(`no project ${project}`)
      const branch = `count-${sent.length + 1}`
      const commit = commitOnBranch(target.bare, branch)
      sent.push({ project, commit, delivery: await deliver(target, branch, commit) })
    },
  }
}

/** The same bytes again and again, as a hook with a spool does. */
const deliver = async (target: Target, branch: string, commit: string): Promise<string | null> => {
  const sentAt = new Date().toISOString()
  const body = JSON.stringify({ old: '0'.repeat(40), new: commit, ref: `refs/heads/${branch}`, sentAt })
  const signature = `sha256=${createHmac('sha256', target.secret).update(body).digest('hex')}`
  const headers = { 'x-mayfly-signature': signature, 'content-type': 'application/json' }
  const until = performance.now() + giveUpMs
  while (performance.now() < until) {
    const signal = AbortSignal.timeout(10_000)
    const answer = await fetch(target.url, { method: 'POST', body, headers, signal }).catch(() => null)
    // Torn off in the middle it is no acknowledgement.
    const said = await answer?.json().catch(() => null)
    if (answer?.ok && said) return (said as { readonly delivery: string }).delivery
    if (answer !== null && answer.status < 500 && answer.status !== 429)
      throw new Error(`a genuine delivery was answered ${answer.status}: ${JSON.stringify(said)}`)
    await new Promise((resolve) => setTimeout(resolve, sendAgainMs))
  }
  return null
}
