// When a step is given tokens, which, and what it is told when there are none.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fault } from '../../base/faults.ts'
import { parseShape } from '../../base/shape.ts'
import type { IdentityPayload } from '../../protocol/identity.ts'
import type { JobSpec } from '../../protocol/plan.ts'
import { secretName } from '../../protocol/statement.ts'
import type { EventBody } from '../sink.ts'
import type { Identity } from './server-identity.ts'
import { createStepTokens } from './step-tokens.ts'
import { variableOf } from './variables.ts'

const signal = AbortSignal.timeout(10_000)
const token = (n: string) => `eyJ.${n}.sig`

const makeJob = (given: {
  readonly audiences?: readonly (string | null)[]
  readonly env?: JobSpec['env']
  readonly identity?: Identity['tokens']
}) => {
  const clock = { seconds: 1_000 }
  let said = ''
  const asked: number[] = []
  const tokens: Identity['tokens'] = async (step, audiences, ...rest) => {
    asked.push(step)
    if (given.identity !== undefined) return given.identity(step, audiences, ...rest)
    return {
      exp: clock.seconds + 900,
      tokens: [
        { audience: null, profile: 'circleci-1', token: token(`one-${step}`) },
        { audience: null, profile: 'circleci-2', token: token(`two-${step}`) },
        { audience: 'sts', profile: 'circleci-2', token: token(`sts-${step}`) },
      ],
    } satisfies IdentityPayload
  }
  const spec = {
    env: given.env ?? [],
    ...(given.audiences && { audiences: given.audiences }),
  } as unknown as JobSpec
  const sink = {
    output: (_step: number, bytes: Uint8Array) => {
      said += Buffer.from(bytes).toString()
      return undefined
    },
    event: () => undefined,
  }
  const waits: { readonly ms: number; readonly over: () => void }[] = []
  const of = createStepTokens(
    {
      ...{ identity: { tokens }, clock: { now: () => clock.seconds * 1000, monotonicMs: () => 0 } },
      wait: (ms, stop) =>
        new Promise((over) => {
          waits.push({ ms, over })
          stop.addEventListener('abort', () => over())
          if (stop.aborted) over()
        }),
    },
    { spec },
    sink,
  )
  const puts: string[] = []
  const run = (index: number, work: () => Promise<void> = async () => undefined, stop = signal) =>
    of(
      index,
      async (text) => void puts.push(text),
      stop,
      async (variables) => {
        await work()
        return Object.fromEntries([...variables].map(([name, value]) => [name, reveal(value)]))
      },
    )
  return { step: (index: number) => run(index), run, clock, asked, said: () => said, waits, puts }
}
/** What others do is done when it has had its turns. */
const turns = () => new Promise((resolve) => setImmediate(resolve))
const reveal = (value: unknown) => (value as { reveal(why: string): string }).reveal('a test')

test('a step has what the vault minted; a job that declares nothing asks for nothing', async () => {
  const { step } = makeJob({ audiences: [null, 'sts'] })
  assert.deepEqual(await step(1), {
    CIRCLE_OIDC_TOKEN: token('one-1'),
    CIRCLE_OIDC_TOKEN_V2: token('two-1'),
    MAYFLY_IDENTITY_TOKENS: `sts ${token('sts-1')}`,
  })
  const plain = makeJob({})
  assert.deepEqual(await plain.step(1), {})
  assert.deepEqual(plain.asked, [])
})

test('tokens serve the next step while they are good for ten minutes more, also one that begins beside it', async () => {
  const { step, clock, asked } = makeJob({ audiences: [null] })
  await Promise.all([step(1), step(2)])
  clock.seconds += 300
  await step(3)
  assert.deepEqual(asked, [1])
  clock.seconds += 1
  assert.equal((await step(4)).CIRCLE_OIDC_TOKEN, token('one-4'))
  assert.deepEqual(asked, [1, 4])
})

test('what the job itself names so stands above', async () => {
  const { step } = makeJob({ audiences: [null], env: [['CIRCLE_OIDC_TOKEN', 'mine']] })
  assert.deepEqual(Object.keys(await step(1)), ['CIRCLE_OIDC_TOKEN_V2', 'MAYFLY_IDENTITY_TOKENS'])
})

test('a refusal is told and the step goes on; what can be asked again breaks the attempt, and is asked again', async () => {
  const refused = makeJob({ audiences: [null], identity: () => Promise.reject(fault('E_FORBIDDEN')) })
  assert.deepEqual(await refused.step(1), {})
  assert.match(refused.said(), /^no identity tokens: .*\[MF4003\]\n$/)
  let isAway = true
  const away = makeJob({
    audiences: [null],
    identity: async () => {
      if (isAway) throw fault('E_UNREACHABLE')
      return { exp: 5_000, tokens: [], left: 'of its name' }
    },
  })
  await assert.rejects(away.step(1), { code: 'E_UNREACHABLE' })
  isAway = false
  assert.deepEqual(await away.step(2), {})
  assert.deepEqual(await away.step(3), {})
  assert.equal(away.said(), 'a token is missing: of its name\n', 'once')
})

test('a step that is stopped while it waits begins with nothing', async () => {
  const { run } = makeJob({ audiences: [null], identity: () => Promise.reject(new Error('aborted')) })
  assert.deepEqual(await run(1, undefined, AbortSignal.abort()), {})
})

test('without an installation there is nobody to vouch: it is noted', async () => {
  const events: EventBody[] = []
  const spec = { env: [], audiences: [null] } as unknown as JobSpec
  const of = createStepTokens(
    { clock: { now: () => 0, monotonicMs: () => 0 } },
    { spec },
    { output: () => assert.fail("the log is the job's"), event: (event) => void events.push(event) },
  )
  const size = (step: number) =>
    of(
      step,
      () => assert.fail('nothing is put'),
      signal,
      async ({ size }) => size,
    )
  assert.equal((await size(1)) + (await size(2)), 0)
  assert.deepEqual(events, [
    { kind: 'note', text: 'identity tokens come from an installation: there are none here' },
  ])
})

test('what stands in a log instead of a token, and in an alarm about it, is a name that a server takes', () => {
  for (const audience of [null, 'sts.example.com'])
    for (const profile of ['circleci-1', 'circleci-2'] as const)
      assert.ok(parseShape(secretName, variableOf({ audience, profile })).ok)
})

test('while a step runs, new tokens are put where its command finds them, and its next steps have them too', async () => {
  const { run, step, clock, asked, waits, puts } = makeJob({ audiences: [null, 'sts'] })
  await run(1, async () => {
    assert.deepEqual(
      waits.map(({ ms }) => ms),
      [600_000],
    )
    clock.seconds += 600
    waits[0]?.over()
    await turns()
    assert.deepEqual(puts, [`- ${token('two-1')}\nsts ${token('sts-1')}\n`])
    assert.equal(waits.length, 2)
  })
  assert.deepEqual(asked, [1, 1])
  clock.seconds += 400
  await step(2)
  assert.deepEqual([asked, puts.length, puts[1]?.includes(token('sts-2'))], [[1, 1, 2], 2, true])
})

test('a token that cannot be renewed is asked for again, or its step is told and goes on', async () => {
  let error: Error | null = null
  const give = makeJob({
    audiences: [null],
    identity: async () => {
      if (error !== null) throw error
      return { exp: 1_900, tokens: [] }
    },
  })
  await give.run(1, async () => {
    error = fault('E_UNREACHABLE')
    give.clock.seconds += 700
    give.waits[0]?.over()
    await turns()
    assert.deepEqual([give.waits[1]?.ms, give.said()], [30_000, ''])
    error = fault('E_FORBIDDEN')
    give.waits[1]?.over()
    await turns()
    assert.match(give.said(), /^no new identity tokens: /)
    assert.equal(give.waits.length, 2)
  })
})
