import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { AttemptSink, EventBody } from '../sink.ts'
import { createMasker } from './mask.ts'
import { createMaskedSink } from './masked-sink.ts'

const open = () => {
  const said = new Map<number, string>()
  const events: EventBody[] = []
  const order: string[] = []
  const sink: AttemptSink = {
    output: (step, bytes) => {
      said.set(step, `${said.get(step) ?? ''}${Buffer.from(bytes).toString()}`)
      order.push(`output ${step}`)
      return undefined
    },
    event: (event) => {
      events.push(event)
      order.push(event.kind)
    },
  }
  const masker = createMasker([{ name: 'TOKEN', value: Buffer.from('hunter2hunter2') }])
  assert.ok(masker)
  const masked = createMaskedSink(sink, masker, () => undefined)
  const say = (step: number, text: string) => masked.output(step, Buffer.from(text))
  return { masked, say, said, events, order }
}

const finished = (message: string | null) => ({
  ...{ kind: 'step-finished' as const, step: 1, status: 'failed' as const, exitCode: 1, ms: 1, leftovers: 0 },
  message,
})

test('text that leaves on other ways is masked, too', () => {
  const { masked } = open()
  const text = masked.mask?.('a hunter2hunter2 b') ?? assert.fail()
  assert.ok(text.startsWith('a ') && text.endsWith(' b') && !text.includes('hunter2'), text)
})

test('each step is a stream of its own, across its pieces', () => {
  const { masked, say, said } = open()
  say(1, 'a hunter2')
  say(2, 'hunter2 b hunter2')
  say(1, 'hunter2 c hunter')
  masked.flush()
  assert.deepEqual(Object.fromEntries(said), {
    1: 'a [secret TOKEN] c hunter',
    2: 'hunter2 b hunter2',
  })
})

test('what a step kept back is said before its end, and before the log is packed', () => {
  const { masked, say, said, order } = open()
  say(1, 'hunter2')
  masked.event(finished(null))
  say(2, 'hunter2')
  masked.event({ kind: 'phase', phase: 'closing' })
  assert.deepEqual(order, ['output 1', 'step-finished', 'output 2', 'phase'])
  assert.deepEqual([...said.values()], ['hunter2', 'hunter2'])
})

test('a file is looked through as it is and for what is packed in it, across its pieces', () => {
  const found: string[] = []
  const masker = createMasker([{ name: 'TOKEN', value: Buffer.from('hunter2hunter2') }])
  assert.ok(masker)
  const nothing: AttemptSink = { output: () => assert.fail(), event: () => assert.fail() }
  // One around another, as that of identity tokens is.
  const inner = createMaskedSink(nothing, masker, ({ name }) => found.push(`inner ${name}`))
  const outer = createMaskedSink(inner, masker, ({ name }) => found.push(name))
  const look = (...pieces: readonly (string | Buffer)[]): readonly string[] => {
    found.length = 0
    const file = outer.watch?.() ?? assert.fail()
    for (const piece of pieces) file.write(Buffer.from(piece))
    file.end()
    return found.toSorted()
  }
  assert.deepEqual(look('nothing of hunter2 ', 'here'), [])
  assert.deepEqual(look('a hunter2', 'hunter2 b'), ['TOKEN', 'inner TOKEN'])
  const packed = gzipSync('token: hunter2hunter2')
  assert.deepEqual(look('x', packed.subarray(0, 9), packed.subarray(9)), ['TOKEN', 'inner TOKEN'])
})

test('names, messages, notes and hosts are masked too', () => {
  const { masked, events } = open()
  const secret = 'hunter2hunter2'
  const records = [
    {
      ...{ at: '', cell: 's1', proto: 'dns' as const, host: `${secret}.evil.example`, ip: null, port: 53 },
      ...{ verdict: 'denied' as const, why: `${secret}.evil.example is not listed`, up: 0, down: 0, ms: 0 },
    },
  ]
  masked.event({ kind: 'step-started', step: 1, name: `echo ${secret}`, type: 'run' })
  masked.event(finished(`cannot enter ${secret}`))
  masked.event({ kind: 'note', text: Buffer.from(secret).toString('base64') })
  masked.event({ kind: 'egress', records })
  assert.equal(events.length, 4)
  assert.ok(!JSON.stringify(events).includes('hunter2'))
  assert.equal(JSON.stringify(events).match(/\[secret TOKEN\]/g)?.length, 5)
})

test('what is kept back makes nobody wait, and what is said makes its writer wait', async () => {
  const waiting = Promise.withResolvers<void>()
  const masker = createMasker([{ name: 'TOKEN', value: Buffer.from('hunter2hunter2') }])
  assert.ok(masker)
  const masked = createMaskedSink(
    { output: () => waiting.promise, event: () => undefined },
    masker,
    () => undefined,
  )
  assert.equal(masked.output(1, Buffer.from('hunter2')), undefined)
  assert.equal(masked.output(1, Buffer.from('!')), waiting.promise)
})
