// The real vault, which also tells whose keys were opened for whom.
import type { Parts } from './parts.ts'

export type OpenedKey = { readonly object: string; readonly user: string }

/** `onOpened` is called before the vault is asked. */
export const tellingOpenedKeys = (
  { vault }: Pick<Parts, 'vault'>,
  onOpened: (opened: OpenedKey) => void,
): Parts['vault'] => ({
  ...vault,
  call: ((verb, request) => {
    if (verb === 'blob.key') onOpened(request as unknown as OpenedKey)
    return vault.call(verb, request)
  }) as Parts['vault']['call'],
})
