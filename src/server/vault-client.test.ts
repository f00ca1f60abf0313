// What a vault refuses reaches the person in its own words where they sent something wrong, and only there; what it lists gets through
// whole, however large the installation is.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Fault, isFault } from '../base/faults.ts'
import { formatId, type IdKind } from '../base/ids.ts'
import type { VaultAnswer, VaultRequest, VaultVerb } from '../protocol/vault.ts'
import { randomBytes } from '../sys/index.ts'
import { createVaultClient } from './vault-client.ts'

const newId = <K extends IdKind>(kind: K) => formatId(kind, randomBytes(16))

/** What the client makes of an answer to `verb`. */
const told = async <V extends VaultVerb>(
  verb: V,
  request: VaultRequest<V>,
  [status, body]: readonly [number, object],
): Promise<VaultAnswer<V>> => {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-vault-client-'))
  const socket = join(directory, 'vault.sock')
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  const vault = createVaultClient({ socket })
  try {
    return await vault.call(verb, request)
  } finally {
    vault.close()
    server.close()
    await rm(directory, { recursive: true, force: true })
  }
}

const refusedBy = async (status: number, error: object): Promise<Fault> => {
  const answer = await told('health', {}, [status, { error }]).catch((error: unknown) => error)
  assert.ok(isFault(answer))
  return answer
}

test('what is wrong with a request is said in the words of the vault', async () => {
  const { code, public: words } = await refusedBy(400, { code: 'E_INPUT', message: 'The value is empty' })
  assert.deepEqual([code, words], ['E_INPUT', 'The value is empty'])
  const long = await refusedBy(400, { code: 'E_INPUT', message: 'x'.repeat(5000) })
  assert.equal(long.public.length, 300)
  assert.equal((await refusedBy(400, { code: 'E_INPUT', message: 7 })).public, 'The request is not valid')
})

test('of anything else only the code counts', async () => {
  for (const code of ['E_STORE_TAMPERED', 'E_INTERNAL', 'E_NOT_OURS'])
    assert.doesNotMatch((await refusedBy(500, { code, message: 'inner matters' })).public, /inner/)
})

test('the lists of a large installation get through: thousands of projects with long addresses and many host keys', async () => {
  const [org, path] = [newId('organisation'), `${'a-group/'.repeat(20)}repository.git`]
  const host = 'git.example.org'
  const source = { kind: 'ssh', url: `ssh://git@${host}/${path}`, host, port: 22, user: 'git', path }
  const hostKeys = Array.from({ length: 16 }, () => `SHA256:${'A'.repeat(43)}`)
  const projects = Array.from({ length: 5000 }, () => {
    return { project: newId('project'), source, hostKeys, state: 'none', signer: null }
  })
  const { projects: all } = await told('project.admissions', { org }, [200, { projects, head: null }])
  assert.equal(all.length, projects.length)
})
