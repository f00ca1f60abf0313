// SSH keys of a job behind the real wall, with a real sshd: a job signs in where a key is for, with the agent of its runner,
// and gets neither the key nor a signature for anything else. Needs root.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { noContinuing } from '../../test/support/continuing.ts'
import { type GitHost, openGitHost } from '../../test/support/git-host.ts'
import { needsRoot, type StartedJailer, startJailer } from '../../test/support/jailer.ts'
import { jobGrant } from '../../test/support/job-lease.ts'
import { filesWith, processesWith } from '../../test/support/residue.ts'
import { noStores } from '../../test/support/stores.ts'
import { silentLog } from '../base/log.ts'
import { Secret } from '../base/secret.ts'
import type { PlanStep } from '../protocol/plan.ts'
import { classes, type Driver, openNamespaceDriver } from '../sandbox/index.ts'
import { systemClock } from '../sys/index.ts'
import { runJobAttempt } from './attempt.ts'
import { openSshAgent } from './ssh-agent.ts'
import type { JobSecret } from './steps/deliver-secrets.ts'

const skip = needsRoot
let jailer: StartedJailer
let driver: Driver
let host: GitHost
let directory: string

before(async () => {
  if (skip) return
  directory = mkdtempSync(join(tmpdir(), 'mf-keys-'))
  writeFileSync(join(directory, 'stamp'), '')
  jailer = await startJailer()
  const channel = jailer.channel
  driver = openNamespaceDriver({ channel, clock: systemClock, log: silentLog, resolve: async () => [] })
  host = await openGitHost()
})
after(async () => {
  await driver?.close()
  await jailer?.stop()
  await host?.close()
  if (directory) rmSync(directory, { recursive: true, force: true })
})

const name = 'git.example.org'

/** A key that the host lets in, for the host under its name. */
const makeKey = async (
  called: string,
  hostKey = readFileSync(join(host.directory, 'host_key.pub'), 'utf8'),
) => {
  const path = join(directory, called)
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', called, '-f', path])
  await host.authorize(readFileSync(`${path}.pub`, 'utf8'))
  const text = readFileSync(path, 'utf8')
  const [type, key] = hostKey.split(' ')
  const secret: JobSecret = {
    ...{ name: called, kind: 'ssh', value: new Secret(Buffer.from(text)) },
    hosts: [`[${name}]:${host.port} ${type} ${key?.trim()}`],
  }
  const print = (how: string) =>
    execFileSync('ssh-keygen', ['-l', '-E', how, '-f', path], { encoding: 'utf8' }).split(' ')[1] ?? ''
  const prints = { sha256: print('sha256'), md5: print('md5') }
  rmSync(path)
  return { secret, text, prints }
}

const add = (...fingerprints: readonly string[]): PlanStep => ({
  ...{ kind: 'ssh-keys', name: 'add_ssh_keys', when: 'on_success' },
  fingerprints: fingerprints.length === 0 ? null : fingerprints,
})

const play = async (secrets: readonly JobSecret[], steps: readonly (PlanStep | string)[]) => {
  const grant = jobGrant('true')
  assert.ok(grant.spec.kind === 'job')
  const [run] = grant.spec.spec.steps
  assert.ok(run?.kind === 'run')
  const spec = {
    ...grant.spec.spec,
    steps: steps.map((step) => (typeof step === 'string' ? { ...run, command: step } : step)),
  }
  const said: string[] = []
  const statuses: string[] = []
  const result = await runJobAttempt(
    {
      ...{ driver, stores: noStores, continuing: noContinuing, clock: systemClock, log: silentLog },
      agentDirectory: directory,
      trees: { place: async () => ({ ok: false, message: 'no tree' }) },
    },
    {
      ...{ attempt: grant.attempt, facts: grant.spec, spec, limits: classes.small.limits, secrets },
      egress: {
        mode: 'list',
        allow: [
          {
            ...{ host: name, ports: [host.port], proto: 'tcp', tls: 'any' },
            target: { host: '127.0.0.1', privateRanges: ['127.0.0.1'] },
          },
        ],
        privateRanges: [],
      },
    },
    {
      output: (_step, bytes) => {
        said.push(Buffer.from(bytes).toString())
        return undefined
      },
      event: (event) => void (event.kind === 'step-finished' && statuses.push(event.status)),
    },
    AbortSignal.timeout(60_000),
  )
  return { result, said: said.join(''), statuses }
}

const ssh = () => `ssh -o BatchMode=yes -p ${host.port} root@${name} echo signed in`

test('a job signs in where its key is for, in every step from there on, and knows the host', {
  skip,
}, async () => {
  const key = await makeKey('DEPLOY')
  const before = `${ssh()} || echo "not yet: $SSH_AUTH_SOCK"`
  const { said, statuses } = await play([key.secret], [before, add(), ssh(), `ssh-add -l; ${ssh()}`])
  assert.match(said, /not yet: \n/)
  assert.match(said, /DEPLOY, for \[git\.example\.org\]:\d+/)
  assert.equal(said.match(/^signed in$/gm)?.length, 2, said)
  assert.ok(said.includes(key.prints.sha256), said)
  assert.deepEqual(statuses, ['passed', 'passed', 'passed', 'passed'])
})

test('the key stays outside, and signs nothing but a sign-in to its host', { skip }, async () => {
  const key = await makeKey('CLOSED')
  const elsewhere = execFileSync('sh', [
    ...['-c', 'ssh-keygen -q -t ed25519 -N "" -f "$1" && cat "$1.pub"', 'sh', join(directory, 'other-host')],
  ]).toString()
  const wrong = await makeKey('ELSEWHERE', elsewhere)
  const line = key.text.split('\n')[2] ?? ''
  const { said } = await play(
    [key.secret],
    [
      add(),
      'ssh-add -L >/tmp/key.pub; echo x >/tmp/x; ssh-keygen -q -Y sign -n file -f /tmp/key.pub /tmp/x || echo no file signature',
      'ssh-add -D || echo not removed; ssh-add -l >/dev/null && echo still there; ssh-add -s /usr/lib/x86_64-linux-gnu/libc.so.6 </dev/null || echo no library',
      `grep -r '[${line[0]}]${line.slice(1, 40)}' /tmp /home /run /dev/shm 2>/dev/null || echo nowhere`,
    ],
  )
  for (const word of ['no file signature', 'not removed', 'still there', 'no library', 'nowhere'])
    assert.match(said, new RegExp(`^${word}$`, 'm'), said)
  const other = await play([wrong.secret], [add(), `${ssh()} -o StrictHostKeyChecking=no || echo refused`])
  assert.match(other.said, /refused/)
  assert.doesNotMatch(other.said, /signed in/)
  assert.deepEqual(processesWith([Buffer.from(line)]), [])
  assert.deepEqual(filesWith([Buffer.from(line)], join(directory, 'stamp')), [])
})

test('fingerprints choose, in every way of writing them; one that is not there fails the step', {
  skip,
}, async () => {
  const [one, two] = [await makeKey('ONE'), await makeKey('TWO')]
  const both = [one.secret, two.secret]
  for (const print of [one.prints.sha256, one.prints.md5, one.prints.md5.replace('MD5:', '')]) {
    const { said } = await play(both, [add(print), 'ssh-add -l'])
    assert.ok(said.includes(one.prints.sha256) && !said.includes(two.prints.sha256), said)
  }
  const missing = await play(both, [add('SHA256:nothing'), 'true'])
  assert.deepEqual(missing.statuses, ['failed', 'skipped'])
  assert.match(missing.said, /no SSH key that this job may have has the fingerprint SHA256:nothing/)
  const none = await play([], [add(), 'true'])
  assert.deepEqual(none.statuses, ['passed', 'passed'])
  const broken = { ...one.secret, name: 'BROKEN', value: new Secret(Buffer.from('-----BEGIN nonsense')) }
  const refused = await play([broken], [add(), 'true'])
  assert.match(refused.said, /the secret BROKEN is no SSH key/)
})

test('an agent takes no key that is for no host, which would sign for all', { skip }, async () => {
  const agent = await openSshAgent(directory)
  const { text } = await makeKey('free')
  const key = new Secret(text)
  try {
    assert.equal(await agent.add({ key, hosts: [], seconds: 60 }), false)
    assert.deepEqual(await agent.fingerprints(), [])
  } finally {
    await agent.close()
  }
})
