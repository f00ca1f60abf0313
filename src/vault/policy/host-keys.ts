// Pinned host keys: whatever line a person confirmed, the vault keeps the key and names the host itself, so that a pin
// cannot stand for another machine than the one the repository's address names.
import { createHash } from 'node:crypto'
import { fault } from '../../base/faults.ts'
import type { ProjectSource } from '../../protocol/vault.ts'

/** Lines of known_hosts for the source's own host and port. */
export const pinHostKeys = (source: ProjectSource, lines: readonly string[]): readonly string[] => {
  if (source.kind === 'local') {
    if (lines.length > 0) throw fault('E_INPUT', { public: 'A local source has no host keys' })
    return []
  }
  const host = source.host.toLowerCase()
  const name = source.port === 22 ? host : `[${host}]:${source.port}`
  return [...new Set(lines.map((line) => `${name} ${checkedKey(line)}`))]
}

/** As OpenSSH shows it, of a pinned line. */
export const fingerprintOf = (line: string): string => {
  const blob = Buffer.from(line.split(' ').at(-1) ?? '', 'base64')
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
}

/** `<type> <base64>` when the blob is of the type that the line names (RFC 4253 §6.6). */
const checkedKey = (line: string): string => {
  const [type = '', base64 = ''] = line.split(' ').slice(-2)
  const blob = Buffer.from(base64, 'base64')
  const inner = blob.length > 4 ? blob.subarray(4, 4 + blob.readUInt32BE(0)).toString('latin1') : ''
  if (inner !== type) throw fault('E_INPUT', { public: 'A host key is malformed' })
  return `${type} ${base64}`
}
