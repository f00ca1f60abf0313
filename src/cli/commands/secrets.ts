// Secrets of a project or a context: sealed here, to the vault's pinned key, before they are sent; shown without their values. A value
// comes from standard input, a hidden question or a file: there is no option that could land in a process list.

import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { toBase64Url, utf8 } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import { parseShape } from '../../base/shape.ts'
import type { Secret } from '../../protocol/api/secrets.ts'
import type { SecretView } from '../../protocol/secret-views.ts'
import {
  type KeptByPut,
  knownHosts,
  linesOfHosts,
  maskableBytesMin,
  type OnLeak,
  type PutStatement,
  policyEvents,
  type SecretKind,
  type SecretPolicy,
  secretName,
  secretPolicy,
} from '../../protocol/statement.ts'
import { privateKeyProblem, signStatement } from '../../seal/index.ts'
import type { ApiClient } from '../api/client.ts'
import { connect } from '../api/connect.ts'
import { askHidden } from '../everywhere.ts'
import { inertText } from '../inert.ts'
import { withoutLineEnd } from '../line-end.ts'
import { writeTable } from '../look.ts'
import { nowIn, sameRotation, secondsIn, unixSeconds } from '../secrets/dates.ts'
import { type HomeFlags, homeOf, type SecretsHome } from '../secrets/home.ts'
import { findSecret, sealAndPut } from '../secrets/put.ts'
import { requireSignerKey, statementHead } from '../secrets/signer-key.ts'
import { ingestKeyOf } from '../secrets/vault-pin.ts'
import type { Surroundings } from '../surroundings.ts'

type Common = HomeFlags & { readonly json?: boolean }
export type SetFlags = Common & {
  readonly kind?: SecretKind
  readonly knownHosts?: string
  readonly file?: string
  readonly ref: readonly string[]
  readonly event: readonly string[]
  readonly onlyNewest?: boolean
  readonly expires?: string
  readonly rotateAfter?: string
  readonly overlap?: string
  readonly allowUnmaskable?: boolean
  readonly onLeak?: OnLeak
  readonly generate?: number
}
export type RotateFlags = Pick<
  SetFlags,
  keyof Common | 'file' | 'generate' | 'expires' | 'overlap' | 'allowUnmaskable'
>

export const setSecret = (around: Surroundings, flags: SetFlags, name: string): Promise<number> =>
  putSecret(around, flags, { name, mayPut: () => undefined })

/** Of what there is, another value: whatever else was said about it stays. */
export const rotateSecret = (around: Surroundings, flags: RotateFlags, name: string): Promise<number> =>
  putSecret(around, { ...flags, ref: [], event: [] }, { name, mayPut: requireActive })

const requireActive = (before: Secret | null, name: string): void => {
  if (before === null || before.state === 'revoked')
    throw fault('E_NOT_FOUND', {
      public: `there is no ${name} that could get another value: mayfly secrets set ${name}`,
    })
  if (before.state === 'disabled')
    throw fault('E_CONFLICT', {
      public: `${name} is disabled, and a new value would go to jobs again: mayfly secrets enable ${name}, or set it`,
    })
}

const putSecret = async (
  around: Surroundings,
  flags: SetFlags,
  { name, mayPut }: { readonly name: string; readonly mayPut: (before: Secret | null, name: string) => void },
): Promise<number> => {
  if (!parseShape(secretName, name).ok)
    throw fault('E_INPUT', { public: `"${name}" cannot be the name of a variable` })
  const key = await requireSignerKey(around)
  const api = await connect(around)
  const home = await homeOf(around, api, flags)
  const before = await findSecret(home, name)
  mayPut(before, name)
  const ingest = await ingestKeyOf(around, await api.call('vaultKey', {}))
  const body = await bodyOf(around, flags, { home, before })
  const value = await readValue(around, flags, { name, kind: body.kind })
  const problem = body.kind === 'signing' ? await privateKeyProblem(value) : null
  if (problem !== null) throw fault('E_INPUT', { public: problem })
  if (value.length < maskableBytesMin && !body.allow_unmaskable)
    throw fault('E_INPUT', {
      public: `a value of less than ${maskableBytesMin} bytes cannot be masked in logs: --allow-unmaskable puts it all the same`,
    })
  const secret = await sealAndPut(around, { home, key, ingest, name, before, body, value })
  if (flags.json) around.stdout.write(`${JSON.stringify(secret)}\n`)
  else
    around.stdout.write(
      inertText`${name} is version ${secret.detail?.version ?? '?'}: ${wordsOf(body.policy)}${home.repository === undefined ? '' : `, in jobs of ${home.repository}`}\n` +
        publicWords(secret),
    )
  return 0
}

export const listSecrets = async (
  around: Surroundings,
  flags: Common & { readonly view?: SecretView; readonly all?: boolean },
): Promise<number> => {
  const api = await connect(around)
  if (flags.all) return listAll(around, flags, api)
  const page = await (await homeOf(around, api, flags)).list(flags.view)
  if (flags.json) around.stdout.write(`${JSON.stringify(page)}\n`)
  else writeTable(around.stdout, columns, page.items.map(cellsOf))
  return 0
}

const columns = [
  ...['NAME', 'KIND', 'STATE', 'VERSION', 'CHANGED', 'EXPIRES', 'DUE', '30 DAYS', 'LAST USED', 'LOOK AT'],
]
const cellsOf = ({ name, kind, state, detail }: Secret): string[] => [
  ...[name, kind, state, String(detail?.version ?? '-'), detail?.changed_at ?? '-'],
  ...[detail?.expires_at ?? 'never', detail?.rotate_after ?? '-', String(detail?.releases_recent ?? '-')],
  ...[lastUse(detail), detail?.views.join(' ') || '-'],
]

const listAll = async (
  around: Surroundings,
  { view, project, context, json }: Common & { readonly view?: SecretView },
  api: ApiClient,
): Promise<number> => {
  if (project !== undefined || context !== undefined)
    throw fault('E_INPUT', { public: 'either --all or one project or context' })
  const page = await api.all('secretsOfAll', { query: view === undefined ? {} : { view } })
  if (json) around.stdout.write(`${JSON.stringify(page)}\n`)
  else
    writeTable(
      around.stdout,
      ['OF', ...columns],
      page.items.map((one) => [
        one.context === null ? (one.project ?? '-') : `context ${one.context}`,
        ...cellsOf(one),
      ]),
    )
  return 0
}

export const showSecret = async (around: Surroundings, flags: Common, name: string): Promise<number> => {
  const api = await connect(around)
  const secret = await (await homeOf(around, api, flags)).find(name)
  around.stdout.write(flags.json ? `${JSON.stringify(secret)}\n` : describe(secret))
  return 0
}

/** Of a revoked one, too: what it signed is still to be checked. */
export const printPublicKey = async (
  around: Surroundings,
  flags: HomeFlags,
  name: string,
): Promise<number> => {
  const api = await connect(around)
  const { signing, kind } = await (await homeOf(around, api, flags)).find(name)
  if (signing === null)
    throw fault('E_INPUT', { public: `${name} is of kind ${kind}: only a signing key has a public half` })
  around.stdout.write(signing.public_key)
  return 0
}

export const listSignatures = async (
  around: Surroundings,
  flags: Common & { readonly limit: string },
  name: string,
): Promise<number> => {
  const api = await connect(around)
  const page = await (await homeOf(around, api, flags)).signatures(name, flags.limit)
  if (flags.json) around.stdout.write(`${JSON.stringify(page)}\n`)
  else
    writeTable(
      around.stdout,
      ['SIGNED', 'DIGEST', 'RUN', 'STEP', 'VERSION'],
      page.items.map(({ at, digest, run_id, run_number, project, step, version }) => [
        ...[at, digest, run_number === null ? run_id : `${project ?? ''}#${run_number}`],
        ...[String(step), String(version)],
      ]),
    )
  return 0
}

export const revokeSecret = async (around: Surroundings, flags: Common, name: string): Promise<number> => {
  const key = await requireSignerKey(around)
  const api = await connect(around)
  const home = await homeOf(around, api, flags)
  const before = await findSecret(home, name)
  if (before === null) throw fault('E_NOT_FOUND', { public: `${home.name} has no secret ${name}` })
  const head = statementHead(around, key, { sub: home.subjectOf(name), prev: before.detail?.head ?? null })
  const statement = { ...head, type: 'secret.revoke' as const, body: {} }
  const secret = await home.revoke(name, { statement, proof: await signStatement(statement, key.privateKey) })
  if (flags.json) around.stdout.write(`${JSON.stringify(secret)}\n`)
  else around.stderr.write(inertText`${name} is revoked; jobs that have it already keep it until they end\n`)
  return 0
}

/** What is not said stays as it was: a new value must not widen where a secret goes. */
const bodyOf = async (
  around: Surroundings,
  flags: SetFlags,
  { home, before }: { readonly home: SecretsHome; readonly before: Secret | null },
): Promise<PutStatement['body']> => {
  const was: SecretPolicy = before?.detail?.policy ?? home.policy
  const parsed = parseShape(secretPolicy, {
    refs: flags.ref.length > 0 ? flags.ref : was.refs,
    events: flags.event.length > 0 ? flags.event : was.events,
    min_tier: was.min_tier,
    ...((flags.onlyNewest ?? was.freshness === 'tip') ? { freshness: 'tip' } : {}),
  })
  if (!parsed.ok)
    throw fault('E_INPUT', {
      public: `refs are full ones (refs/heads/main, refs/tags/v*), events are ${policyEvents.join(', ')}`,
    })
  const kind = flags.kind ?? before?.kind ?? 'env'
  return {
    kind,
    policy: parsed.value,
    expires_at: expiryOf(around, flags.expires, before?.detail?.expires_at ?? null),
    allow_unmaskable: flags.allowUnmaskable === true,
    ...rotationOf(around, flags, before),
    ...(flags.onLeak === undefined ? {} : { on_leak: flags.onLeak }),
    ...(kind === 'ssh' ? { hosts: await hostsOf(around, flags, before?.detail?.hosts ?? null) } : {}),
    ...(before === null ? {} : { keeps: keptOf(flags, kind) }),
  }
}

/** What the server was asked for, and nobody said. */
const keptOf = (flags: SetFlags, kind: SecretKind): readonly KeptByPut[] => [
  ...(flags.kind === undefined ? (['kind'] as const) : []),
  ...(kind === 'ssh' && flags.knownHosts === undefined ? (['hosts'] as const) : []),
  ...(flags.ref.length === 0 ? (['refs'] as const) : []),
  ...(flags.event.length === 0 ? (['events'] as const) : []),
  'min_tier',
  ...(flags.onlyNewest === undefined ? (['freshness'] as const) : []),
  ...(flags.expires === undefined ? (['expires_at'] as const) : []),
]

/** Comments and empty lines of a known_hosts file are left out. */
const hostsOf = async (
  around: Surroundings,
  { knownHosts: path }: SetFlags,
  was: readonly string[] | null,
): Promise<readonly string[]> => {
  if (path === undefined) {
    if (was !== null) return was
    throw fault('E_INPUT', {
      public: 'an SSH key is for named hosts: --known-hosts FILE (ssh-keyscan HOST >FILE)',
    })
  }
  const text = await readFile(resolve(around.cwd, path), 'utf8').catch((cause: unknown) => {
    throw fault('E_INPUT', { public: `${path} cannot be read`, cause })
  })
  const parsed = parseShape(knownHosts, linesOfHosts(text))
  if (!parsed.ok)
    throw fault('E_INPUT', { public: `${path}: 1 to 16 lines "host type key", with names in the clear` })
  return parsed.value
}

const rotationOf = (
  around: Surroundings,
  { rotateAfter, overlap }: SetFlags,
  before: Secret | null,
): Pick<PutStatement['body'], 'rotate_after' | 'overlap_until'> => {
  if (overlap !== undefined && before?.state !== 'active')
    throw fault('E_INPUT', {
      public: 'there is no version before that could stay: --overlap is for a new one',
    })
  const rotate =
    rotateAfter === undefined
      ? sameRotation(around, before)
      : secondsIn(around, '--rotate-after', rotateAfter)
  const until = overlap === undefined ? null : secondsIn(around, '--overlap', overlap)
  return {
    ...(rotate === null ? {} : { rotate_after: rotate }),
    ...(until === null ? {} : { overlap_until: until }),
  }
}

const expiryOf = (around: Surroundings, wanted: string | undefined, was: string | null): number | null => {
  if (wanted !== undefined) return secondsIn(around, '--expires', wanted)
  const before = unixSeconds(was)
  if (before !== null && before <= nowIn(around))
    throw fault('E_INPUT', {
      public: 'it had expired: say until when the new value is good: --expires 90d',
    })
  return before
}

/** The line end that an editor or `echo` leaves is no part of a variable; of a file it may be. */
const readValue = async (
  around: Surroundings,
  { file, generate }: SetFlags,
  { name, kind }: { readonly name: string; readonly kind: SecretKind },
): Promise<Uint8Array> => {
  if (generate !== undefined) {
    if (file !== undefined) throw fault('E_INPUT', { public: 'either --file or --generate' })
    if (kind === 'ssh' || kind === 'signing')
      throw fault('E_INPUT', { public: `a secret of kind ${kind} is a key: --generate makes no keys` })
    return generatedValue(around, generate)
  }
  const value =
    file === undefined
      ? await askHidden(around, `value of ${name}`, 'with --file FILE or on standard input')
      : await readFile(resolve(around.cwd, file)).catch((cause: unknown) => {
          throw fault('E_INPUT', { public: `${file} cannot be read`, cause })
        })
  return kind === 'env' ? withoutLineEnd(value) : value
}

/** As text, in letters that nobody has to quote; it is shown to nobody. */
const generatedValue = ({ randomBytes }: Surroundings, bytes: number): Uint8Array => {
  const random = randomBytes(bytes)
  const value = utf8(toBase64Url(random))
  random.fill(0)
  return value
}

const wordsOf = ({ refs, events, freshness }: SecretPolicy): string =>
  `for ${refs.join(', ')} on ${events.join(', ')}${freshness === 'tip' ? ', the newest commit only' : ''}`

const lastUse = (detail: Secret['detail']): string => {
  if (detail === null) return '-'
  const { last_release: last } = detail
  if (last === null) return 'never'
  return `${last.at}${last.run_number === null ? '' : ` by ${last.project ?? ''}#${last.run_number}`}`
}

const leakWords = ({ on_leak: onLeak, leak }: NonNullable<Secret['detail']>): string => {
  const then = onLeak === 'revoke' ? 'revoked by itself then' : 'told of then'
  if (leak === null) return inertText`not that is known of; ${then}`
  const run = leak.run_number === null ? leak.run_id : inertText`${leak.project ?? ''}#${leak.run_number}`
  return inertText`${leak.at} in the output of ${run}; ${then}`
}

const publicWords = ({ signing }: Secret): string =>
  signing === null ? '' : inertText`signs    ${signing.algorithm}  ${signing.fingerprint}\n`

const describe = (secret: Secret): string => {
  const { name, kind, state, detail } = secret
  return [
    inertText`secret   ${name}  ${kind}  ${state}`,
    ...(detail === null
      ? []
      : [
          inertText`version  ${detail.version}, ${detail.changed_at}, signed by ${detail.signer.name}`,
          inertText`goes     ${wordsOf(detail.policy)}`,
          ...(detail.hosts ?? []).map((line) => inertText`for      ${line}`),
          inertText`value    put ${detail.put_at}${detail.put_by === null ? '' : inertText` by ${detail.put_by}`}, first ${detail.created_at}${detail.created_by === null ? '' : inertText` by ${detail.created_by}`}`,
          inertText`expires  ${detail.expires_at ?? 'never'}`,
          inertText`due      ${detail.rotate_after ?? 'nobody said'}`,
          ...(detail.previous_until === null
            ? []
            : [inertText`before   ${name}_PREVIOUS until ${detail.previous_until}`]),
          inertText`used     ${detail.releases} times, ${detail.releases_recent} in 30 days, last ${lastUse(detail)}`,
          inertText`leaked   ${leakWords(detail)}`,
          ...(detail.views.length === 0 ? [] : [inertText`look at  ${detail.views.join(', ')}`]),
        ]),
    publicWords(secret) + (secret.signing?.public_key ?? ''),
  ].join('\n')
}
