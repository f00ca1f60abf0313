// Which files a run is about.

import { connect } from '../api/connect.ts'
import { findRunId } from '../api/find-run.ts'
import { inert, inertText } from '../inert.ts'
import { writeTable } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'

const signs = { added: 'A', changed: 'M', removed: 'D' } as const

export const listChanges = async (
  around: Surroundings,
  flags: { readonly json?: boolean; readonly project?: string },
  ref: string | undefined,
): Promise<number> => {
  const api = await connect(around)
  const run = await findRunId(around, api, { ref, project: flags.project })
  const { changes } = await api.call('runChanges', { params: { run } })
  if (flags.json) {
    around.stdout.write(`${JSON.stringify({ changes })}\n`)
    return 0
  }
  if (changes === null) around.stderr.write('which files this run is about is not known\n')
  else {
    writeTable(
      around.stdout,
      ['CHANGE', 'FILE'],
      changes.files.map(({ path, change }) => [signs[change], inert(path)]),
    )
    const words = changes.of === 'push' ? 'the push' : 'the commit'
    around.stderr.write(
      inertText`what ${words} changed since ${changes.base.slice(0, 10)}${changes.more ? ', and more' : ''}\n`,
    )
  }
  return 0
}
