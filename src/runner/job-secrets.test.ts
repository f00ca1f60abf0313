import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { toBase64Url } from '../base/bytes.ts'
import { withSecrets } from './job-secrets.ts'
import type { CarriedOut } from './session/life.ts'
import type { EventBody } from './sink.ts'
import type { JobSecret } from './steps/deliver-secrets.ts'

const passed: CarriedOut = {
  ...{ outcome: 'passed', reason: null, receipt: null, destroyed: true, kept: {} },
  result: { kind: 'job' },
}
const canary = Buffer.from('0123456789abcdef0123456789abcdef')
const token = { name: 'TOKEN', kind: 'env' as const, value: toBase64Url(Buffer.from('hunter2hunter2')) }

const carry = async (released: Parameters<typeof withSecrets>[0], says: readonly string[]) => {
  const told: (string | null)[] = []
  const events: EventBody[] = []
  let said = ''
  let given: readonly JobSecret[] = []
  const output = (_step: number, bytes: Uint8Array) => {
    said += Buffer.from(bytes).toString()
    return undefined
  }
  const sink = { output, event: (event: EventBody) => void events.push(event) }
  const done = await withSecrets(
    released,
    sink,
    async (secrets, masked) => {
      given = secrets
      for (const text of says) void masked.output(1, Buffer.from(text))
      return { ...passed, outcome: 'failed', reason: { code: null, message: `said ${says.join('')}` } }
    },
    { tell: (name) => void told.push(name) },
  )
  return { done, events, said, given, told }
}

test('the canary goes to no step; a job that says it raises one alarm, and does not get to say it', async () => {
  const twice = Buffer.from(canary.toString('base64')).toString('base64')
  const { done, events, said, given, told } = await carry({ secrets: [token], canary: toBase64Url(canary) }, [
    `${twice} ${canary.toString('hex').slice(0, 20)}`,
    `${canary.toString('hex').slice(20)}\n`,
  ])
  assert.deepEqual(
    given.map(({ name }) => name),
    ['TOKEN'],
  )
  assert.deepEqual(done.secretNames, ['TOKEN'])
  assert.deepEqual(events, [{ kind: 'alarm', what: 'canary' }])
  assert.deepEqual(told, [null])
  assert.match(said, /^\[secret canary\] \[secret canary\]\n$/)
})

test('a job that says its own secret raises none', async () => {
  const { done, events, said, told } = await carry({ secrets: [token], canary: toBase64Url(canary) }, [
    'hunter2hunter2',
  ])
  assert.deepEqual([said, done.reason?.message], ['[secret TOKEN]', 'said [secret TOKEN]'])
  // What is masked went nowhere.
  assert.deepEqual([events, told], [[], []])
})

test('a secret that is packed in the log is told by its name, once', async () => {
  const packed = gzipSync('TOKEN=hunter2hunter2').toString('base64')
  const { events, said, told } = await carry({ secrets: [token], canary: toBase64Url(canary) }, [
    `${packed}\n${packed}.`,
  ])
  assert.deepEqual(events, [{ kind: 'alarm', what: 'leak', secret: 'TOKEN' }])
  assert.deepEqual(told, ['TOKEN'])
  assert.equal(said, `${packed}\n${packed}.`)
})

test('values are overwritten when the attempt is over', async () => {
  const { given } = await carry({ secrets: [token] }, [])
  assert.deepEqual([...(given[0]?.value.reveal('test') ?? [1])], new Array(14).fill(0))
})

test('an attempt without secrets keeps its sink', async () => {
  const sink = { output: () => undefined, event: () => undefined }
  const done = await withSecrets({ secrets: [] }, sink, async (secrets, given) => {
    assert.equal(given, sink)
    assert.deepEqual(secrets, [])
    return passed
  })
  assert.equal(done, passed)
})
