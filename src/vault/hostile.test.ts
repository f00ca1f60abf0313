// Every verb of the vault, on both sockets, against damaged copies of what its callers send: refused in words, never broken.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { damageBytes, damageJson, leak } from '../../test/support/hostile.ts'
import { createRandom } from '../../test/support/random.ts'
import { utf8 } from '../base/bytes.ts'
import { formatId, type IdKind } from '../base/ids.ts'
import { type Log, silentLog } from '../base/log.ts'
import { type VaultVerb, vaultVerbs } from '../protocol/vault.ts'
import { randomBytes, systemClock } from '../sys/index.ts'
import { openVault, type Vault } from './index.ts'

const id = <K extends IdKind>(kind: K) => formatId(kind, new Uint8Array(16).fill(7))
const key = 'A'.repeat(43)

/** Members of all verbs: what a verb does not know it refuses, so each gets its own part of them too. */
const members = {
  ...{ project: id('project'), org: id('organisation'), runner: id('runner'), publicKey: key, eph: key },
  ...{
    source: { kind: 'local', root: 0, path: 'a.git' },
    projects: '*',
    tierMax: 'protected',
    hook: id('hook'),
  },
  ...{ ticket: 'a.b.c', poll: { jws: 'a.b.c', body: '{}' }, want: [{ type: 'job' }], object: id('attempt') },
  ...{ sealedKey: key, name: 'TOKEN', signature: 'a'.repeat(64), body: 'e30', mac: key, code: 'x' },
}

const world = { directory: '', vault: undefined as unknown as Vault, errors: 0 }
const log: Log = { ...silentLog, error: () => void world.errors++, child: () => log }

before(async () => {
  world.directory = await mkdtemp(join(tmpdir(), 'mayfly-hostile-'))
  const rootKeyPath = join(world.directory, 'root.key')
  await writeFile(rootKeyPath, randomBytes(32), { mode: 0o400 })
  world.vault = await openVault({
    ...{ dataDir: join(world.directory, 'data'), keyringPath: join(world.directory, 'keyring', 'keyring') },
    ...{
      rootKeyPath,
      installation: 'inst-1',
      oidcBase: 'https://id.example',
      clock: systemClock,
      randomBytes,
      log,
    },
  })
})
after(async () => {
  await world.vault.close()
  await rm(world.directory, { recursive: true })
})

const ask = (socket: 'handleAdmin' | 'handleServer', verb: VaultVerb, body: Uint8Array) =>
  world.vault[socket]({
    ...{ method: 'POST', path: `/v1/${verb}`, headers: { 'content-type': 'application/json' } },
    body: (async function* () {
      yield body
    })(),
  })

for (const verb of Object.keys(vaultVerbs) as VaultVerb[])
  test(`${verb} refuses what is not for it`, async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = createRandom(seed)
      const some = Object.fromEntries(Object.entries(members).filter(() => random(3) === 0))
      const damaged = utf8(JSON.stringify(damageJson(random, some)) ?? 'null')
      const body = random(4) === 0 ? damageBytes(random, damaged) : damaged
      for (const socket of ['handleAdmin', 'handleServer'] as const) {
        const answer = await ask(socket, verb, body)
        assert.ok(
          answer.status < 500,
          `${verb}, seed ${seed}: ${answer.status} ${JSON.stringify(answer.body)}`,
        )
        assert.doesNotMatch(JSON.stringify(answer.body ?? ''), leak, `${verb}, seed ${seed}`)
      }
    }
    assert.equal(world.errors, 0)
  })
