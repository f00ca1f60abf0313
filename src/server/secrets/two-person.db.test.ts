// Loosening by two people through the server, with a real vault: what waits, what it holds, who makes it happen, and what is left of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, openParts } from '../../../test/support/parts.ts'
import {
  type CallVault,
  countersign,
  enrolSigner,
  makeSigner,
  type Signer,
  signAdmission,
  signContext,
  signPut,
  signRule,
} from '../../../test/support/signer.ts'
import { type Fault, isFault } from '../../base/faults.ts'
import type { Proposal } from '../../protocol/api/proposals.ts'
import type { ContextRules } from '../../protocol/contexts.ts'
import { defaultPolicy, type Statement } from '../../protocol/statement.ts'
import type { Actor } from '../access/actor.ts'
import { scopeOfOrganisation } from '../access/actor.ts'
import { createAdmissions } from '../contexts/admissions.ts'
import { createContexts } from '../contexts/contexts.ts'
import { expireProposals } from './proposals.ts'
import { createSecrets } from './secrets.ts'
import { createTwoPerson } from './two-person.ts'

const parts = await openParts()
const { db, actor, scope, organisation: org } = parts
const [contexts, secrets, twoPerson] = [createContexts(parts), createSecrets(parts), createTwoPerson(parts)]
const admissions = createAdmissions(parts)
const call: CallVault = (verb, request) =>
  verb === 'signer.code' || verb === 'signer.person'
    ? parts.admin(verb, request)
    : parts.vault.call(verb, request)
const [ada, bob] = [await makeSigner('ada'), await makeSigner('bob')]
for (const signer of [ada, bob]) {
  await enrolSigner(call, signer)
  await call('signer.person', { signer: signer.id, person: signer.record.name })
}
const nowSeconds = Math.floor(parts.clock.now() / 1000)
const json = <T>(value: T) => JSON.parse(JSON.stringify(value))
const faultOf = async (work: Promise<unknown>): Promise<Fault> =>
  work.then(
    () => assert.fail('it was not refused'),
    (error: unknown) => (isFault(error) ? error : assert.fail(String(error))),
  )

const user = parts.newId('user')
await sql`
  insert into users (id, organisation_id, name, email, role)
  values (${user}, ${org}, 'Bob', 'bob@example.org', 'owner')`.execute(db)
const person: Actor = {
  ...{ kind: 'user', user, session: parts.newId('session'), name: 'Bob', email: 'x@y', role: 'owner' },
  ...{ provedAgoMs: 0, scope },
}

const contextBody = async (rules: Partial<ContextRules>) => {
  const prev = await contexts.find(scope, 'deploy').then(
    ({ head }) => head,
    () => null,
  )
  return json(await signContext(ada, { org, name: 'deploy', nowSeconds, prev, rules }))
}
const signedBy = async (signer: Signer, { statement }: Pick<Proposal, 'statement'>) =>
  // SAFE: what was signed came back as it was sent.
  json(await countersign(signer, { statement: statement as unknown as Statement, nowSeconds }))
const waiting = async () => (await twoPerson.list(scope)).items
const requestsKept = async () => {
  const { rows } = await sql<{ kept: string }>`select count(request)::text as kept from proposals`.execute(db)
  return Number(rows[0]?.kept)
}
const web = await addLocalProject(parts, 'web')

test('a rule of the organisation is demanded by one and is what the vault says', async () => {
  assert.deepEqual(await twoPerson.rules(scope), {
    two_person: false,
    people: 2,
    changed_at: null,
    head: null,
  })
  const elsewhere = json(
    await signRule(ada, { org: parts.newId('organisation'), twoPerson: true, nowSeconds }),
  )
  assert.equal((await faultOf(twoPerson.setRules(actor, elsewhere))).code, 'E_INPUT')
  await contexts.create(actor, await contextBody({ projects: [] }))
  const set = await twoPerson.setRules(actor, json(await signRule(ada, { org, twoPerson: true, nowSeconds })))
  assert.equal(set.two_person, true)
})

test('a loosening waits, is shown as it was signed, and is made by the signature of somebody else', async () => {
  const body = await contextBody({ projects: [web] })
  const refusal = await faultOf(contexts.set(actor, 'deploy', body))
  assert.equal(refusal.code, 'E_STMT_SECOND')
  const [proposal, ...others] = await waiting()
  assert.ok(proposal !== undefined && others.length === 0)
  assert.match(refusal.public, new RegExp(`as ${proposal.id}$`))
  assert.deepEqual(
    [proposal.kind, proposal.secret, proposal.statement],
    ['context.put', null, body.statement],
  )
  await faultOf(contexts.set(actor, 'deploy', body))
  assert.equal((await waiting()).length, 1, 'the same one waits once')
  assert.deepEqual((await contexts.find(scope, 'deploy')).projects, [])

  const own = await faultOf(twoPerson.sign(person, proposal.id, await signedBy(ada, proposal)))
  assert.equal(own.code, 'E_STMT_SECOND')
  assert.equal((await waiting()).length, 1, 'still there for somebody else')
  const foreign = scopeOfOrganisation(parts.newId('organisation'))
  assert.deepEqual((await twoPerson.list(foreign)).items, [])
  const bobs = await signedBy(bob, proposal)
  const stranger = await faultOf(twoPerson.sign({ ...person, scope: foreign }, proposal.id, bobs))
  assert.equal(stranger.code, 'E_NOT_FOUND')

  await twoPerson.sign(person, proposal.id, bobs)
  assert.deepEqual((await contexts.find(scope, 'deploy')).projects, [{ id: web, name: 'web' }])
  assert.deepEqual([await waiting(), await requestsKept()], [[], 0])
  assert.equal((await faultOf(twoPerson.sign(person, proposal.id, bobs))).code, 'E_NOT_FOUND', 'once')
  const { rows } = await sql<{ action: string; actor: string }>`
    select action, actor_id as actor from audit where target = ${proposal.id} order by id`.execute(db)
  assert.deepEqual(rows, [
    { action: 'proposal.make', actor: 'operator' },
    { action: 'proposal.make', actor: 'operator' },
    { action: 'proposal.sign', actor: user },
  ])
})

test('a value waits sealed, is of whoever put it, and is gone when it is taken back', async () => {
  const put = async (value: string, prev: string | null, refs: readonly string[]) => {
    const policy = { ...defaultPolicy('main'), refs }
    return json(
      await signPut(call, ada, { owner: web, name: 'TOKEN', value, nowSeconds, prev, body: { policy } }),
    )
  }
  const first = await secrets.put(
    actor,
    { project: 'web' },
    await put('hunter2hunter2', null, ['refs/heads/main']),
  )
  const wide = await put('hunter3hunter3', first.detail?.head ?? null, ['refs/**'])
  assert.equal((await faultOf(secrets.put(actor, { project: 'web' }, wide))).code, 'E_STMT_SECOND')
  const [proposal] = await waiting()
  assert.deepEqual(proposal?.secret, { name: 'TOKEN', project: 'web', context: null })
  assert.ok(!JSON.stringify(proposal).includes(wide.sealed.ct), 'what is shown holds no sealed value')
  await twoPerson.withdraw(actor, proposal?.id ?? '')
  assert.deepEqual([await waiting(), await requestsKept()], [[], 0])
  assert.equal((await faultOf(twoPerson.withdraw(actor, proposal?.id ?? ''))).code, 'E_NOT_FOUND')

  await faultOf(secrets.put(actor, { project: 'web' }, wide))
  const [again] = await waiting()
  assert.ok(again)
  await twoPerson.sign(person, again.id, await signedBy(bob, again))
  const { rows } = await sql<{ version: number; put_by: string; changed_by: string }>`
    select version, put_by, changed_by from secrets where project_id = ${web} and name = 'TOKEN'`.execute(db)
  assert.deepEqual(rows, [{ version: 2, put_by: 'operator', changed_by: user }])
  assert.deepEqual((await secrets.find(actor, { project: 'web' }, 'TOKEN'))?.detail?.policy.refs, ['refs/**'])
})

test('a project that is admitted waits for the second person, too, and the copy follows when it is made', async () => {
  const { projects, head } = await admissions.list(scope)
  const { source, host_keys } = projects.find(({ project }) => project.id === web) ?? assert.fail()
  const admit = [{ project: web, source, host_keys }]
  const body = json(await signAdmission(ada, { org, nowSeconds, prev: head, body: { admit } }))
  assert.equal((await faultOf(admissions.set(actor, body))).code, 'E_STMT_SECOND')
  const isAdmitted = async () =>
    (await sql<{ admitted: boolean }>`select admitted from projects where id = ${web}`.execute(db)).rows
  assert.deepEqual(await isAdmitted(), [{ admitted: false }])
  const [proposal] = await waiting()
  assert.equal(proposal?.kind, 'project.admit')
  await twoPerson.sign(person, proposal.id, await signedBy(bob, proposal))
  assert.deepEqual([await isAdmitted(), await waiting()], [[{ admitted: true }], []])
})

test('what nobody signed in time is shown no more, and the next sweep takes its request', async () => {
  const body = await contextBody({ projects: '*' })
  await faultOf(contexts.set(actor, 'deploy', body))
  await sql`update proposals set expires_at = now() - interval '1 second' where state = 'waiting'`.execute(db)
  assert.deepEqual(await waiting(), [])
  assert.equal(await requestsKept(), 1)
  await expireProposals(db)
  assert.equal(await requestsKept(), 0)
  const off = json(
    await signRule(ada, { org, twoPerson: false, nowSeconds, prev: (await twoPerson.rules(scope)).head }),
  )
  assert.equal((await faultOf(twoPerson.setRules(actor, off))).code, 'E_STMT_SECOND')
  assert.equal(await requestsKept(), 1)
  const [proposal] = await waiting()
  assert.deepEqual([proposal?.kind, proposal?.secret], ['rules.set', null])
  await twoPerson.sign(person, proposal?.id ?? '', await signedBy(bob, proposal!))
  assert.equal((await twoPerson.rules(scope)).two_person, false)
})
