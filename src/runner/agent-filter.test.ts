import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agentFilter } from './agent-filter.ts'

const message = (...body: readonly number[]): Buffer => {
  const size = Buffer.alloc(4)
  size.writeUInt32BE(body.length)
  return Buffer.concat([size, Buffer.from(body)])
}
const text = (words: string): readonly number[] => [0, 0, 0, words.length, ...Buffer.from(words)]
const refused = message(0xff)

const through = async (chunks: readonly Buffer[]): Promise<Buffer> => {
  const filter = agentFilter()
  const out: Buffer[] = []
  filter.on('data', (chunk: Buffer) => out.push(chunk))
  for (const chunk of chunks) filter.write(chunk)
  filter.end()
  await new Promise((resolve, reject) => filter.once('end', resolve).once('error', reject))
  return Buffer.concat(out)
}

const list = message(11)
const sign = message(13, 1, 2, 3)
const bind = message(27, ...text('session-bind@openssh.com'), 9, 9)

test('listing, signing and binding pass as they are, however they were cut', async () => {
  const all = Buffer.concat([list, bind, sign])
  assert.deepEqual(await through([all]), all)
  assert.deepEqual(await through([...all].map((byte) => Buffer.from([byte]))), all)
})

test('adding, removing, locking, loading libraries and other extensions become what no agent knows, in their turn', async () => {
  const others = [17, 18, 19, 20, 21, 22, 23, 25, 26, 1, 0].map((type) => message(type, 0, 0))
  const extensions = ['query', 'session-bind@openssh.com2', ''].map((name) => message(27, ...text(name)))
  for (const other of [...others, ...extensions, message(27), message(27, 0, 0, 0, 24)])
    assert.deepEqual(await through([list, other, sign]), Buffer.concat([list, refused, sign]))
})

test('what is no message ends the connection', async () => {
  for (const size of [0, 256 * 1024 + 1, 0xffff_ffff]) {
    const bytes = Buffer.alloc(8)
    bytes.writeUInt32BE(size)
    await assert.rejects(through([list, bytes]), /no message/)
  }
})
