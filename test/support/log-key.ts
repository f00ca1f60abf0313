// The key of one log, sealed as a runner seals it; a runner has the seal prepared before it knows the log.
import type { AttemptId, ProjectId } from '../../src/base/ids.ts'
import { prepareLogKeySeal } from '../../src/seal/index.ts'

/** null when `ingestKey` is not usable. */
export const sealLogKey = async (
  ingestKey: Uint8Array,
  logKey: Uint8Array,
  owner: { readonly project: ProjectId; readonly attempt: AttemptId },
): Promise<Uint8Array | null> => (await prepareLogKeySeal(ingestKey))?.(logKey, owner) ?? null
