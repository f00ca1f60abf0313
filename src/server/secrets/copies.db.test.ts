// A server that was killed after the vault's answer, or that has the tables of an older backup: what it does not know it learns from the vault.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, openParts } from '../../../test/support/parts.ts'
import {
  type CallVault,
  enrolSigner,
  makeSigner,
  signContext,
  signPut,
} from '../../../test/support/signer.ts'
import { policyInContext } from '../../protocol/statement.ts'
import { createContexts } from '../contexts/contexts.ts'
import { copyFromVault } from './copies.ts'
import { createSecrets } from './secrets.ts'

const parts = await openParts()
const [contexts, secrets] = [createContexts(parts), createSecrets(parts)]
const call: CallVault = (verb, request) =>
  verb === 'signer.code' ? parts.admin(verb, request) : parts.vault.call(verb, request)
const signer = await makeSigner()
await enrolSigner(call, signer)
const nowSeconds = Math.floor(parts.clock.now() / 1000)
const project = await addLocalProject(parts, 'web')
const org = parts.organisation
const rows = async () =>
  (
    await sql<{ name: string; version: number; state: string }>`
      select name, version, state from secrets order by name`.execute(parts.db)
  ).rows.map(({ name, version, state }) => [name, version, state])

test('what was put, changed and made while the tables did not hear of it is there after a start', async () => {
  const put = async (name: string, prev: string | null = null, value = `value of ${name}`) =>
    call('secret.put', {
      ...{ owner: project, name },
      ...(await signPut(call, signer, { owner: project, name, value, nowSeconds, prev })),
    })
  await put('LOST')
  await put('ENABLED')
  const made = await signContext(signer, { org, name: 'deploy', nowSeconds, rules: { projects: [project] } })
  const { context, head } = await call('context.put', { org, ...made })
  const of = {
    owner: context,
    name: 'KEY',
    nowSeconds,
    value: 'of a context',
    body: { policy: policyInContext },
  }
  await call('secret.put', { owner: context, name: 'KEY', ...(await signPut(call, signer, of)) })
  assert.deepEqual(await rows(), [])
  await assert.rejects(secrets.list(parts.actor, { context: 'deploy' }), /No such context/)
  // A row without its project in the vault is no reason to leave out the others.
  const stray = parts.newId('project')
  await sql`
    insert into projects (id, organisation_id, name, source, source_url, default_branch, hook_id)
    select ${stray}, organisation_id, 'stray', source, source_url, default_branch, ${parts.newId('hook')} from projects
    where id = ${project}`.execute(parts.db)

  await copyFromVault(parts)
  assert.deepEqual(await rows(), [
    ['ENABLED', 1, 'active'],
    ['KEY', 1, 'active'],
    ['LOST', 1, 'active'],
  ])
  assert.deepEqual(
    (await secrets.list(parts.actor, { context: 'deploy' })).items.map(({ name }) => name),
    ['KEY'],
  )

  // What the tables know is not undone by an answer from before; what was missed since is made up for.
  await sql`update secrets set state = 'disabled' where name = 'ENABLED'`.execute(parts.db)
  await sql`update secrets set version = 7 where name = 'KEY'`.execute(parts.db)
  await put('LOST', (await secrets.find(parts.actor, { project }, 'LOST'))?.detail?.head, 'another value')
  const change = { org, name: 'deploy', nowSeconds, prev: head, rules: { projects: '*' as const } }
  await call('context.put', { org, ...(await signContext(signer, change)) })
  await copyFromVault(parts)
  assert.deepEqual(await rows(), [
    ['ENABLED', 1, 'active'],
    ['KEY', 7, 'active'],
    ['LOST', 2, 'active'],
  ])
  const { rows: known } = await sql`select projects, version from contexts`.execute(parts.db)
  assert.deepEqual(known, [{ projects: null, version: 2 }])
  assert.equal((await contexts.find(parts.scope, 'deploy'))?.name, 'deploy')
})
