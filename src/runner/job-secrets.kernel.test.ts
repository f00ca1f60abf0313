// The way of a secret behind the real wall: released sealed, used by a job, printed by it in every form that tools have,
// and afterwards in no frame, no argument or environment of a process of ours, no file and no mount. Needs root.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { zstdDecompressSync } from 'node:zlib'
import { needsRoot, type StartedJailer, startJailer } from '../../test/support/jailer.ts'
import { jobGrant, openCarryOut } from '../../test/support/job-lease.ts'
import {
  filesWith,
  memoryWith,
  processesWith,
  formsOf as residueForms,
  tracesOfNest,
} from '../../test/support/residue.ts'
import { noServer } from '../../test/support/stores.ts'
import { fromBase64Url, toBase64Url, utf8 } from '../base/bytes.ts'
import { silentLog } from '../base/log.ts'
import type { SecretsPayload } from '../protocol/released.ts'
import type { JobPayload } from '../protocol/vault.ts'
import { type Driver, openNamespaceDriver } from '../sandbox/index.ts'
import {
  generateLogKey,
  generateSigningKey,
  importVerifyKey,
  openFrame,
  prepareRelease,
} from '../seal/index.ts'
import { createEphemeralKey, createGcm, systemClock } from '../sys/index.ts'
import { createFramer } from './logs/framer.ts'
import { formsOf } from './logs/secret-forms.ts'
import type { EventBody } from './sink.ts'

const skip = needsRoot
const stamp = `/var/tmp/mayfly-secrets-${process.pid}`
let jailer: StartedJailer
let driver: Driver
const nests: string[] = []
before(async () => {
  if (skip) return
  writeFileSync(stamp, '')
  jailer = await startJailer()
  const real = openNamespaceDriver({
    ...{ channel: jailer.channel, clock: systemClock, log: silentLog },
    resolve: async () => [],
  })
  const open: Driver['open'] = async (...args) => {
    const sandbox = await real.open(...args)
    nests.push(sandbox.id)
    return sandbox
  }
  driver = { ...real, open }
})
after(async () => {
  await driver?.close()
  await jailer?.stop()
  rmSync(stamp, { force: true })
})

/** With every character that an encoding changes. */
const token = `p@ss+w/"${randomBytes(15).toString('base64')}\\ü<&>`
const key = `-----BEGIN PRIVATE KEY-----\n${randomBytes(48).toString('base64')}\n${randomBytes(33).toString('base64')}\n-----END PRIVATE KEY-----\n`
const everyForm = [token, key].flatMap((value) => formsOf(Buffer.from(value)))
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

type Play = {
  readonly secrets: SecretsPayload['secrets']
  readonly name?: string
  readonly onSaid?: (said: string) => void
}

/** One job by a sealed release; what is stored of it, opened. */
const play = async (command: string, { secrets, name = 'use', onSaid = () => undefined }: Play) => {
  const [vault, eph] = [await generateSigningKey(), createEphemeralKey()]
  const vaultSignKey = await importVerifyKey(vault.publicKey)
  assert.ok(vaultSignKey)
  const ticket = 'a ticket'
  const sealTo = async (publicKey: Uint8Array, payload: JobPayload | SecretsPayload) => {
    const release = await prepareRelease(publicKey, { ticket, vsign: vault.privateKey })
    assert.ok(release)
    return release(utf8(JSON.stringify(payload)))
  }
  const sealed = await sealTo(eph.publicKey, { agent: null, ...(secrets.length === 0 ? {} : { owed: true }) })
  const none = noServer(systemClock, vaultSignKey)
  const send: typeof none.requests.send = async ({ path, body }) => {
    if (path.endsWith('/terms')) return { parameters: {}, orbs: {} }
    const [to = ''] = JSON.parse(Buffer.from(body as Uint8Array).toString()).eph
    return { ticket, sealed: await sealTo(fromBase64Url(to) ?? assert.fail(), { secrets }) }
  }
  const { seal, open } = createGcm(generateLogKey())
  const frames: Uint8Array[] = []
  const grant = jobGrant(command, { name })
  const framer = createFramer({
    ...{ attempt: grant.attempt, key: Promise.resolve(seal), clock: systemClock },
    emit: ({ bytes }) => frames.push(bytes),
  })
  const events: EventBody[] = []
  let said = ''
  assert.ok(grant.spec.kind === 'job')
  const { carryOut, close } = openCarryOut(driver, { vaultSignKey, proves: grant.spec })
  const done = await carryOut(
    { ...grant, ticket, sealed },
    eph,
    {
      output: (step, bytes) => {
        framer.write(step, bytes)
        said += Buffer.from(bytes).toString()
        onSaid(said)
        return undefined
      },
      event: (event) => void events.push(event),
    },
    AbortSignal.timeout(60_000),
    { ...none, requests: { ...none.requests, send } },
  )
  await framer.finish()
  close()
  const opened = await Promise.all(frames.map((frame) => openFrame(open, frame)))
  const stored = opened.map((frame) => zstdDecompressSync(frame?.compressed ?? Buffer.alloc(0)))
  return { done, events, stored: Buffer.concat(stored) }
}

const given = (name: string, kind: 'env' | 'file', value: string) => ({
  ...{ name, kind },
  value: toBase64Url(Buffer.from(value)),
})

const printEverything = `
printf '%s\\n' "$TOKEN"
for before in '' x xy xyz; do printf '%s%s' "$before" "$TOKEN" | base64; done
for before in '' x xy; do printf '%s%s' "$before" "$TOKEN" | base64 -w0 | tr '+/' '-_'; echo; done
printf %s "$TOKEN" | base64 -w0 | base64 -w0; echo
printf %s "$TOKEN" | od -An -v -tx1 | tr -d ' \\n'; echo
printf %s "$TOKEN" | od -An -v -tx1 | tr -d ' \\n' | tr a-f A-F; echo
perl -MJSON::PP -e 'print JSON::PP->new->latin1->allow_nonref->encode($ENV{TOKEN}), "\\n"'
printf %s "$TOKEN" | perl -pe 's/([^A-Za-z0-9_.~-])/sprintf("%%%02X", ord $1)/ge'; echo
printf %s "$TOKEN" | perl -pe 's/([^A-Za-z0-9_.~-])/sprintf("%%%02x", ord $1)/ge'; echo
rest=$TOKEN; while [ -n "$rest" ]; do printf %s "\${rest%"\${rest#?}"}"; rest=\${rest#?}; done; echo
printf '%s\\033[1;31m\\033[K%s\\033[m\\033[K\\n' "\${TOKEN%????????}" "\${TOKEN#"\${TOKEN%????????}"}"
env | grep '^TOKEN'
cat "$KEY"; base64 "$KEY"; base64 -w 64 "$KEY"; sed -n 2p "$KEY"
`

test('a job that prints its secrets in every form stores none of them', { skip }, async () => {
  const secrets = [given('TOKEN', 'env', token), given('KEY', 'file', key), given('TINY', 'env', 'abc')]
  const command = `${printEverything}
printf 'token %s\\n' "$(printf %s "$TOKEN" | sha256sum)"
printf 'key %s\\n' "$(sha256sum <"$KEY")"
stat -c 'mode %a %U' "$KEY"
echo "tiny $TINY"
gzip -c "$KEY" | base64
cd "/nowhere/$TOKEN"
`
  const name = `deploy with ${token}`
  const { done, events, stored } = await play(command, { secrets, name })
  const text = stored.toString()
  for (const form of everyForm) assert.ok(!stored.includes(form), `${form.toString('latin1')} in ${text}`)
  for (const word of [`token ${sha256(token)}`, `key ${sha256(key)}`, 'mode 400 ', 'tiny abc'])
    assert.ok(text.includes(word), `${word} in ${text}`)
  // Each line of what it printed, and of the key each time.
  assert.ok((text.match(/\[secret TOKEN\]/g) ?? []).length >= 17, text)
  assert.ok((text.match(/\[secret KEY\]/g) ?? []).length >= 4, text)
  const told = JSON.stringify([events, done])
  for (const form of everyForm) assert.ok(!told.includes(form.toString('utf8')), told)
  const alarms = events.filter(({ kind }) => kind === 'alarm')
  assert.deepEqual(alarms, [{ kind: 'alarm', what: 'leak', secret: 'KEY' }])
  assert.match(told, /deploy with \[secret TOKEN\]/)
  assert.match(told, /the secret TINY is too short/)
  assert.deepEqual([done.outcome, done.secretNames], ['failed', ['TOKEN', 'KEY', 'TINY']])
})

/** What of `lines` is about a process outside of every sandbox, or about the first process of one. */
const ofOurs = (lines: readonly string[]): readonly string[] =>
  lines.filter((line) => {
    const pid = /process (\d+)/.exec(line)?.[1] ?? ''
    const namespace = (of: string) => readlinkSync(`/proc/${of}/ns/pid`)
    const numbers = /^NSpid:(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? ''
    return namespace(pid) === namespace('self') || numbers.trim().endsWith('\t1')
  })

test('no process of ours has a secret in arguments or environment, and the job does', { skip }, async () => {
  const forms = [token, key].flatMap((value) => residueForms(value.trim()))
  const [found, ours]: [string[], string[]] = [[], []]
  let jailerMemory: readonly string[] | null = null
  const { done } = await play('echo "I am" ready; until [ -e /tmp/go ]; do :; done', {
    secrets: [given('TOKEN', 'env', token), given('KEY', 'file', key)],
    onSaid: (said) => {
      if (!said.includes('I am ready') || jailerMemory !== null) return
      found.push(...processesWith(forms))
      ours.push(...ofOurs(found))
      jailerMemory = memoryWith(forms, [jailer.child.pid ?? 0])
      const inside = /process (\d+)/.exec(found[0] ?? '')?.[1]
      writeFileSync(`/proc/${inside}/root/tmp/go`, '')
    },
  })
  assert.equal(done.outcome, 'passed', JSON.stringify(done.reason))
  assert.ok(found.length > 0 && found.every((line) => line.endsWith('environ')), found.join())
  assert.deepEqual(ours, [])
  assert.deepEqual(jailerMemory, [])
})

test('after the job nothing of it is left, and the next job has none', { skip }, async () => {
  const forms = [token, key].flatMap((value) => residueForms(value.trim()))
  await play('cp "$KEY" /tmp/copy; env >/dev/shm/env; env >~/env', {
    secrets: [given('TOKEN', 'env', token), given('KEY', 'file', key)],
  })
  assert.deepEqual(processesWith(forms), [])
  assert.deepEqual(filesWith(forms, stamp), [])
  assert.deepEqual(memoryWith(forms, [jailer.child.pid ?? 0]), [])
  assert.deepEqual(nests.flatMap(tracesOfNest), [])
  const { done, stored } = await play('env; ls -A /tmp /dev/shm ~', { secrets: [] })
  assert.equal(done.outcome, 'passed')
  assert.doesNotMatch(stored.toString(), /TOKEN|KEY|secret/)
})
