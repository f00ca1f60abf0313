// An identity token on its way from the vault to a verifier, with every program real: a job that declares it proves who it is
// to somebody who knows nothing but the issuer's address; one that does not has nothing. The job says its tokens encrypted, for
// its log masks them.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPublicKey, randomBytes, verify } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { uuidOf } from '../../src/base/ids.ts'
import type { Attempt, Run } from '../../src/protocol/api/shapes.ts'
import { createApi } from '../support/api.ts'
import { createRepository } from '../support/git-host.ts'
import { openInstallation, type TestInstallation, waitFor } from '../support/installation.ts'
import { filesWith, formsOf, holds, memoryWith, processesWith } from '../support/residue.ts'

const password = randomBytes(16).toString('hex')
const cipher = ['enc', '-aes-256-cbc', '-pbkdf2', '-A', '-base64', '-pass', `pass:${password}`]
/** Beside the configuration, which names the variables for it. */
const script = `
seal() { printf '%s ' "$1"; printf %s "$2" | openssl ${cipher.join(' ')}; echo; }
seal first "$CIRCLE_OIDC_TOKEN"
seal second "$CIRCLE_OIDC_TOKEN_V2"
`
const configuration = `version: 2.1
jobs:
  claim:
    docker: [{image: cimg/base:stable}]
    environment: {SIGNS_IN_WITH: CIRCLE_OIDC_TOKEN_V2}
    steps:
      - checkout
      - run: {name: Variables, command: '. ./seal.sh; printf %s "$CIRCLE_OIDC_TOKEN" | gzip -c | base64 -w 0; echo'}
      - run:
          name: Asked for
          command: |
            # What the step before said is told by then: a log under way is in the order of its frames.
            sleep 1
            . ./seal.sh >/dev/null
            seal asked "$(circleci run oidc get --claims '{"aud":"sts.example.com"}')"
            # In a script of its own: not in the configuration, so nobody declared it.
            sh ./other.sh || echo refused
            echo "open: $CIRCLE_OIDC_TOKEN_V2"
            sleep 4
  plain:
    docker: [{image: cimg/base:stable}]
    steps:
      - run: {name: What there is, command: "env | cut -d= -f1 | sort | tr '\\\\n' ' '"}
workflows:
  main:
    jobs: [claim, plain]
`
describe('an identity token, from the vault to a verifier', () => {
  let place: string
  let installation: TestInstallation
  before(async () => {
    place = await mkdtemp(join(tmpdir(), 'mayfly-identity-'))
    await chmod(place, 0o755)
    await writeFile(join(place, 'stamp'), '')
    const repository = await createRepository(place, 'vessel', {
      '.circleci/config.yml': configuration,
      'seal.sh': script,
      'other.sh': `circleci run oidc get --claims '{"aud":"other.example.com"}'\n`,
    })
    installation = await openInstallation({ args: ['--no-sample', '--local-repos', place] })
    succeeds(`project add vessel --path ${repository.bare}`)
  })
  after(async () => {
    await installation?.close()
    await rm(place, { recursive: true, force: true })
  })
  const succeeds = (words: string): string => {
    const { code, stdout, stderr } = installation.cli(...words.split(' '))
    assert.equal(code, 0, `mayfly ${words}: ${stderr}`)
    return stdout
  }
  const log = (id: string) => installation.cli('logs', id, '--project', 'vessel').stdout
  const start = (): string => JSON.parse(succeeds('runs start --project vessel --json')).id
  const passes = async (id: string): Promise<string> => {
    const ended = await waitFor('the run to end', () => {
      const { status } = JSON.parse(installation.cli('runs', 'view', id, '--json').stdout)
      return ['passed', 'failed', 'errored'].includes(status) ? (status as string) : null
    })
    assert.equal(ended, 'passed', log(id))
    return log(id)
  }
  const shown = () => JSON.parse(succeeds('oidc show --project vessel --json'))

  /** What the job said, opened. */
  const tokensIn = (text: string) => {
    const open = (name: string): string => {
      const sealed = new RegExp(`\\b${name} (U2F[A-Za-z0-9+/=]+)`).exec(text)?.[1]
      assert.ok(sealed, `${name}: ${text}`)
      return execFileSync('openssl', [...cipher, '-d'], { input: sealed, encoding: 'utf8' })
    }
    return { first: open('first'), second: open('second'), asked: open('asked') }
  }

  type Claims = Readonly<Record<string, unknown>>
  /** As a cloud does it: it knows the issuer it trusts, and nothing of us. */
  const check = async (issuer: string, token: string): Promise<Claims | null> => {
    const configured = await fetch(`${issuer}/.well-known/openid-configuration`)
    assert.equal(configured.headers.get('cache-control'), 'public, max-age=60')
    const discovered: { issuer: string; jwks_uri: string } = (await configured.json()) as never
    assert.equal(discovered.issuer, issuer)
    const { keys } = (await (await fetch(discovered.jwks_uri)).json()) as { keys: { kid: string }[] }
    const [header = '', payload = '', signature = ''] = token.split('.')
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString())
    const jwk = keys.find((key) => key.kid === kid)
    if (jwk === undefined) return null
    const isGood = verify(
      'RSA-SHA256',
      Buffer.from(`${header}.${payload}`),
      createPublicKey({ key: jwk as never, format: 'jwk' }),
      Buffer.from(signature, 'base64url'),
    )
    return isGood ? JSON.parse(Buffer.from(payload, 'base64url').toString()) : null
  }

  let tokens = { first: '', second: '', asked: '' }

  test('a job that declares them proves who it is; one that does not has none', async () => {
    const id = start()
    await waitFor('the step to print', () => log(id).includes('open: '))
    tokens = tokensIn(log(id))
    const forms = Object.values(tokens).flatMap(formsOf)
    assert.deepEqual(
      ours().flatMap((pid) => exposed(pid, forms)),
      [],
      'while the job has them',
    )
    const text = await passes(id)
    const { issuer, audience, subject, subject_v2: withRef, project_uuid: project, served_here } = shown()
    assert.equal(served_here, true)
    assert.match(issuer, new RegExp(`^${installation.url}/org/[0-9a-f-]{36}$`))
    const [first, second, asked] = await Promise.all(
      Object.values(tokens).map((token) => check(issuer, token)),
    )
    assert.ok(first && second && asked)
    assert.deepEqual(
      [first.iss, first.aud, second.aud, asked.aud],
      [issuer, audience, audience, 'sts.example.com'],
    )
    const facts = {
      run_id: id,
      'oidc.circleci.com/pipeline-id': uuidOf(id),
      ref: 'refs/heads/main',
      event: 'manual',
    }
    for (const claims of [first, second, asked]) {
      assert.deepEqual(Object.fromEntries(Object.keys(facts).map((name) => [name, claims[name]])), facts)
      assert.equal(claims['oidc.circleci.com/project-id'], project)
      assert.equal(Number(claims.exp) - Number(claims.iat), 900)
    }
    assert.deepEqual([first.sub, second.sub, asked.sub], [subject, withRef, withRef])
    assert.ok(text.includes('refused'), 'an audience that the configuration does not name')
    assert.match(text, /open: \[secret CIRCLE_OIDC_TOKEN/)
    const run: Run = JSON.parse(succeeds(`runs view ${id} --json`))
    const attempt = run.jobs.find(({ name }) => name === 'claim')?.attempts[0]?.id
    const { notes } = await createApi(installation).get<Attempt>(`/api/v1/attempts/${attempt}`)
    assert.ok(
      notes.some((note) => note.includes('holds the secret CIRCLE_OIDC_TOKEN where it cannot be masked')),
      'an alarm',
    )
    assert.equal(holds(Buffer.from(text), forms), false, text)
    const names = /CIRCLE_NODE_TOTAL [A-Z_ ]+/.exec(text)?.[0] ?? ''
    assert.match(names, /CIRCLE_PIPELINE_ID/, text)
    assert.doesNotMatch(text.split('\n').find((line) => line.includes(names)) ?? '', /OIDC|IDENTITY/)
  })

  test('their bytes are nowhere else: no database, no disk, no log, no process, no memory that passed them on', () => {
    // Signatures: of the rest, the claims, much is known elsewhere too.
    const forms = Object.values(tokens).flatMap((token) => formsOf(token.split('.')[2] ?? ''))
    assert.deepEqual(memoryWith(forms, [installation.pid, ...pids(/server\.js/), ...pids(/postgres/)]), [])
    assert.deepEqual(processesWith(forms), [])
    assert.deepEqual(filesWith(forms, join(place, 'stamp')), [])
  })

  test('after a rotation the older token is still good, and the next is signed by the new key', async () => {
    const { issuer } = shown()
    const kid = succeeds('vault rotate --oidc').trim()
    const { second } = tokensIn(await passes(start()))
    assert.equal(JSON.parse(Buffer.from(second.split('.')[0] ?? '', 'base64url').toString()).kid, kid)
    assert.ok(await check(issuer, second))
    assert.ok(await check(issuer, tokens.second))
    assert.deepEqual(shown().key_ids.length, 2)
    assert.equal(shown().key_ids[0], kid)
  })

  test('the operator exports what is served, and a cloud is told one exact subject', async () => {
    const { issuer, audience, subject_v2: subject } = shown()
    const directory = join(place, 'site')
    assert.equal(succeeds(`oidc export ${directory}`), `${issuer}\n`)
    const path = new URL(issuer).pathname
    for (const name of ['openid-configuration', 'jwks.json']) {
      const served = await (await fetch(`${issuer}/.well-known/${name}`)).text()
      assert.equal(await readFile(join(directory, path, '.well-known', name), 'utf8'), served)
    }
    const policies = ['aws', 'gcp', 'azure'].map((cloud) => succeeds(`oidc policy ${cloud} --project vessel`))
    for (const policy of policies) {
      assert.ok(policy.includes(subject) && policy.includes(audience), policy)
      assert.doesNotMatch(policy, /\*|Like|startsWith|matches/)
    }
  })

  test('nobody else has an issuer here', async () => {
    const { issuer } = shown()
    for (const url of [
      issuer.replace(/.{12}$/, '000000000000'),
      issuer.toUpperCase().replace(/^HTTP:\/\/LOCALHOST(:\d+)\/ORG/, 'http://localhost$1/org'),
      `${installation.url}/org/x`,
    ])
      assert.equal((await fetch(`${url}/.well-known/jwks.json`)).status, 404, url)
  })

  const processes = () =>
    readdirSync('/proc')
      .filter((pid) => /^\d+$/.test(pid))
      .map((pid) => ({
        pid: Number(pid),
        line: readOf(`/proc/${pid}/cmdline`).toString().replaceAll('\0', ' '),
      }))
      .filter(({ line }) => line.includes(installation.data))
  const pids = (part: RegExp): readonly number[] => {
    const found = processes().flatMap(({ pid, line }) => (part.test(line) ? [pid] : []))
    assert.notEqual(found.length, 0, `no process ${part}`)
    return found
  }
  /** Not the job's own: it has the variables, as it declared. */
  const ours = () => processes().flatMap(({ pid, line }) => (/\.js|postgres/.test(line) ? [pid] : []))
  const exposed = (pid: number, forms: readonly Buffer[]) =>
    ['cmdline', 'environ'].filter((file) => holds(readOf(`/proc/${pid}/${file}`), forms))
})

const readOf = (path: string): Buffer => {
  try {
    return readFileSync(path)
  } catch {
    // It ended since it was listed.
    return Buffer.alloc(0)
  }
}
