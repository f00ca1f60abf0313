import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Secret } from '../../base/secret.ts'
import { run } from '../../sys/index.ts'
import { publicHalf } from './public-half.ts'

test('it is that of the .pub file, however often the private form is written anew', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-key-'))
  const file = join(directory, 'key')
  const keygen = async (...args: string[]) =>
    assert.equal((await run('ssh-keygen', args, { timeoutMs: 20_000 })).code, 0)
  try {
    await keygen('-q', '-t', 'ed25519', '-N', '', '-f', file)
    const first = await readFile(file, 'utf8')
    const [, expected] = (await readFile(`${file}.pub`, 'utf8')).split(' ')
    await keygen('-q', '-p', '-P', '', '-N', '', '-f', file)
    const second = await readFile(file, 'utf8')
    assert.notEqual(first, second)
    for (const pem of [first, second]) assert.equal(publicHalf(new Secret(pem)), expected)
    await keygen('-q', '-p', '-P', '', '-N', 'long words', '-f', file)
    assert.equal(publicHalf(new Secret(await readFile(file, 'utf8'))), expected)
  } finally {
    await rm(directory, { recursive: true })
  }
})

test('anything else has none', () => {
  const armoured = (bytes: Buffer) =>
    `-----BEGIN OPENSSH PRIVATE KEY-----\n${bytes.toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`
  const magic = Buffer.from('openssh-key-v1\0')
  const long = Buffer.from([255, 255, 255, 255])
  for (const pem of [
    ...[
      '',
      'no key',
      armoured(Buffer.alloc(0)),
      armoured(magic),
      armoured(Buffer.concat([magic, long, long])),
    ],
    armoured(Buffer.concat([magic, Buffer.alloc(16), long, Buffer.from('x')])),
  ])
    assert.equal(publicHalf(new Secret(pem)), null)
})
