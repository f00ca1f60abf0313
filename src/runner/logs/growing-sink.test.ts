import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { AttemptSink, EventBody } from '../sink.ts'
import { createGrowingSink } from './growing-sink.ts'
import { createMasker } from './mask.ts'
import { createMaskedSink } from './masked-sink.ts'

const tokens = ['eyJhbGciOi.first-claims.c2lnbmF0dXJl', 'eyJhbGciOi.second-claims.b3RoZXItc2ln']
const named = (at: number) => ({ name: `token ${at}`, value: Buffer.from(tokens[at] ?? '') })

const make = () => {
  const events: EventBody[] = []
  const said: Record<number, string> = {}
  const output = (step: number, bytes: Uint8Array) => {
    said[step] = (said[step] ?? '') + Buffer.from(bytes).toString('latin1')
    return undefined
  }
  const event = (body: EventBody) => void events.push(body)
  const growing = createGrowingSink({ output, event, mask: (text) => text.replace('outer', '***') })
  const print = (step: number, text: string) => growing.sink.output(step, Buffer.from(text))
  return { growing, events, said, print }
}

test('a token is masked from when it is known, cut anywhere, in every step, and stays so when another comes', () => {
  const { growing, said, print } = make()
  print(1, 'before\n')
  growing.add([named(0)])
  print(1, `a ${tokens[0]?.slice(0, 9)}`)
  print(1, `${tokens[0]?.slice(9)} b\n`)
  print(2, 'unfinished eyJhb')
  growing.add([named(1)])
  print(2, `GciX ${Buffer.from(tokens[1] ?? '').toString('base64')}\n`)
  print(1, `${tokens[1]} ${tokens[0]}\n`)
  growing.sink.event({ kind: 'phase', phase: 'closing' })
  assert.equal(said[1], 'before\na [secret token 0] b\n[secret token 1] [secret token 0]\n')
  assert.equal(said[2], 'unfinished eyJhbGciX [secret token 1]\n')
  assert.equal(growing.sink.mask?.(`outer ${tokens[0]}`), '*** [secret token 0]')
  growing.close()
})

test('names of events are masked, and a token packed in the log is an alarm, once', () => {
  const { growing, events, print } = make()
  growing.add([named(0)])
  growing.sink.event({ kind: 'note', text: `took ${tokens[0]}` })
  const packed = gzipSync(Buffer.from(`${tokens[0]}\n`.repeat(3))).toString('latin1')
  for (const step of [1, 2]) {
    growing.sink.output(step, Buffer.from(packed, 'latin1'))
    growing.sink.event({ kind: 'phase', phase: 'closing' })
  }
  growing.close()
  assert.deepEqual(
    events.filter(({ kind }) => kind !== 'phase'),
    [
      { kind: 'note', text: 'took [secret token 0]' },
      { kind: 'alarm', what: 'leak', secret: 'token 0' },
    ],
  )
  assert.equal(print(1, 'after'), undefined)
})

test('before the mask of the secrets: both are found, wherever the pieces are cut', () => {
  const secret = 'a-secret-of-the-project'
  const masker = createMasker([{ name: 'SECRET', value: Buffer.from(secret) }]) ?? assert.fail()
  for (let cut = 1; cut < 60; cut++) {
    let said = ''
    const sink: AttemptSink = {
      output: (_step, bytes) => {
        said += Buffer.from(bytes).toString()
        return undefined
      },
      event: () => undefined,
    }
    const masked = createMaskedSink(sink, masker, () => assert.fail('nothing is packed'))
    const growing = createGrowingSink(masked)
    growing.add([named(0)])
    const text = Buffer.from(`x ${secret} ${tokens[0]} ${secret}${tokens[0]} y\n`)
    const piece = Buffer.alloc(cut)
    for (let at = 0; at < text.length; at += cut) {
      const size = text.copy(piece, 0, at, at + cut)
      growing.sink.output(1, piece.subarray(0, size))
      // The caller's again.
      piece.fill(0)
    }
    growing.close()
    masked.flush()
    assert.equal(
      said,
      'x [secret SECRET] [secret token 0] [secret SECRET][secret token 0] y\n',
      `cut at ${cut}`,
    )
  }
})

test('what it knew is overwritten when it closes', () => {
  const { growing } = make()
  const secret = named(0)
  growing.add([secret])
  growing.close()
  assert.ok(secret.value.every((byte) => byte === 0))
})

test('what the attempt uses is told to who wants to know, token or not', () => {
  const told: unknown[] = []
  const sink = {
    output: () => undefined,
    event: () => undefined,
    sampling: (read: unknown) => void told.push(read),
  }
  const growing = createGrowingSink(sink)
  const read = () => null
  growing.sink.sampling?.(read)
  growing.add([named(0)])
  growing.sink.sampling?.(read)
  assert.deepEqual(told, [read, read])
  growing.close()
})
