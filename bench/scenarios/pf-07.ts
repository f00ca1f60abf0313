// PF-07, a delivery: a signed webhook is sent → its 2xx, after the durable commit; 200 a second, p99. The baseline is one
// durable insert at the same rate. Hooks and addresses have limits of their own, so there are many of both.
import { createHmac } from 'node:crypto'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fromBase64Url, toBase64Url } from '../../src/base/bytes.ts'
import { parseId } from '../../src/base/ids.ts'
import type { ProjectCreated } from '../../src/protocol/api/shapes.ts'
import { generateSealingKey, openHookSecret } from '../../src/seal/index.ts'
import { findLayout } from '../../src/supervisor/index.ts'
import { createApi } from '../../test/support/api.ts'
import { type State as Asking, openState } from '../../test/support/installation-state.ts'
import { startClock } from '../clock.ts'
import type { Scenario } from '../scenario.ts'
import { slots } from '../slots.ts'

type Hook = { readonly url: string; readonly secret: Uint8Array }
type State = { readonly hooks: readonly Hook[]; readonly asking: readonly Asking[]; readonly agent: Agent }

const perSecond = 200
const seconds = 10
const hookCount = 100
const addressCount = 10
const connections = 8

const addHook = async (run: string, path: string, name: string): Promise<Hook> => {
  const eph = await generateSealingKey()
  const { project, hook_secret_sealed: sealed } = await createApi({ run }).post<ProjectCreated>(
    '/api/v1/projects',
    { name, source: { kind: 'local', path }, default_branch: 'main', eph: toBase64Url(eph.publicKey) },
  )
  const hook = parseId('hook', project.hook.id)
  const secret =
    hook === null ? null : await openHookSecret(eph, fromBase64Url(sealed) ?? new Uint8Array(), hook)
  if (secret === null) throw new Error('the secret of a hook could not be opened')
  return { url: project.hook.url, secret }
}

/** `skip`: stored and answered like any other, but nobody has to plan two thousand runs afterwards. */
const deliver = ({ hooks, agent }: State, nth: number): Promise<void> => {
  const { url, secret } = hooks[nth % hooks.length] ?? { url: '', secret: new Uint8Array() }
  const commit = `${Date.now().toString(16)}${nth.toString(16)}`.padStart(40, '0')
  const about = { old: '0'.repeat(40), new: commit, ref: 'refs/heads/main', skip: true }
  const body = JSON.stringify({ ...about, sentAt: new Date().toISOString() })
  const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
  const headers = { 'content-type': 'application/json', 'x-mayfly-signature': signature }
  const localAddress = `127.0.0.${2 + (nth % addressCount)}`
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { method: 'POST', agent, headers, localAddress, host: '127.0.0.1' },
      (answer) => {
        answer.resume()
        answer.once('end', () =>
          answer.statusCode === 200
            ? resolve()
            : reject(new Error(`a delivery was answered ${answer.statusCode}`)),
        )
      },
    )
    sent.once('error', reject)
    sent.end(body)
  })
}

/** p99 of so many a second, each at its own moment whatever became of those before. */
const p99AtRate = async (once: (nth: number) => Promise<unknown>): Promise<number> => {
  const count = perSecond * seconds
  const times = await Promise.all(
    Array.from({ length: count }, async (_, nth) => {
      await sleep((nth * 1000) / perSecond)
      const elapsed = startClock()
      await once(nth)
      return elapsed()
    }),
  )
  return times.toSorted((a, b) => a - b)[Math.ceil(count * 0.99) - 1] ?? Number.NaN
}

const scenario: Scenario<State> = {
  ...{ id: 'PF-07', variant: '', unit: 'ms', better: 'lower' },
  ...{ goal: { ratio: 5, value: 20 }, gate: { value: 50 } },
  title: `Signed webhook sent → 2xx after the durable commit, p99 at ${perSecond}/s; baseline one durable insert at the same rate`,
  note: `for ${seconds} s a sample, over ${hookCount} hooks, of pushes that ask for no run`,
  setUp: async ({ installation, directory }) => {
    const under = await installation()
    await under.up(slots)
    const { bare } = (await under.project('jobs-1', 'path')).repository
    const data = join(directory, 'data')
    const { run } = findLayout({ data, isRoot: true, uid: 0, environment: {} })
    const hooks: Hook[] = []
    for (let i = 0; i < hookCount; i++) hooks.push(await addHook(run, bare, `hooked-${i + 1}`))
    const asking = Array.from({ length: connections }, () => openState({ data, run }))
    await asking[0]?.ask(
      'create table if not exists bench_inserts (id bigint generated always as identity, body text)',
    )
    return { hooks, asking, agent: new Agent({ keepAlive: true }) }
  },
  baseline: ({ asking }) =>
    p99AtRate(
      (nth) =>
        asking[nth % connections]?.ask(
          `insert into bench_inserts (body) values ('${'x'.repeat(300)}') returning 1`,
        ) ?? Promise.reject(),
    ),
  subject: (state) => p99AtRate((nth) => deliver(state, nth)),
  tearDown: async ({ asking, agent }) => {
    agent.destroy()
    await asking[0]?.ask('drop table bench_inserts')
    await Promise.all(asking.map((each) => each.close()))
  },
}

export const scenarios = [scenario]
