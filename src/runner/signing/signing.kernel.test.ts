// `mayfly sign` behind the real wall: a job has its files signed over its socket, and finds there nothing but that. What openssl
// says of the signature is said inside and outside. Needs root.
import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign, verify } from 'node:crypto'
import { after, before, test } from 'node:test'
import { noContinuing } from '../../../test/support/continuing.ts'
import { needsRoot, type StartedJailer, startJailer } from '../../../test/support/jailer.ts'
import { jobGrant } from '../../../test/support/job-lease.ts'
import { noStores } from '../../../test/support/stores.ts'
import { toBase64Url } from '../../base/bytes.ts'
import { formatId } from '../../base/ids.ts'
import { silentLog } from '../../base/log.ts'
import type { SocketRequest } from '../../protocol/signing.ts'
import { classes, type Driver, openNamespaceDriver } from '../../sandbox/index.ts'
import { systemClock } from '../../sys/index.ts'
import { runJobAttempt } from '../attempt.ts'
import type { EventBody } from '../sink.ts'
import type { Signing } from './server-signing.ts'

const skip = needsRoot
let jailer: StartedJailer
let driver: Driver
before(async () => {
  if (skip) return
  jailer = await startJailer()
  const { channel } = jailer
  driver = openNamespaceDriver({ channel, clock: systemClock, log: silentLog, resolve: async () => [] })
})
after(async () => {
  await driver?.close()
  await jailer?.stop()
})

const key = generateKeyPairSync('ed25519')

/** One job with these steps; whoever it asks signs with a key of this test. */
const play = async (commands: readonly string[], names: readonly string[]) => {
  const grant = jobGrant('true')
  assert.ok(grant.spec.kind === 'job')
  const [run] = grant.spec.spec.steps
  assert.ok(run?.kind === 'run')
  const spec = { ...grant.spec.spec, steps: commands.map((command) => ({ ...run, command })) }
  const asked: (SocketRequest & { readonly step: number })[] = []
  const signing: Signing = {
    names,
    sign: async (step, request) => {
      asked.push({ ...request, step })
      const signature = sign(null, Buffer.from(request.digest.split(':')[1] ?? '', 'hex'), key.privateKey)
      return {
        ...{ secret: formatId('secret', new Uint8Array(16)), version: 1, algorithm: 'ed25519' },
        signature: toBase64Url(signature),
      }
    },
  }
  const events: EventBody[] = []
  let said = ''
  const { outcome } = await runJobAttempt(
    {
      ...{ driver, stores: noStores, continuing: noContinuing, clock: systemClock, log: silentLog },
      ...{ agentDirectory: '/nonexistent', ...(names.length === 0 ? {} : { signing }) },
      trees: { place: async () => ({ ok: false, message: 'no tree' }) },
    },
    {
      ...{ attempt: grant.attempt, facts: grant.spec, spec, limits: classes.small.limits, secrets: [] },
      egress: { mode: 'none', allow: [], privateRanges: [] },
    },
    {
      output: (_step, bytes) => {
        said += Buffer.from(bytes).toString()
        return undefined
      },
      event: (event) => void events.push(event),
    },
    AbortSignal.timeout(60_000),
  )
  return { outcome, said, asked, events }
}

const publicPem = key.publicKey.export({ format: 'pem', type: 'spki' }).toString()
const script = `
printf 'what is released' >"a file"
mayfly sign RELEASE "a file" --out signature
cat >key.pub <<'END'
${publicPem}END
openssl dgst -sha256 -binary "a file" >digest
openssl pkeyutl -verify -pubin -inkey key.pub -rawin -in digest -sigfile signature
echo "printed $(mayfly sign RELEASE --digest sha512:$(sha512sum <"a file" | cut -d' ' -f1))"
! mayfly sign OTHER "a file"
! mayfly sign RELEASE nothing
printf '{"verb":"env"}\\n' | perl -e 'use Socket; socket(my $s, PF_UNIX, SOCK_STREAM, 0); connect($s, pack_sockaddr_un("/run/mayfly/job.sock")) or die; syswrite $s, <STDIN>; print <$s>'
`

test('a job has a file and a digest signed; openssl and others take the signatures', { skip }, async () => {
  const { outcome, said, asked, events } = await play(['true', script], ['RELEASE'])
  assert.equal(outcome, 'passed', said)
  assert.match(said, /Signature Verified Successfully/)
  const of = (hash: string) => createHash(hash).update('what is released').digest()
  assert.deepEqual(
    asked.map(({ name, step, digest }) => [name, step, digest]),
    ['sha256', 'sha512'].map((hash) => ['RELEASE', 2, `${hash}:${of(hash).toString('hex')}`]),
  )
  const printed = Buffer.from(/printed (\S+)/.exec(said)?.[1] ?? '', 'base64')
  assert.ok(verify(null, of('sha512'), key.publicKey, printed))
  assert.match(said, /mayfly: sign: this job may not sign with OTHER: .* it may sign with RELEASE/)
  assert.match(said, /mayfly: sign: nothing cannot be read/)
  assert.match(said, /"message":"a question has a verb/)
  const notes = events.flatMap((event) => (event.kind === 'note' ? [event.text] : []))
  assert.ok(notes.includes(`signed sha256:${of('sha256').toString('hex')} with RELEASE`), notes.join('\n'))
})

test('a job that may sign with nothing has no socket, and is told so; another Mayfly is left alone', {
  skip,
}, async () => {
  const own =
    'mkdir -p ~/bin; printf "#!/bin/sh\\necho mine \\$*\\n" >~/bin/mayfly; chmod +x ~/bin/mayfly; mayfly run --all'
  const { outcome, said } = await play(
    [`mayfly sign RELEASE /etc/passwd || true; mayfly up || true; ${own}`],
    [],
  )
  assert.equal(outcome, 'passed', said)
  assert.match(said, /this job may sign with no key: there is no secret of kind signing/)
  assert.match(said, /in a job there is mayfly sign/)
  assert.match(said, /^mine run --all$/m)
})
