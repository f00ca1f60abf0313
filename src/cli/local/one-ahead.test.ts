// The guess: what is built ahead, who waits for it, and that nothing takes its place.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFakeDriver } from '../../sandbox/drivers/fake/index.ts'
import { classes, type Limits, type PoolWant, type SandboxSpec } from '../../sandbox/index.ts'
import { systemClock } from '../../sys/index.ts'
import type { LocalSandboxes } from '../surroundings.ts'
import { withOneAhead } from './one-ahead.ts'

const specOf = (limits: Limits, mode: 'none' | 'open') =>
  // SAFE: the guess reads these two, the driver here nothing.
  ({ limits, egress: { mode, allow: [], privateRanges: [] } }) as unknown as SandboxSpec

const guess = (options: { readonly network?: 'none' | 'open'; readonly egressDefault?: 'none' | 'open' }) => {
  const happened: string[] = []
  const built = Promise.withResolvers<void>()
  const fake = createFakeDriver({ clock: systemClock })
  const driver: LocalSandboxes['driver'] = {
    ...fake,
    prepare: ({ net, count }: PoolWant) => {
      happened.push(`${net} ${count}`)
      return count === 0 ? Promise.resolve() : built.promise
    },
    open: async () => {
      happened.push('opened')
      throw new Error('enough seen')
    },
  }
  const sandboxes: LocalSandboxes = {
    driver,
    classLimits: (name) => (name === 'small' ? classes.small.limits : null),
    privateRanges: [],
    egressDefault: options.egressDefault ?? 'open',
    close: async () => undefined,
  }
  const { open } = withOneAhead(sandboxes, options.network).driver
  const ask = (limits: Limits, mode: 'none' | 'open') =>
    open(specOf(limits, mode), AbortSignal.timeout(10_000)).catch(() => undefined)
  return { happened, built, ask }
}

test('the first job that fits waits for the sandbox built ahead; none is built after it', async () => {
  const { happened, built, ask } = guess({})
  const opening = ask(classes.small.limits, 'open')
  await new Promise(setImmediate)
  assert.deepEqual(happened, ['gateway 1'])
  built.resolve()
  await opening
  await ask(classes.small.limits, 'open')
  assert.deepEqual(happened, ['gateway 1', 'opened', 'gateway 0', 'opened'])
})

test('a job of another kind does not wait, and a guess that failed is nobody’s failure', async () => {
  const other = guess({ egressDefault: 'none' })
  await other.ask(classes.large.limits, 'none')
  assert.deepEqual(other.happened, ['none 1', 'opened', 'none 0'])
  const failed = guess({ network: 'none' })
  failed.built.reject(new Error('no room'))
  await failed.ask(classes.small.limits, 'none')
  assert.deepEqual(failed.happened, ['none 1', 'opened', 'none 0'])
})
