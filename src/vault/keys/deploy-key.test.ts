// The deploy key as OpenSSH itself reads it.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../../sys/index.ts'
import { generateDeployKey, openSshPrivateKey } from './deploy-key.ts'

const hasSshKeygen = await run('ssh-keygen', ['-?'], { timeoutMs: 5_000 }).then(
  () => true,
  () => false,
)

test('a private key names its public key, and is padded for every length of comment', async () => {
  for (let length = 0; length < 9; length++) {
    const key = await generateDeployKey(`c${'x'.repeat(length)}`)
    const pem = openSshPrivateKey({ ...key, check: new Uint8Array(4) })
    const body = Buffer.from(pem.split('\n').slice(1, -2).join(''), 'base64')
    assert.equal(body.subarray(0, 15).toString('latin1'), 'openssh-key-v1\0')
    assert.ok(body.includes(Buffer.from(key.publicLine.split(' ')[1]!, 'base64')))
    assert.ok(pem.split('\n').every((line) => line.length <= 70))
  }
})

test('ssh-keygen reads the private key and agrees on public key and fingerprint', {
  skip: hasSshKeygen ? false : 'ssh-keygen is not installed',
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-deploy-key-'))
  try {
    for (const comment of ['mayfly-prj_0', 'mayfly-prj_012345']) {
      const key = await generateDeployKey(comment)
      const path = join(directory, comment)
      await writeFile(path, openSshPrivateKey({ ...key, check: Uint8Array.of(1, 2, 3, 4) }), { mode: 0o600 })
      const shown = await run('ssh-keygen', ['-y', '-f', path], { timeoutMs: 10_000 })
      assert.equal(shown.stdout.toString().trim(), key.publicLine, shown.stderr.toString())
      const print = await run('ssh-keygen', ['-l', '-f', path], { timeoutMs: 10_000 })
      assert.ok(print.stdout.toString().includes(key.fingerprint))
    }
  } finally {
    await rm(directory, { recursive: true })
  }
})
