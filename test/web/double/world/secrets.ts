// Secrets of the double and who may change them.

import type { Admissions } from '../../../../src/protocol/api/admissions.ts'
import type { Context } from '../../../../src/protocol/api/contexts.ts'
import type { Proposal, SecretRules } from '../../../../src/protocol/api/proposals.ts'
import type {
  OwnedSecret,
  Secret,
  SecretReach,
  SecretSignature,
  Signer,
} from '../../../../src/protocol/api/secrets.ts'
import { idOf } from './ids.ts'

const signerIdOfAda = `sgn_${'0'.repeat(26)}`

/** Of `web`; other projects have none. */
export const secrets: readonly Secret[] = [
  withDetail(secretOf('DEPLOY_TOKEN', 'env', { version: 3, run: 412 }), {
    ...{
      rotate_after: '2026-11-10T09:00:00Z',
      previous_until: '2026-11-28T09:00:00Z',
      views: ['overdue', 'left'],
    },
    put_by: 'Grace Hopper',
    on_leak: 'revoke',
  }),
  secretOf('KEYSTORE', 'file', { version: 1, run: null, refs: ['refs/heads/main', 'refs/tags/v*'] }),
  secretOf('RELEASE_KEY', 'ssh', { version: 1, run: 412 }),
  {
    ...secretOf('SIGNS_RELEASES', 'signing', { version: 1, run: 412 }),
    signing: {
      algorithm: 'ecdsa-p256',
      fingerprint: 'SHA256:5HX2kGvHW0Bb0rTnWxB0H5o3yQy7n1cA0m7o3n3mG2I',
      public_key: `-----BEGIN PUBLIC KEY-----\n${'A'.repeat(64)}\n${'B'.repeat(60)}\n-----END PUBLIC KEY-----\n`,
    },
  },
  withDetail(
    {
      ...secretOf('LEGACY_API_KEY', 'env', { version: 1, run: null, refs: ['refs/heads/**'] }),
      state: 'disabled',
    },
    { views: ['unused', 'broad'], breadth: ['branches'] },
  ),
  { ...secretOf('OLD_PASSWORD', 'env', { version: 2, run: 398 }), state: 'revoked' },
  withDetail(
    { ...secretOf('SPILT_TOKEN', 'env', { version: 1, run: 412 }), state: 'revoked' },
    {
      ...{ views: ['leaked'], on_leak: 'revoke' },
      leak: {
        ...{ at: '2026-11-20T12:00:00Z', run_id: idOf('run', 412), run_number: 412, project: 'web' },
        ...{ job_id: idOf('job', 412), attempt_id: idOf('att', 412) },
      },
    },
  ),
]

export const reach: SecretReach = {
  blocked: null,
  policy: {
    refs: ['refs/heads/main', 'refs/tags/v*'],
    events: ['push', 'tag', 'manual'],
    min_tier: 'branch',
  },
  context: null,
  jobs: [
    { project: 'web', ref: 'refs/heads/main', events: ['push', 'manual'] },
    { project: 'web', ref: 'refs/tags/v4.2.0', events: ['tag', 'manual'] },
  ],
  more_jobs: false,
  people: [
    { id: idOf('usr', 1), name: 'Ada Lovelace', kind: 'member', role: 'owner' },
    { id: idOf('usr', 2), name: 'Grace Hopper', kind: 'member', role: 'developer' },
    { id: idOf('tok', 1), name: 'release script', kind: 'token', role: null },
  ],
  signers: [{ id: signerIdOfAda, name: 'Ada’s laptop' }],
}

export const signatures: readonly SecretSignature[] = [
  signatureOf('2026-11-20T12:00:00Z', 412, 'c'),
  signatureOf('2026-11-19T12:00:00Z', 398, 'd'),
]

export const contexts: readonly Context[] = [
  contextOf('deploy to europe', {
    projects: [
      { id: idOf('prj', 1), name: 'web' },
      { id: idOf('prj', 2), name: 'api' },
    ],
    refs: ['default', 'refs/heads/release/*', 'refs/tags/v*'],
    roles: ['owner'],
  }),
  contextOf('new', { projects: [], refs: ['default'], roles: null }),
  contextOf('registry', { projects: null, refs: ['refs/**'], roles: ['owner', 'developer'] }),
]

const sshOf = (path: string) => {
  const [user, host, port] = ['git', 'git.example.org', 2222] as const
  return { kind: 'ssh' as const, url: `ssh://${user}@${host}:${port}/${path}`, ...{ host, port, user, path } }
}
const hostKeyOf = (letter: string) => `SHA256:${letter.repeat(43)}`

export const admissions: Admissions = {
  projects: [
    {
      ...{ project: { id: idOf('prj', 2), name: 'api' }, source: sshOf('team/api.git'), state: 'changed' },
      ...{ host_keys: [hostKeyOf('a'), hostKeyOf('b')], signer: { id: signerIdOfAda, name: 'Ada’s laptop' } },
    },
    {
      ...{
        project: { id: idOf('prj', 3), name: 'docs' },
        source: { kind: 'local', root: 0, path: 'docs.git' },
      },
      ...{ host_keys: [], state: 'none', signer: null },
    },
    {
      ...{ project: { id: idOf('prj', 1), name: 'web' }, source: sshOf('team/web.git'), state: 'admitted' },
      ...{ host_keys: [hostKeyOf('a')], signer: null },
    },
  ],
  head: null,
}

export const signers: readonly Signer[] = [
  {
    ...{ id: signerIdOfAda, kind: 'webauthn', name: 'Ada’s laptop', person: 'ada', credential: 'AAAA' },
    ...{
      added_at: '2026-11-01T09:00:00Z',
      added_by: 'Ada Lovelace',
      state: 'active',
      removed: null,
      head: null,
    },
  },
  {
    ...{
      id: `sgn_${'1'.repeat(26)}`,
      kind: 'webauthn',
      name: 'Key of the safe',
      person: 'grace',
      credential: 'BBBB',
    },
    ...{
      added_at: '2026-11-02T09:00:00Z',
      added_by: 'Ada Lovelace',
      state: 'active',
      removed: null,
      head: null,
    },
  },
  {
    ...{
      id: `sgn_${'2'.repeat(26)}`,
      kind: 'ed25519',
      name: 'release machine',
      person: null,
      credential: null,
    },
    ...{ added_at: '2026-10-01T09:00:00Z', added_by: null, state: 'active', removed: null, head: null },
  },
  {
    ...{
      id: `sgn_${'3'.repeat(26)}`,
      kind: 'ed25519',
      name: 'a lost laptop',
      person: null,
      credential: null,
    },
    ...{ added_at: '2026-09-01T09:00:00Z', added_by: 'Grace Hopper', state: 'removed', head: 'a'.repeat(64) },
    removed: { at: '2026-10-12T09:00:00Z', by: 'Ada Lovelace' },
  },
]

function secretOf(
  name: string,
  kind: Secret['kind'],
  of: { readonly version: number; readonly run: number | null; readonly refs?: string[] },
): Secret {
  return {
    ...{ name, kind, state: 'active', signing: null },
    detail: {
      version: of.version,
      policy: { refs: of.refs ?? ['refs/heads/main'], events: ['push', 'manual'], min_tier: 'branch' },
      ...{ created_at: '2026-10-01T09:00:00Z', changed_at: '2026-11-01T09:00:00Z' },
      ...{ put_at: '2026-11-01T09:00:00Z', created_by: 'Ada Lovelace', put_by: 'Ada Lovelace' },
      ...{ rotate_after: null, previous_until: null, views: [], breadth: [], on_leak: 'tell', leak: null },
      releases_recent: of.run === null ? 0 : 11,
      hosts: kind === 'ssh' ? [`git.example.org ssh-ed25519 ${'A'.repeat(68)}`] : null,
      expires_at: kind === 'file' ? '2027-02-01T09:00:00Z' : null,
      signer: { id: signerIdOfAda, name: 'Ada’s laptop' },
      head: 'a'.repeat(64),
      releases: of.run === null ? 0 : 18,
      last_release:
        of.run === null
          ? null
          : {
              ...{
                at: '2026-11-20T12:00:00Z',
                run_id: idOf('run', of.run),
                run_number: of.run,
                project: 'web',
              },
              ...{ job_id: idOf('job', of.run), attempt_id: idOf('att', of.run) },
            },
    },
  }
}

function withDetail(secret: Secret, detail: Partial<NonNullable<Secret['detail']>>): Secret {
  return { ...secret, detail: secret.detail && { ...secret.detail, ...detail } }
}

function signatureOf(at: string, run: number, digit: string): SecretSignature {
  return {
    ...{ at, digest: `sha256:${digit.repeat(64)}`, algorithm: 'ecdsa-p256', version: 1, step: 4 },
    ...{ run_id: idOf('run', run), run_number: run, project: 'web', attempt_id: idOf('att', run) },
    runner_id: idOf('rnr', 1),
  }
}

function contextOf(name: string, rules: Pick<Context, 'projects' | 'refs' | 'roles'>): Context {
  return {
    ...{ id: idOf('ctx', name.length), name, state: 'active', ...rules },
    ...{ created_at: '2026-10-01T09:00:00Z', changed_at: '2026-11-01T09:00:00Z' },
    ...{ signer: { id: signerIdOfAda, name: 'Ada’s laptop' }, head: 'b'.repeat(64) },
  }
}

export const secretRules: SecretRules = {
  ...{ two_person: true, people: 2, changed_at: '2026-11-10T09:00:00Z', head: 'a'.repeat(64) },
}
const proposed = { proposed_by: 'Grace Hopper', proposed_at: '2026-11-21T09:00:00Z' }
const signedByGrace = {
  ...{ v: 1, iss: `sgn_${'2'.repeat(26)}`, iat: 1_795_000_000, nonce: 'A'.repeat(22), prev: 'b'.repeat(64) },
}
export const proposals: readonly Proposal[] = [
  {
    ...{
      id: idOf('prp', 1),
      kind: 'context.put',
      secret: null,
      ...proposed,
      expires_at: '2026-11-24T09:00:00Z',
    },
    statement: {
      ...{ ...signedByGrace, type: 'context.put', sub: idOf('ctx', 1) },
      body: { name: 'deploy to europe', projects: '*', refs: ['default', 'refs/tags/**'], roles: null },
    },
  },
  {
    ...{ id: idOf('prp', 2), kind: 'secret.put', ...proposed, expires_at: '2026-11-24T08:00:00Z' },
    secret: { name: 'DEPLOY_TOKEN', project: 'web', context: null },
    statement: {
      ...{ ...signedByGrace, type: 'secret.put', sub: `${idOf('prj', 1)}/secrets/DEPLOY_TOKEN` },
      body: {
        ...{ kind: 'env', expires_at: null, allow_unmaskable: false, on_leak: 'tell' },
        policy: { refs: ['refs/heads/**'], events: ['push', 'manual', 'api'], min_tier: 'branch' },
      },
    },
  },
]

export const allSecrets: readonly OwnedSecret[] = [
  ...secrets.slice(0, 2).map((secret) => ({ ...secret, project: null, context: 'deploy to europe' })),
  ...secrets.map((secret) => ({ ...secret, project: 'web', context: null })),
]
