// Files and directories that settings and flags name. A program that cannot use one does not start: so they are looked at as the user who will read
// them, and before anything that runs is stopped.
import { stat } from 'node:fs/promises'
import { fault } from '../base/faults.ts'
import { parseHeaderLines } from '../base/header-lines.ts'
import { run } from '../sys/index.ts'
import type { Layout } from './layout.ts'
import { type Owner, ownerCommand } from './postgres.ts'
import type { Settings } from './settings.ts'

const askDeadlineMs = 10_000

/** Of `up --local-repos`. Not of a restart: what runs stays up without one that is gone for a while. */
export const requireLocalRepositories = async (directories: readonly string[]): Promise<void> => {
  for (const path of directories)
    if ((await stat(path).catch(() => null))?.isDirectory() !== true)
      throw fault('E_INPUT', { public: `--local-repos: ${path} is no directory of this machine` })
}

/** `owner`: whom the server runs as; null: us. */
export const requireNamedFiles = async (
  { trust, traces }: Pick<Settings, 'trust' | 'traces'>,
  { layout, owner }: { readonly layout: Pick<Layout, 'settings'>; readonly owner: Owner | null },
): Promise<void> => {
  const refuse = (words: string) => fault('E_CONFIG_INVALID', { public: `${layout.settings}: ${words}` })
  const read = async (key: string, path: string): Promise<string> => {
    const { file, args } = ownerCommand(owner, ['cat', '--', path])
    const { code, stdout } = await run(file, args, { timeoutMs: askDeadlineMs })
    if (code === 0) return stdout.toString()
    throw refuse(`${key}: ${path} is no file that ${owner === null ? 'you' : 'the user mayfly'} can read`)
  }
  await read('trust.ca', trust.ca)
  const { endpoint, headersFile } = traces
  if (endpoint === undefined || headersFile === undefined) return
  const headers = parseHeaderLines(await read('traces.headersFile', headersFile))
  if (!headers.ok)
    throw refuse(`traces.headersFile: ${headersFile}:${headers.line} is no header, as in: Name: value`)
}
