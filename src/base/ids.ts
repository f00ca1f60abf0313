// Prefixed, sortable identifiers: `run_` + 26 characters of lower-case base32hex over a UUIDv7.
// Everyone uses them; this file makes no randomness and reads no clock, the caller supplies both.

/** Prefixes in use, by what they name. `tkt` is a vault ticket, `dlv` a delivery, `usr` a person, `lse` a lease. */
export const idPrefixes = {
  organisation: 'org',
  project: 'prj',
  run: 'run',
  workflow: 'wfl',
  job: 'job',
  attempt: 'att',
  runner: 'rnr',
  ticket: 'tkt',
  delivery: 'dlv',
  user: 'usr',
  session: 'ses',
  token: 'tok',
  lease: 'lse',
  hook: 'hok',
  secret: 'sec',
  signer: 'sgn',
  backup: 'bak',
  invitation: 'inv',
  schedule: 'sch',
  object: 'obj',
  context: 'ctx',
  proposal: 'prp',
  view: 'viw',
  webhook: 'whk',
  message: 'msg',
} as const

export type IdKind = keyof typeof idPrefixes
export type Id<K extends IdKind> = string & { readonly __id: K }
export type OrganisationId = Id<'organisation'>
export type ProjectId = Id<'project'>
export type RunId = Id<'run'>
export type WorkflowId = Id<'workflow'>
export type JobId = Id<'job'>
export type AttemptId = Id<'attempt'>
export type RunnerId = Id<'runner'>
export type TicketId = Id<'ticket'>
export type DeliveryId = Id<'delivery'>
export type UserId = Id<'user'>
export type SessionId = Id<'session'>
export type TokenId = Id<'token'>
export type LeaseId = Id<'lease'>
export type HookId = Id<'hook'>
export type InvitationId = Id<'invitation'>
export type ScheduleId = Id<'schedule'>
export type SecretId = Id<'secret'>
export type SignerId = Id<'signer'>
export type ObjectId = Id<'object'>
export type ContextId = Id<'context'>
/** A signed change that waits for a second person. */
export type ProposalId = Id<'proposal'>
export type ViewId = Id<'view'>
export type WebhookId = Id<'webhook'>
/** What targets of a project are told once: a receiver knows it again by its id. */
export type MessageId = Id<'message'>

const alphabet = '0123456789abcdefghijklmnopqrstuv'
const bodyLength = 26

/** UUIDv7 (RFC 9562 §5.7) from Unix milliseconds and 10 random bytes; 16 bytes. */
export const uuid7 = (unixMs: number, random: Uint8Array): Uint8Array => {
  if (random.length < 10) throw new RangeError('uuid7 needs 10 random bytes')
  const bytes = new Uint8Array(16)
  let rest = Math.floor(unixMs)
  for (let i = 5; i >= 0; i--) {
    bytes[i] = rest % 256
    rest = Math.floor(rest / 256)
  }
  bytes.set(random.subarray(0, 10), 6)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  return bytes
}

/** `run_…` from 16 bytes. */
export const formatId = <K extends IdKind>(kind: K, bytes: Uint8Array): Id<K> =>
  // SAFE: the one place that makes the brand; the text is built from the prefix and the bytes.
  `${idPrefixes[kind]}_${base32hex(bytes)}` as Id<K>

/** The id when `text` has the exact form, otherwise null. */
export const parseId = <K extends IdKind>(kind: K, text: unknown): Id<K> | null =>
  typeof text === 'string' && isIdText(idPrefixes[kind], text) ? (text as Id<K>) : null

/** The 16 bytes behind an id. */
export const idBytes = (id: string): Uint8Array => {
  const body = id.slice(id.indexOf('_') + 1)
  const bytes = new Uint8Array(16)
  let buffer = 0
  let bits = 0
  let at = 0
  for (const char of body) {
    buffer = ((buffer << 5) | alphabet.indexOf(char)) & 0xffff
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = (buffer >> bits) & 0xff
    }
  }
  return bytes
}

/** When it was made, by the clock of its maker: Unix milliseconds. */
export const idMadeAt = (id: string): number =>
  idBytes(id)
    .subarray(0, 6)
    .reduce((ms, byte) => ms * 256 + byte, 0)

/** Below every id of this kind that is made at this moment or later, and above all earlier ones. */
export const idBound = (kind: IdKind, unixMs: number): string =>
  formatId(kind, uuid7(unixMs, new Uint8Array(10)))

/** The same 16 bytes as the world writes a UUID: for those outside who expect one. */
export const uuidOf = (id: string): string => {
  const hex = [...idBytes(id)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** null unless `uuid` is written as `uuidOf` writes it. */
export const idFromUuid = <K extends IdKind>(kind: K, uuid: string): Id<K> | null => {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid)) return null
  const hex = uuid.replaceAll('-', '')
  return formatId(
    kind,
    Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)),
  )
}

const isIdText = (prefix: string, text: string): boolean =>
  text.length === prefix.length + 1 + bodyLength &&
  text.startsWith(`${prefix}_`) &&
  [...text.slice(prefix.length + 1)].every((c) => alphabet.includes(c))

const base32hex = (bytes: Uint8Array): string => {
  let out = ''
  let buffer = 0
  let bits = 0
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xfff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      out += alphabet[(buffer >> bits) & 31]
    }
  }
  return bits > 0 ? out + alphabet[(buffer << (5 - bits)) & 31] : out
}
