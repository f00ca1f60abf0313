// A file of ours in the job's memory: its content goes by pipe into a cell, never on a command line.

import { Readable } from 'node:stream'
import type { Sandbox } from '../../sandbox/index.ts'
import { putFileMs } from '../limits.ts'
import { ownStep } from '../own-step.ts'
import { gatherStream } from '../sink.ts'

const scripts = {
  /** Nobody changes it afterwards. */
  put: `umask 077 && mkdir -p "\${1%/*}" && cat >"$1" && chmod 400 "$1"`,
  /** A reader has the old one or the new one. */
  replace: `umask 077 && mkdir -p "\${1%/*}" && cat >"$1.new" && mv -f "$1.new" "$1"`,
  /** Behind what the job itself has written there. */
  append: `umask 077 && mkdir -p "\${1%/*}" && cat >>"$1"`,
}

type FileToPut = {
  readonly id: string
  readonly path: string
  readonly content: Uint8Array
  /** Default: `put`. */
  readonly how?: keyof typeof scripts
}

/** Only the job's user may read it. False: it is not there, or `signal` aborted. */
export const putFile = async (
  sandbox: Sandbox,
  { id, path, content, how = 'put' }: FileToPut,
  signal: AbortSignal,
): Promise<boolean> => {
  const said = gatherStream(0)
  const result = await sandbox.exec(
    {
      id,
      // Beside others: a checkout may have begun.
      kind: 'background',
      cell: 'job',
      script: { argv: ['/bin/sh', '-c', scripts[how], 'mayfly-file', path] },
      env: new Map(),
      ...ownStep,
      deadline: putFileMs,
    },
    { stdin: Readable.from([content]), stdout: said.stream, stderr: said.stream },
    signal,
  )
  return result.kind === 'exit' && result.code === 0
}
