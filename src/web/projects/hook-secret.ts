// The secret of a hook comes sealed to a key made in this browser for this one answer (foundation.md §7). Neither the
// server nor a proxy sees it; the private key is gone with the page.
import { fromBase64Url, toBase64Url, utf8Decode } from '../../base/bytes.ts'
import { parseId } from '../../base/ids.ts'
import type { ProjectCreated } from '../../protocol/api/shapes.ts'
import { openHookSecret } from '../../seal/index.ts'
import { makeReplyKey } from '../state/reply-key.ts'

/** `ask` sends the public key and gets the sealed answer. null: it does not open. */
export const receiveHookSecret = async (
  ask: (eph: string) => Promise<ProjectCreated>,
): Promise<{ readonly made: ProjectCreated; readonly secret: string | null }> => {
  const key = await makeReplyKey()
  const made = await ask(toBase64Url(key.publicKey))
  const sealed = fromBase64Url(made.hook_secret_sealed)
  const hook = parseId('hook', made.project.hook.id)
  const secret = sealed === null || hook === null ? null : await openHookSecret(key, sealed, hook)
  return { made, secret: secret === null ? null : utf8Decode(secret) }
}
