// The secrets of one job attempt on its runner: from what the vault released to what its steps get, and a sink that lets
// none of them out. Everything is overwritten when the attempt is over.
import { fromBase64Url } from '../base/bytes.ts'
import { Secret } from '../base/secret.ts'
import type { SecretsPayload } from '../protocol/released.ts'
import type { AttemptResult } from './attempt.ts'
import type { LeakReports } from './leak-reports.ts'
import { createMasker, type MaskedSecret, unmaskable } from './logs/mask.ts'
import { createMaskedSink } from './logs/masked-sink.ts'
import type { AttemptSink } from './sink.ts'
import type { JobSecret } from './steps/deliver-secrets.ts'

/**
 * Carries the attempt out with its secrets; nothing that leaves through the sink or the answer holds one. What comes from
 * a vault comes with a canary and is told of leaks; `mayfly run` has neither.
 */
export const withSecrets = async <Done extends Pick<AttemptResult, 'reason'>>(
  released: Pick<SecretsPayload, 'secrets' | 'canary'>,
  sink: AttemptSink,
  carryOut: (secrets: readonly JobSecret[], sink: AttemptSink) => Promise<Done>,
  leaks: Pick<LeakReports, 'tell'> | null = null,
): Promise<Done & { readonly secretNames?: readonly string[] }> => {
  if (released.secrets.length === 0) return carryOut([], sink)
  const canary: MaskedSecret = {
    name: 'canary',
    value: fromBase64Url(released.canary ?? '') ?? new Uint8Array(0),
  }
  const values = released.secrets.map(({ name, kind, value, hosts }) => ({
    ...{ name, kind, ...(hosts === undefined ? {} : { hosts }) },
    value: fromBase64Url(value) ?? new Uint8Array(0),
  }))
  const secrets = values.map(({ value, ...rest }) => ({ ...rest, value: new Secret(value) }))
  const alarm = alarmOnce(sink, canary, leaks)
  const masker = createMasker([...values, canary], (seen) => {
    if (seen === canary) alarm(canary)
  })
  for (const name of unmaskable(values))
    sink.event({ kind: 'note', text: `the secret ${name} is too short or too plain to be masked in logs` })
  try {
    const masked = masker === null ? null : createMaskedSink(sink, masker, alarm)
    const done = await carryOut(secrets, masked ?? sink)
    masked?.flush()
    const reason =
      done.reason === null || masker === null
        ? done.reason
        : { ...done.reason, message: masker.text(done.reason.message) }
    return { ...done, reason, secretNames: secrets.map(({ name }) => name) }
  } finally {
    masker?.close()
    for (const { value } of [...values, canary]) value.fill(0)
  }
}

/** Of each secret once; the canary is its own alarm. */
const alarmOnce = (
  sink: AttemptSink,
  canary: MaskedSecret,
  leaks: Pick<LeakReports, 'tell'> | null,
): ((secret: MaskedSecret) => void) => {
  const told = new Set<MaskedSecret>()
  return (secret) => {
    if (told.has(secret)) return
    told.add(secret)
    leaks?.tell(secret === canary ? null : secret.name)
    sink.event(
      secret === canary
        ? { kind: 'alarm', what: 'canary' }
        : { kind: 'alarm', what: 'leak', secret: secret.name },
    )
  }
}
