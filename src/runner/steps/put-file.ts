// A file of ours in the job's memory: its content goes by pipe into a cell, never on a command line.
import { Readable } from 'node:stream'
import type { Sandbox } from '../../sandbox/index.ts'
import { putFileMs } from '../limits.ts'
import { gatherStream } from '../sink.ts'

const script = `umask 077 && mkdir -p "\${1%/*}" && cat >"$1" && chmod 400 "$1"`

/** Only the job's user may read it. False: it is not there, or `signal` aborted. */
export const putFile = async (
  sandbox: Sandbox,
  { id, path, content }: { readonly id: string; readonly path: string; readonly content: Uint8Array },
  signal: AbortSignal,
): Promise<boolean> => {
  const said = gatherStream(0)
  const result = await sandbox.exec(
    {
      id,
      // Beside others: a checkout may have begun.
      kind: 'background',
      cell: 'job',
      script: { argv: ['/bin/sh', '-c', script, 'mayfly-file', path] },
      env: new Map(),
      workdir: '/',
      take: [],
      socket: null,
      egress: null,
      tty: null,
      deadline: putFileMs,
    },
    { stdin: Readable.from([content]), stdout: said.stream, stderr: said.stream },
    signal,
  )
  return result.kind === 'exit' && result.code === 0
}
