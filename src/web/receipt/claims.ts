// The receipt's claims as the panel shows them. The API gives them as it verified them, so every field is checked
// before it is drawn; what is missing is left out, not invented. Pure.

import { formatBytes, formatDuration } from '../format/time.ts'
import { text } from '../text/en.ts'

export type ReceiptView = {
  readonly isolation: string
  readonly image: string | null
  readonly ranOnHost: boolean
  readonly openedAt: string | null
  readonly closedAt: string | null
  readonly destroyTook: string | null
  readonly facts: readonly { readonly name: string; readonly value: string }[]
  readonly gone: readonly { readonly check: string; readonly ok: boolean; readonly detail: string }[]
  readonly weak: readonly string[]
}

export const viewReceipt = (claims: Readonly<Record<string, unknown>>): ReceiptView => {
  const image = textOf(claims.image)
  const tier = textOf(claims.measuredTier)
  return {
    isolation: [textOf(claims.driver), tier && (text.tier[tier] ?? tier)].filter(Boolean).join(', '),
    image,
    ranOnHost: image?.startsWith('host') ?? false,
    openedAt: textOf(claims.openedAt),
    closedAt: textOf(claims.closedAt),
    destroyTook: typeof claims.destroyMs === 'number' ? formatDuration(claims.destroyMs) : null,
    facts: factsOf(claims),
    gone: listOf(claims.gone).map((entry) => ({
      check: textOf(entry.check) ?? '',
      ok: entry.ok === true,
      detail: textOf(entry.detail) ?? '',
    })),
    weak: Array.isArray(claims.weak) ? claims.weak.filter((note) => typeof note === 'string') : [],
  }
}

const factsOf = (claims: Readonly<Record<string, unknown>>) => {
  const words = text.receipt
  const storage = textOf(claims.storage)
  const network = textOf(claims.egressMode)
  const secrets = Array.isArray(claims.secretNames) ? claims.secretNames.map(String) : null
  const peak = recordOf(claims.usage).peakMemory
  return [
    storage === null ? null : { name: words.storage, value: words.storageWords[storage] ?? storage },
    network === null ? null : { name: words.network, value: words.networkWords[network] ?? network },
    secrets === null
      ? null
      : { name: words.secrets, value: secrets.length === 0 ? words.noSecrets : secrets.join(', ') },
    provenOf(claims.evidence),
    typeof peak === 'number' ? { name: words.peak, value: formatBytes(peak) } : null,
  ].filter((fact) => fact !== null)
}

/** What they were released for. */
const provenOf = (value: unknown) => {
  const { commit, ref, repo, is_tip: isTip } = recordOf(value)
  const [of, on, at] = [textOf(commit), textOf(ref), textOf(repo)]
  if (of === null || on === null || at === null) return null
  return { name: text.receipt.proven, value: text.receipt.provenFor(of.slice(0, 12), on, at, isTip === true) }
}

const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)
const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
const listOf = (value: unknown): readonly Readonly<Record<string, unknown>>[] =>
  Array.isArray(value) ? value.map(recordOf) : []
