// Log keys, opened by the vault when somebody reads: of a live log once per attempt and process, of a finished one once
// per reader, so that the vault's counting of who opens how much holds. Kept while they are in use, never stored.
import { fromBase64Url, toBase64Url } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import { limits } from '../limits.ts'
import type { LogReader } from '../log-use-cases.ts'
import type { VaultClient } from '../vault-client.ts'
import type { Log } from './find.ts'

export type LogKeys = {
  /** 32 bytes; null when the log has no frame and so no key. */
  open(log: Log, reader: LogReader): Promise<Uint8Array | null>
}

export const createLogKeys = (vault: VaultClient): LogKeys => {
  const opened = new Map<string, Promise<Uint8Array>>()
  const keep = (name: string, key: Promise<Uint8Array>) => {
    opened.set(name, key)
    key.catch(() => opened.delete(name))
    const oldest = opened.keys().next().value
    if (opened.size > limits.logKeysCached && oldest !== undefined) opened.delete(oldest)
    return key
  }
  return {
    open: async (log, reader) => {
      if (log.sealedKey === null) return null
      // A key belongs to what was sealed: an attempt that is leased again before its first frame has another one.
      const name = `${log.attempt} ${log.isComplete ? reader.user : toBase64Url(log.sealedKey)}`
      return opened.get(name) ?? keep(name, ask(vault, log, reader))
    },
  }
}

const ask = async (vault: VaultClient, log: Log, reader: LogReader): Promise<Uint8Array> => {
  const { key } = await vault.call('blob.key', {
    object: log.attempt,
    project: log.project,
    ...(log.wrappedKey === null
      ? { sealedKey: toBase64Url(log.sealedKey ?? new Uint8Array(0)) }
      : { wrapped: log.wrappedKey }),
    ...(log.run === null ? {} : { run: log.run }),
    ...reader,
  })
  const bytes = fromBase64Url(key)
  if (bytes === null) throw fault('E_VAULT_UNAVAILABLE', { detail: 'a key that is not base64url' })
  return bytes
}
