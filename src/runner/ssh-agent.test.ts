// Keys as people have them, in the private agent of this machine's OpenSSH.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Secret } from '../base/secret.ts'
import { run } from '../sys/index.ts'
import { openSshAgent } from './ssh-agent.ts'

const hasSsh = await run('ssh-keygen', ['-?'], { timeoutMs: 5_000 }).then(
  () => true,
  () => false,
)
const directory = await mkdtemp(join(tmpdir(), 'mf-agent-'))
after(() => rm(directory, { recursive: true }))

test('a key is taken without its last line end, which a terminal or a page loses, and with those of Windows', {
  skip: hasSsh ? false : 'ssh-keygen is not installed',
}, async () => {
  const agent = await openSshAgent(directory)
  try {
    for (const type of ['ed25519', 'rsa']) {
      const path = join(directory, type)
      const form = type === 'rsa' ? ['-m', 'PEM', '-b', '2048'] : []
      await run('ssh-keygen', ['-q', '-t', type, ...form, '-N', '', '-f', path], { timeoutMs: 30_000 })
      const whole = await readFile(path, 'latin1')
      const [kind, blob] = (await readFile(`${path}.pub`, 'utf8')).split(' ')
      const hosts = [`git.example.org ${kind} ${blob}`]
      for (const text of [whole, whole.trimEnd(), whole.replaceAll('\n', '\r\n').trimEnd()])
        assert.equal(await agent.add({ key: new Secret(text), hosts, seconds: 60 }), true, type)
    }
  } finally {
    await agent.close()
  }
})
