// Builds the browser side for tests that look at it, as people get it, into a directory of its own: a build empties
// its directory first, and several tests may run at once. It takes a second or two.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'vite'

export const buildWeb = async () => {
  const root = await mkdtemp(join(tmpdir(), 'mayfly-web-'))
  await build({ logLevel: 'error', build: { outDir: root, emptyOutDir: true } })
  return { root, remove: () => rm(root, { recursive: true }) }
}
export type BuiltWeb = Awaited<ReturnType<typeof buildWeb>>
