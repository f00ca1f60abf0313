// What a vault refuses reaches the person in its own words where they sent something wrong, and only there.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Fault, isFault } from '../base/faults.ts'
import { createVaultClient } from './vault-client.ts'

const refusedBy = async (status: number, error: object): Promise<Fault> => {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-vault-client-'))
  const socket = join(directory, 'vault.sock')
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error }))
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  const vault = createVaultClient({ socket })
  try {
    const answer = await vault.call('health', {}).catch((error: unknown) => error)
    assert.ok(isFault(answer))
    return answer
  } finally {
    vault.close()
    server.close()
    await rm(directory, { recursive: true, force: true })
  }
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
