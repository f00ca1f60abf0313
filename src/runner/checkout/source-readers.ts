// Readers of local repositories: a cell in which one repository is bound read-only and Git waits for names of objects.
// After a plan one stays waiting for the next push to the same repository; each is used once, for that repository only,
// and needs no network. Why it may wait: docs/decisions/0011.

import { PassThrough } from 'node:stream'
import type { Log } from '../../base/log.ts'
import type { ChangedFiles } from '../../protocol/changed-files.ts'
import { openCommit, type Source } from '../../protocol/runner-wire.ts'
import type { Driver, Limits, StepSpec } from '../../sandbox/index.ts'
import { openMs, readBytesMax, readerWaitMs, readMs } from '../limits.ts'
import { ownStep } from '../own-step.ts'
import { emptySandbox } from '../sandbox-spec.ts'
import { gatherStream } from '../sink.ts'
import type { Startable } from '../standby.ts'
import { findChangedFiles } from './changed-files.ts'
import type { ReadCommit } from './fetched.ts'
import { readScript, sourceMount } from './git-scripts.ts'
import { createInbox } from './inbox.ts'
import { askOver, readConfiguration } from './read-configuration.ts'
import { createSourceStandby } from './source-standby.ts'

export type LocalSource = Extract<Source, { kind: 'local' }>
export type ReadWant = { readonly ref: string; readonly commit: string }
export type Answered = {
  readonly read: ReadCommit
  /** Since `base`, else since the first parent; asked at most once, before the end. Resolves always: null, nobody can tell. */
  readonly changed: (base: string | null) => Promise<ChangedFiles | null>
  /** To be called in every case. Closes the cell and rejects when it cannot be proven gone. */
  readonly end: () => Promise<unknown>
}

export interface SourceReaders {
  /** null: not to be read like this. A fetch says why, in Git's words. */
  read(source: LocalSource, want: ReadWant, signal: AbortSignal): Promise<Answered | null>
  close(): Promise<void>
}

export type SourceReadersDeps = { readonly driver: Driver; readonly limits: Limits; readonly log: Log }

type Reader = Startable & { readonly use: (want: ReadWant, signal: AbortSignal) => Promise<Answered | null> }

export const createSourceReaders = (deps: SourceReadersDeps): SourceReaders => {
  const waiting = createSourceStandby({
    ...{ what: 'reader of a repository', log: deps.log },
    open: (source: LocalSource) => openReader(deps, source),
  })
  return {
    read: async (source, want, signal) => {
      const found = await (await waiting.take(source))?.use(want, signal)
      // The directory may have been replaced while it waited: what a waiting one does not find, a fresh one looks for.
      return found ?? (await openReader(deps, source)).use(want, signal)
    },
    close: waiting.close,
  }
}

const openReader = async (deps: SourceReadersDeps, source: LocalSource): Promise<Reader> => {
  const { root, path } = source
  const sandbox = await deps.driver.open(
    {
      ...emptySandbox('reader', deps.limits, 2 * readerWaitMs),
      mounts: [{ kind: 'source', root, path, at: sourceMount }],
    },
    AbortSignal.timeout(openMs),
  )
  const stdin = new PassThrough()
  const inbox = createInbox(readBytesMax)
  const io = { stdin, stdout: inbox.stream, stderr: gatherStream(0).stream }
  // However it ends, it says nothing more: an answer that is not complete by then is none.
  sandbox.exec(readStep, io, new AbortController().signal).then(inbox.end, inbox.end)
  return {
    use: async (want, signal) => {
      const within = AbortSignal.any([signal, AbortSignal.timeout(readMs)])
      // Cancelled while the reader was opened, it tells nobody any more.
      if (within.aborted) inbox.end()
      else within.addEventListener('abort', inbox.end, { once: true })
      const say = (line: string) => void stdin.write(`${line}\n`)
      const read = await converse(want, say, inbox)
      const end = () => sandbox.close('done')
      const changed = (base: string | null) => askChanged(say, inbox, read?.commit ?? '', base)
      if (read !== null && !signal.aborted) return { read, changed, end }
      await end()
      signal.throwIfAborted()
      return null
    },
    close: async () => void (await sandbox.close('done')),
  }
}

/** Asks for one commit over the pipes of a cell in which `readScript` runs. */
export const converse = async (
  { ref, commit }: ReadWant,
  say: (line: string) => void,
  inbox: ReturnType<typeof createInbox>,
): Promise<ReadCommit | null> => {
  // Both are one word of one line there.
  if (/\s/.test(`${ref}${commit}`)) return null
  if (commit === openCommit) say(`tip ${ref}`)
  const id = commit === openCommit ? await inbox.line() : commit
  if (id === null || !/^[0-9a-f]{40}$/.test(id)) return null
  const read = await readConfiguration(id, say, inbox)
  return commit === openCommit || read?.commit === commit ? read : null
}

/** Over the same pipes, once `converse` has answered. */
export const askChanged = (
  say: (line: string) => void,
  inbox: ReturnType<typeof createInbox>,
  commit: string,
  base: string | null,
): Promise<ChangedFiles | null> =>
  findChangedFiles(askOver(say, inbox), commit, base !== null && /^[0-9a-f]{40}$/.test(base) ? base : null)

const readStep: StepSpec = {
  id: 'source',
  kind: 'checkout',
  cell: 'clean',
  script: { interpreter: ['/bin/sh'], text: readScript },
  env: new Map([['MF_URL', sourceMount]]),
  ...ownStep,
  deadline: 2 * readerWaitMs,
}
