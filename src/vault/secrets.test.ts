// Secrets and signers through the verbs of a real vault: who may change what, what a job is given, and what must not work.
import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { enrolSigner, makeSigner, type SignedPut, signRevoke } from '../../test/support/signer.ts'
import { makeWorld, start } from '../../test/support/vault-world.ts'
import { fromBase64Url, toBase64Url, utf8 } from '../base/bytes.ts'
import { matchesGlob } from '../base/ref-glob.ts'
import { type SecretPolicy, type SignerKey, type Statement, secretsMax } from '../protocol/statement.ts'
import type { VaultAnswer } from '../protocol/vault.ts'
import {
  canonicalJson,
  signerId,
  signerMac,
  signStatement,
  statementBytes,
  statementDigest,
  vaultMac,
} from '../seal/index.ts'
import { randomBytes } from '../sys/index.ts'
import { admits } from './policy/admits.ts'

test('what a person sealed reaches the job of its project, after a restart too', async () => {
  const { put, release, restart, call, project } = await makeWorld()
  const made = await put('TOKEN', 'hunter2hunter2')
  assert.deepEqual([made.version, made.state, made.releases, made.lastRelease], [1, 'active', 0, null])
  assert.deepEqual((await release()).values, { TOKEN: 'hunter2hunter2' })
  await restart()
  const { claims, payload } = await release()
  assert.deepEqual(payload.secrets, [
    { name: 'TOKEN', kind: 'env', value: toBase64Url(utf8('hunter2hunter2')) },
  ])
  await restart()
  const [listed] = (await call('secret.list', { owner: project })).secrets
  const { run, job, attempt } = claims
  assert.deepEqual(listed?.lastRelease, { at: start, run, job, attempt })
  assert.equal(listed?.releases, 2)
})

test('an SSH key names its hosts, in what was signed, and they go with it', async () => {
  const { put, make, refused, release, call, project } = await makeWorld()
  const pem = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA==\n-----END OPENSSH PRIVATE KEY-----\n'
  const hosts = [
    `git.example.org ssh-ed25519 ${'A'.repeat(68)}`,
    `[10.0.0.1]:2222 ssh-rsa ${'B'.repeat(372)}==`,
  ]
  await put('DEPLOY', pem, { body: { kind: 'ssh', hosts } })
  await put('WINDOWS', pem.replaceAll('\n', '\r\n'), { body: { kind: 'ssh', hosts } })
  const { payload } = await release()
  assert.deepEqual(
    payload.secrets.map(({ name, kind, hosts }) => ({ name, kind, hosts })),
    ['DEPLOY', 'WINDOWS'].map((name) => ({ name, kind: 'ssh', hosts })),
  )
  assert.deepEqual((await call('secret.list', { owner: project })).secrets[0]?.hosts, hosts)
  const bodies = [
    { kind: 'ssh' },
    { kind: 'ssh', hosts: [] },
    { kind: 'env', hosts },
    { kind: 'ssh', hosts: ['git.example.org ssh-ed25519'] },
    { kind: 'ssh', hosts: ['* ssh-ed25519 AAAAAAAAAAAAAAAAAAAAAAAA'] },
    { kind: 'ssh', hosts: [`a,b ssh-ed25519 ${'A'.repeat(68)}\n@cert-authority * x`] },
  ] as const
  for (const body of bodies) {
    const bad = await make('BAD', pem, { body })
    await refused('secret.put', { owner: project, name: 'BAD', ...bad }, 'E_INPUT', JSON.stringify(body))
  }
  const open = await make('BAD', 'not a key', { body: { kind: 'ssh', hosts } })
  await refused('secret.put', { owner: project, name: 'BAD', ...open }, 'E_INPUT', 'no key')
})

test('what a job is given gets through with every host of every SSH key, or is refused while its person is there', async () => {
  const { put, make, refused, release, project } = await makeWorld()
  const pem = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA==\n-----END OPENSSH PRIVATE KEY-----\n'
  const hosts = Array.from({ length: 16 }, (_, i) => `${i}.${'h'.repeat(250)} ssh-rsa ${'B'.repeat(1700)}`)
  const keys = ['A', 'B', 'C'].map((name) => `KEY_${name}`)
  for (const name of keys) await put(name, pem, { body: { kind: 'ssh', hosts } })
  const body = { kind: 'file' as const }
  const room = 1024 * 1024 - keys.length * (pem.length + hosts.join().length)
  const more = await make('FILE', new Uint8Array(randomBytes(room + 1)), { body })
  await refused('secret.put', { owner: project, name: 'FILE', ...more }, 'E_TOO_LARGE')
  await put('FILE', new Uint8Array(randomBytes(room)), { body })
  assert.equal((await release()).payload.secrets.length, 4)
})

test('a project has so many secrets; another value, or one in place of what was revoked, finds room', async () => {
  const { put, make, refused, call, project, signer, clock } = await makeWorld()
  const value = 'hunter2hunter2'
  const { head } = await put('S0', value)
  for (let i = 1; i < secretsMax; i++) await put(`S${i}`, value)
  const more = { owner: project, name: 'MORE', ...(await make('MORE', value)) }
  await refused('secret.put', more, 'E_TOO_LARGE')
  const { head: prev } = await put('S0', 'hunter3hunter3', { prev: head })
  const about = { owner: project, name: 'S0', nowSeconds: clock.seconds, prev }
  await call('secret.revoke', { owner: project, name: 'S0', ...(await signRevoke(signer, about)) })
  await call('secret.put', more)
})

test('a new version takes the place of the old one; what was revoked is gone until it is put anew', async () => {
  const { put, release, call, project, signer, clock, options } = await makeWorld()
  const values = () => readdir(join(options.dataDir, 'values'))
  let prev: string | null = null
  for (let version = 1; version <= 7; version++) {
    const made: VaultAnswer<'secret.put'> = await put('TOKEN', `value number ${version}`, { prev })
    assert.equal(made.version, version)
    prev = made.head
  }
  assert.deepEqual((await release()).values, { TOKEN: 'value number 7' })
  assert.equal((await values()).length, 5, 'old versions are kept for a while, not for ever')
  const revoke = await signRevoke(signer, { owner: project, name: 'TOKEN', nowSeconds: clock.seconds, prev })
  const revoked = await call('secret.revoke', { owner: project, name: 'TOKEN', ...revoke })
  assert.equal(revoked.state, 'revoked')
  assert.deepEqual(await call('secret.revoke', { owner: project, name: 'TOKEN', ...revoke }), revoked)
  assert.deepEqual((await release()).values, {})
  assert.deepEqual(await values(), [])
  const again = await put('TOKEN', 'a value after it', { prev: revoked.head })
  assert.deepEqual([again.version, again.state], [8, 'active'])
  assert.deepEqual((await release()).values, { TOKEN: 'a value after it' })
})

test('a statement is good once, for its subject, in its turn and in its time', async () => {
  const { make, put, call, refused, project, clock, addProject, signer } = await makeWorld()
  const first = await make('TOKEN', 'first value')
  const made = await call('secret.put', { owner: project, name: 'TOKEN', ...first })
  assert.deepEqual(
    await call('secret.put', { owner: project, name: 'TOKEN', ...first }),
    made,
    'repeated: nothing new',
  )
  const second = await put('TOKEN', 'second value', { prev: made.head })
  assert.equal(second.version, 2)
  await refused('secret.put', { owner: project, name: 'TOKEN', ...first }, 'E_STMT_PREV', 'brought back')
  const skipped = await make('TOKEN', 'third value', { prev: made.head })
  await refused('secret.put', { owner: project, name: 'TOKEN', ...skipped }, 'E_STMT_PREV', 'out of its turn')
  const unchained = await make('TOKEN', 'third value')
  await refused(
    'secret.put',
    { owner: project, name: 'TOKEN', ...unchained },
    'E_STMT_PREV',
    'as if it were new',
  )
  await refused('secret.put', { owner: project, name: 'OTHER', ...first }, 'E_INPUT', 'another name')
  await refused('secret.put', { owner: await addProject(), name: 'TOKEN', ...first }, 'E_INPUT', 'project')
  for (const iat of [clock.seconds - 601, clock.seconds + 61]) {
    const late = await make('LATE', 'some value', { changes: { iat } })
    await refused('secret.put', { owner: project, name: 'LATE', ...late }, 'E_STMT_STALE')
  }
  const twins = await Promise.all(['one value', 'two value'].map((value) => make('TWIN', value)))
  const results = await Promise.allSettled(
    twins.map((twin) => call('secret.put', { owner: project, name: 'TWIN', ...twin })),
  )
  assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  const revoke = await signRevoke(signer, { owner: project, name: 'NONE', nowSeconds: start, prev: null })
  await refused('secret.revoke', { owner: project, name: 'NONE', ...revoke }, 'E_NOT_FOUND')
})

test('nobody but an enrolled signer changes anything, and no part of a put can be swapped', async () => {
  const { make, refused, project, call } = await makeWorld()
  const good = await make('TOKEN', 'first value')
  const stranger = await makeSigner('a stranger')
  const signedBy = async (statement: Statement) => signStatement(statement, stranger.key.privateKey)
  const wide: SecretPolicy = { refs: ['refs/**'], events: ['push'], min_tier: 'branch' }
  const body = { ...good.statement.body, policy: wide }
  const other = await make('TOKEN', 'another value')
  const bad: [string, Partial<SignedPut>][] = [
    ['E_STMT_SIG', { proof: await signedBy(good.statement) }],
    [
      'E_STMT_SIG',
      {
        statement: { ...good.statement, iss: stranger.id },
        proof: await signedBy({ ...good.statement, iss: stranger.id }),
      },
    ],
    ['E_STMT_SIG', { statement: { ...good.statement, body } }],
    ['E_STMT_SIG', { proof: other.proof }],
    ['E_INPUT', { sealed: other.sealed }],
    ['E_INPUT', { sealed: { ...good.sealed, kid: 'ingest-2' } }],
    ['E_INPUT', { sealed: { ...good.sealed, enc: other.sealed.enc } }],
  ]
  for (const [code, change] of bad)
    await refused(
      'secret.put',
      { owner: project, name: 'TOKEN', ...good, ...change },
      code,
      JSON.stringify(change),
    )
  assert.deepEqual((await call('secret.list', { owner: project })).secrets, [])
})

/** Numbers that are the same at every run. */
const numbers = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed
}

test('property: a put with any one character changed is never accepted', async () => {
  const { make, project, call } = await makeWorld()
  const next = numbers(7)
  const text = JSON.stringify({ owner: project, name: 'TOKEN', ...(await make('TOKEN', 'first value')) })
  for (let i = 0; i < 300; i++) {
    const at = next() % text.length
    const changed = text.slice(0, at) + String.fromCharCode(33 + (next() % 90)) + text.slice(at + 1)
    if (changed === text) continue
    let request: unknown
    try {
      request = JSON.parse(changed)
    } catch {
      continue
    }
    // A member of the JSON that is written in another way is still the same request.
    if (canonicalJson(request) === canonicalJson(JSON.parse(text))) continue
    await assert.rejects(call('secret.put', request as never), changed)
  }
  assert.deepEqual((await call('secret.list', { owner: project })).secrets, [])
})

test('property: a statement has one text and one digest, whatever the order of its members', async () => {
  const { make } = await makeWorld()
  const next = numbers(11)
  const { statement } = await make('TOKEN', 'first value')
  for (let i = 0; i < 50; i++) {
    const shuffled = Object.fromEntries(
      Object.entries(statement).sort(() => (next() % 2 === 0 ? 1 : -1)),
    ) as Statement
    assert.deepEqual(statementBytes(shuffled), statementBytes(statement))
    assert.equal(await statementDigest(shuffled), await statementDigest(statement))
  }
})

test('values that cannot be used or masked are refused', async () => {
  const { make, put, refused, project, release } = await makeWorld()
  const bad: [string, Awaited<ReturnType<typeof make>>][] = [
    ['E_INPUT', await make('TOKEN', '')],
    ['E_INPUT', await make('TOKEN', 'seven77')],
    ['E_INPUT', await make('TOKEN', 'with a \0 in it')],
    // No variable holds it: each job that was given it would fail.
    [
      'E_INPUT',
      await make(
        'TOKEN',
        Uint8Array.from({ length: 16 }, (_, at) => 0xf0 - at),
      ),
    ],
    ['E_TOO_LARGE', await make('TOKEN', 'x'.repeat(64 * 1024 + 1))],
  ]
  for (const [code, request] of bad)
    await refused('secret.put', { owner: project, name: 'TOKEN', ...request }, code)
  for (const name of ['', '1A', 'A-B', 'A B', 'A'.repeat(129)])
    await refused(
      'secret.put',
      { owner: project, name, ...(await make(name, 'first value')) },
      'E_INPUT',
      name,
    )
  await put('SHORT', 'x', { body: { allow_unmaskable: true } })
  const file = new Uint8Array(randomBytes(1024 * 1024 - 100))
  await put('KEYSTORE', file, { body: { kind: 'file' } })
  const more = await make('MORE', 'x'.repeat(100))
  await refused(
    'secret.put',
    { owner: project, name: 'MORE', ...more },
    'E_TOO_LARGE',
    'more than a release can hold',
  )
  const { payload } = await release()
  assert.deepEqual(payload.secrets, [
    { name: 'KEYSTORE', kind: 'file', value: toBase64Url(file) },
    { name: 'SHORT', kind: 'env', value: toBase64Url(utf8('x')) },
  ])
})

test('each rule of a policy decides by itself', () => {
  const policy: SecretPolicy = { refs: ['refs/heads/main'], events: ['push', 'manual'], min_tier: 'branch' }
  const secret = { state: 'active', expiresAt: null, policy } as const
  const claims = { purpose: 'job', ref: 'refs/heads/main', event: 'push', tier: 'branch' } as const
  assert.equal(admits(secret, claims, start), true)
  assert.equal(admits(secret, { ...claims, event: 'manual' }, start), true)
  const refused: [string, object, object][] = [
    ['purpose', {}, { purpose: 'plan' }],
    ['purpose', {}, { purpose: 'refs' }],
    ['state', { state: 'revoked' }, {}],
    ['expired', { expiresAt: start }, {}],
    ['ref', {}, { ref: 'refs/heads/other' }],
    ['ref', {}, { ref: 'refs/heads/main2' }],
    ['no ref', {}, { ref: undefined }],
    ['event', {}, { event: 'schedule' }],
    ['no event', {}, { event: undefined }],
    ['unknown event', {}, { event: 'pull_request' }],
    ['tier', { policy: { ...policy, min_tier: 'protected' } }, {}],
    ['fork', {}, { tier: 'fork' }],
    ['a tag is no branch', { policy: { ...policy, refs: ['refs/**'] } }, { ref: 'refs/tags/v1' }],
  ]
  for (const [what, secretChange, claimsChange] of refused)
    assert.equal(admits({ ...secret, ...secretChange }, { ...claims, ...claimsChange }, start), false, what)
  const tags = { ...secret, policy: { ...policy, refs: ['refs/tags/v*'], events: ['tag' as const] } }
  assert.equal(admits(tags, { ...claims, ref: 'refs/tags/v1.2' }, start), true)
  assert.equal(admits(secret, { ...claims, tier: 'protected' }, start), true)
  assert.equal(admits({ ...secret, expiresAt: start + 1 }, claims, start), true)
})

test('globs are anchored, know slashes and take no time', () => {
  const yes = ['refs/heads/*', 'refs/**', 'refs/heads/m?in', 'refs/*/main', '**', 'refs/heads/main']
  const no = ['refs/heads', 'main', '*', 'refs/*', 'refs/heads/m?', 'refs/heads/main/*', 'refs/heads/mai', '']
  for (const glob of yes) assert.equal(matchesGlob(glob, 'refs/heads/main'), true, glob)
  for (const glob of no) assert.equal(matchesGlob(glob, 'refs/heads/main'), false, glob)
  assert.equal(matchesGlob('refs/heads/**', 'refs/heads/a/b'), true)
  assert.equal(matchesGlob('refs/heads/*', 'refs/heads/a/b'), false)
  assert.equal(matchesGlob('refs/heads/[a-z]+.', 'refs/heads/[a-z]+.'), true, 'nothing else is special')
  const begin = performance.now()
  assert.equal(matchesGlob(`${'*a'.repeat(100)}b`, 'a'.repeat(255)), false)
  assert.ok(performance.now() - begin < 500)
})

test('a job gets only what its policies admit, of its own project', async () => {
  const { put, release, addProject } = await makeWorld()
  await put('MAIN', 'for main only')
  await put('ANY', 'for any branch', {
    body: { policy: { refs: ['refs/heads/**'], events: ['push'], min_tier: 'branch' } },
  })
  await put('SOON', 'until tomorrow', { body: { expires_at: start + 10 } })
  const names = async (changes: Parameters<typeof release>[0]) => Object.keys((await release(changes)).values)
  assert.deepEqual(await names({}), ['ANY', 'MAIN', 'SOON'])
  assert.deepEqual(await names({ ref: 'refs/heads/other' }), ['ANY'])
  assert.deepEqual(await names({ event: 'manual' }), ['MAIN', 'SOON'])
  assert.deepEqual(await names({ tier: 'fork' }), [])
  assert.deepEqual(await names({ run: undefined }), [])
  assert.deepEqual(await names({ project: await addProject() }), [])
})

test('secrets come with the canary of their project, which is no secret of its own', async () => {
  const { put, make, call, release, restart, addProject } = await makeWorld()
  assert.equal((await release()).payload.canary, undefined)
  const other = await addProject()
  await put('TOKEN', 'hunter2hunter2')
  const theirs = await make('TOKEN', 'hunter2hunter2', { owner: other })
  await call('secret.put', { owner: other, name: 'TOKEN', ...theirs })
  const { payload, values } = await release()
  assert.equal(fromBase64Url(payload.canary ?? '')?.length, 32)
  assert.deepEqual(Object.keys(values), ['TOKEN'])
  await restart()
  assert.equal((await release()).payload.canary, payload.canary)
  assert.notEqual((await release({ project: other })).payload.canary, payload.canary)
})

test('a code enrols one signer, and the vault proves that it is the one that made the code', async () => {
  const { call, refused, clock, restart } = await makeWorld()
  const { code } = await call('signer.code', {})
  const [one, two] = [await makeSigner('one'), await makeSigner('two')]
  const enrolment = async (signer: typeof one, by = code) => ({
    key: signer.record,
    mac: await signerMac(by, signer.record),
  })
  await refused('signer.enroll', await enrolment(one, 'AAAAAAAAAAAAAAAAAAAAAA'), 'E_SIGNER_CODE')
  const swapped = { key: two.record, mac: (await enrolment(one)).mac }
  await refused('signer.enroll', swapped, 'E_SIGNER_CODE', 'another key under the same MAC')
  const { signer, vsign, mac } = await call('signer.enroll', await enrolment(one))
  assert.equal(signer, one.id)
  assert.equal(mac, await vaultMac(code, { signer, vsign }))
  await refused('signer.enroll', await enrolment(two), 'E_SIGNER_CODE', 'a second time')
  const late = (await call('signer.code', {})).code
  clock.seconds += 1800
  await refused('signer.enroll', await enrolment(two, late), 'E_SIGNER_CODE', 'too late')
  const lost = (await call('signer.code', {})).code
  await restart()
  await refused('signer.enroll', await enrolment(two, lost), 'E_SIGNER_CODE', 'after a restart')
  await assert.rejects(enrolSigner(call, one), /E_CONFLICT/)
})

test('a removed signer signs nothing more and does not come back', async () => {
  const { call, make, refused, project, signer } = await makeWorld()
  const second = await makeSigner('second')
  await enrolSigner(call, second)
  const removal: Statement = {
    ...{ v: 1, type: 'signer.remove', sub: signer.id, iss: second.id, iat: start },
    ...{ nonce: toBase64Url(randomBytes(16)), prev: null, body: {} },
  }
  const forged = {
    statement: removal,
    proof: await signStatement(removal, (await makeSigner()).key.privateKey),
  }
  await refused('signer.remove', forged, 'E_STMT_SIG')
  await call('signer.remove', {
    statement: removal,
    proof: await signStatement(removal, second.key.privateKey),
  })
  await refused(
    'secret.put',
    { owner: project, name: 'TOKEN', ...(await make('TOKEN', 'some value')) },
    'E_STMT_SIG',
  )
  const states = (await call('signer.list', {})).signers.map(({ name, state }) => [name, state])
  assert.deepEqual(states.sort(), [
    ['a laptop', 'removed'],
    ['second', 'active'],
  ])
  await assert.rejects(enrolSigner(call, signer), /E_CONFLICT/)
})

const passkeys: Readonly<Record<string, () => { publicKey: KeyObject; privateKey: KeyObject }>> = {
  'P-256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  Ed25519: () => generateKeyPairSync('ed25519'),
  RSA: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
}

for (const [kind, makePair] of Object.entries(passkeys))
  test(`a passkey of ${kind} signs for its site, its statement and a person who was there`, async () => {
    const { call, project, make, refused } = await makeWorld()
    const pair = makePair()
    const spki = pair.publicKey.export({ type: 'spki', format: 'der' })
    const key: SignerKey = {
      ...{ kind: 'webauthn', name: 'a phone', public_key: spki.toString('base64url'), credential: 'AAAA' },
      ...{ rp: 'localhost', origin: 'http://localhost:8420' },
    }
    const { code } = await call('signer.code', {})
    await call('signer.enroll', { key, mac: await signerMac(code, key) })
    const iss = await signerId(spki)
    const assertion = (
      statement: Statement,
      change: { flags?: number; rp?: string; client?: Record<string, unknown> } = {},
    ) => {
      const data = Buffer.concat([
        createHash('sha256')
          .update(change.rp ?? 'localhost')
          .digest(),
        Buffer.from([change.flags ?? 0x05, 0, 0, 0, 0]),
      ])
      const challenge = createHash('sha256').update(statementBytes(statement)).digest('base64url')
      const said = { type: 'webauthn.get', challenge, origin: key.kind === 'webauthn' ? key.origin : '' }
      const client = Buffer.from(JSON.stringify({ ...said, ...change.client }))
      const hash = createHash('sha256').update(client).digest()
      return {
        kind: 'webauthn' as const,
        authenticator_data: data.toString('base64url'),
        client_data: client.toString('base64url'),
        sig: sign(
          kind === 'Ed25519' ? null : 'sha256',
          Buffer.concat([data, hash]),
          pair.privateKey,
        ).toString('base64url'),
      }
    }
    const { statement, sealed } = await make('TOKEN', 'first value', { changes: { iss } })
    const bad: Parameters<typeof assertion>[1][] = [
      { flags: 0x01 },
      { flags: 0x04 },
      { rp: 'evil.example' },
      { client: { origin: 'http://localhost:9999' } },
      { client: { type: 'webauthn.create' } },
      { client: { challenge: 'AAAA' } },
      { client: { crossOrigin: true } },
    ]
    for (const change of bad) {
      const request = {
        owner: project,
        name: 'TOKEN',
        statement,
        sealed,
        proof: assertion(statement, change),
      }
      await refused('secret.put', request, 'E_STMT_SIG', JSON.stringify(change))
    }
    const proof = assertion(statement)
    const broken = { ...proof, sig: proof.sig.replace(/.{4}$/, 'AAAA') }
    await refused(
      'secret.put',
      { owner: project, name: 'TOKEN', statement, sealed, proof: broken },
      'E_STMT_SIG',
    )
    const made = await call('secret.put', { owner: project, name: 'TOKEN', statement, sealed, proof })
    assert.equal(made.signer, iss)
  })

test('keys of other kinds are no passkeys', async () => {
  const { call, refused } = await makeWorld()
  const { code } = await call('signer.code', {})
  const others = [
    generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    generateKeyPairSync('rsa', { modulusLength: 1024 }),
    generateKeyPairSync('x25519'),
  ]
  for (const { publicKey } of others) {
    const key: SignerKey = {
      ...{ kind: 'webauthn', name: 'odd', credential: 'AAAA', rp: 'localhost', origin: 'http://localhost' },
      public_key: publicKey.export({ type: 'spki', format: 'der' }).toString('base64url'),
    }
    await refused('signer.enroll', { key, mac: await signerMac(code, key) }, 'E_INPUT')
  }
})

test('a value stands in no file of the vault, and goes with its project', async () => {
  const { options, put, call, refused, signer, clock, project, release } = await makeWorld()
  const value = 'needle-2f7c-in-no-haystack'
  const { head: prev } = await put('TOKEN', value)
  await release()
  const files = await readdir(options.dataDir, { recursive: true, withFileTypes: true })
  for (const file of files.filter((entry) => entry.isFile())) {
    const content = await readFile(join(file.parentPath, file.name))
    for (const form of [value, Buffer.from(value).toString('base64'), Buffer.from(value).toString('hex')])
      assert.equal(content.includes(form), false, file.name)
  }
  await refused('project.delete', { project }, 'E_CONFLICT', 'no signer has ended it')
  assert.deepEqual((await release()).values, { TOKEN: value })
  const about = { owner: project, name: 'TOKEN', nowSeconds: clock.seconds, prev }
  await call('secret.revoke', { owner: project, name: 'TOKEN', ...(await signRevoke(signer, about)) })
  await call('project.delete', { project })
  assert.deepEqual(await readdir(join(options.dataDir, 'values')), [])
  assert.deepEqual(await readdir(join(options.dataDir, 'store', 'secret')), [])
})

test('the values of what was revoked are gone after a start, when the vault was killed before it removed them', async () => {
  const { put, call, options, signer, project, restart } = await makeWorld()
  const [kept, revoked] = [await put('KEPT', 'stays where it is'), await put('TOKEN', 'first value')]
  const values = join(options.dataDir, 'values')
  const left = [`${revoked.secret}.1`, `${kept.secret}.2.17.abc.tmp`]
  const of = { owner: project, name: 'TOKEN', nowSeconds: start, prev: revoked.head }
  await call('secret.revoke', { owner: project, name: 'TOKEN', ...(await signRevoke(signer, of)) })
  for (const name of left) await writeFile(join(values, name), 'mv1:secrets-1:sealed')
  await restart()
  assert.deepEqual(await readdir(values), [`${kept.secret}.1`])
})

test('a value that was moved to another name or version does not open', async () => {
  const { options, put, release } = await makeWorld()
  const [a, b] = [await put('A', 'value of a'), await put('B', 'value of b')]
  const file = (id: string) => join(options.dataDir, 'values', `${id}.1`)
  await writeFile(file(b.secret), await readFile(file(a.secret)))
  await assert.rejects(release(), /E_STORE_TAMPERED/)
})
