// What the operator reads when vault or server refuse: their words, and the code that explains them.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type FaultCode, isFault } from '../base/faults.ts'
import type { Layout } from './layout.ts'
import { callOperator, callVaultAdmin } from './operator.ts'

test('a refusal has the words and the code of whoever refused', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-operator-'))
  const socket = join(directory, 'socket')
  const answer = { status: 404, body: {} as unknown }
  const server = createServer((_request, response) => {
    response.writeHead(answer.status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer.body))
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  t.after(async () => {
    server.close()
    await rm(directory, { recursive: true })
  })
  // SAFE: nothing else of it is asked for.
  const layout = { vaultAdminSocket: socket, operatorSocket: socket } as Layout
  const refused = async (status: number, body: unknown, call: () => Promise<unknown>) => {
    Object.assign(answer, { status, body })
    return call().then(
      () => assert.fail('was not refused'),
      (error: unknown): [FaultCode, string] => (isFault(error) ? [error.code, error.public] : assert.fail()),
    )
  }
  const vault = () => callVaultAdmin(layout, 'signer.lost', {})
  const error = { code: 'E_NOT_FOUND', number: 'MF4004', message: 'The vault does not know this signer' }
  assert.deepEqual(await refused(404, { error }, vault), ['E_NOT_FOUND', error.message])
  assert.deepEqual(await refused(502, 'x', vault), ['E_VAULT_UNAVAILABLE', '/v1/signer.lost answered 502'])
  const operator = () => callOperator(layout, 'GET', '/api/v1/projects')
  const problem = { code: 'MF6001', title: 'No', detail: 'The database is away' }
  assert.deepEqual(await refused(503, problem, operator), ['E_UNREACHABLE', problem.detail])
  assert.deepEqual(await refused(409, null, operator), ['E_CONFLICT', '/api/v1/projects answered 409'])
})
