// The secrets of one job attempt on its runner: from what the vault released to what its steps get, and a sink that lets
// none of them out. Everything is overwritten when the attempt is over.
import { fromBase64Url } from '../base/bytes.ts'
import { Secret } from '../base/secret.ts'
import type { ReleasedSecret } from '../protocol/vault.ts'
import { createMasker, unmaskable } from './logs/mask.ts'
import { createMaskedSink } from './logs/masked-sink.ts'
import type { CarriedOut } from './session/life.ts'
import type { AttemptSink } from './sink.ts'
import type { JobSecret } from './steps/deliver-secrets.ts'

/** Carries the attempt out with its secrets; nothing that leaves through the sink or the answer holds one. */
export const withSecrets = async (
  released: readonly ReleasedSecret[],
  sink: AttemptSink,
  carryOut: (secrets: readonly JobSecret[], sink: AttemptSink) => Promise<CarriedOut>,
): Promise<CarriedOut> => {
  if (released.length === 0) return carryOut([], sink)
  const values = released.map(({ name, kind, value }) => ({
    ...{ name, kind },
    value: fromBase64Url(value) ?? new Uint8Array(0),
  }))
  const secrets = values.map(({ value, ...rest }) => ({ ...rest, value: new Secret(value) }))
  const masker = createMasker(values)
  for (const name of unmaskable(values))
    sink.event({ kind: 'note', text: `the secret ${name} is too short or too plain to be masked in logs` })
  try {
    const masked = masker === null ? null : createMaskedSink(sink, masker)
    const done = await carryOut(secrets, masked ?? sink)
    masked?.flush()
    const reason =
      done.reason === null || masker === null
        ? done.reason
        : { ...done.reason, message: masker.text(done.reason.message) }
    return { ...done, reason, secretNames: secrets.map(({ name }) => name) }
  } finally {
    masker?.close()
    for (const { value } of values) value.fill(0)
  }
}
