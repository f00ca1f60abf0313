import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../../sys/index.ts'
import { keyFingerprint } from './key-fingerprint.ts'

const keygen = async (...args: readonly string[]): Promise<string> => {
  const done = await run('ssh-keygen', args, { timeoutMs: 20_000 })
  assert.equal(done.code, 0, done.stderr.toString())
  return done.stdout.toString()
}

test('the fingerprint is the one that ssh-keygen says', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mf-key-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  for (const type of ['ed25519', 'ecdsa']) {
    const path = join(directory, type)
    await keygen('-q', '-t', type, '-N', '', '-f', path)
    const said = await keygen('-l', '-f', `${path}.pub`)
    assert.equal(keyFingerprint(await readFile(path, 'utf8')), said.split(' ')[1])
  }
})

test('what is no such key has no fingerprint, however it ends', () => {
  const whole = Buffer.concat([Buffer.from('openssh-key-v1\0'), Buffer.alloc(3)])
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.from('x'),
    whole,
    Buffer.concat([whole, Buffer.alloc(9, 255)]),
  ])
    assert.equal(keyFingerprint(bytes.toString('base64')), null)
})
