// Files that the settings name. A program that cannot read one does not start: so they are looked at as the user who will read
// them, and before anything that runs is stopped.
import { fault } from '../base/faults.ts'
import { run } from '../sys/index.ts'
import type { Layout } from './layout.ts'
import { type Owner, ownerCommand } from './postgres.ts'
import type { Settings } from './settings.ts'

const askDeadlineMs = 10_000

/** `owner`: whom the server runs as; null: us. */
export const requireNamedFiles = async (
  { trust, traces }: Pick<Settings, 'trust' | 'traces'>,
  { layout, owner }: { readonly layout: Pick<Layout, 'settings'>; readonly owner: Owner | null },
): Promise<void> => {
  const named = {
    'trust.ca': trust.ca,
    ...(traces.endpoint === undefined || traces.headersFile === undefined
      ? {}
      : { 'traces.headersFile': traces.headersFile }),
  }
  for (const [key, path] of Object.entries(named)) {
    const { file, args } = ownerCommand(owner, ['test', '-f', path, '-a', '-r', path])
    const { code } = await run(file, args, { timeoutMs: askDeadlineMs })
    if (code !== 0)
      throw fault('E_CONFIG_INVALID', {
        public: `${layout.settings}: ${key}: ${path} is no file that ${owner === null ? 'you' : 'the user mayfly'} can read`,
      })
  }
}
