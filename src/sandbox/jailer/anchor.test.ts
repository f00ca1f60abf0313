// The end of an anchor that does not come by itself: nothing waits for it longer than it has to.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { spawn } from '../../sys/index.ts'
import { openAnchor } from './anchor.ts'
import type { AnchorLine } from './maker.ts'
import { anchorName } from './maker-program.ts'

const want = {
  ...{ directory: '/nowhere', uid: 1, fds: 16, name: 'x', tmpfs: '', binds: [], network: null, enter: [] },
  ...{ group: { processes: () => [], joined: () => undefined }, seccompFile: '/nowhere' },
  cell: { options: [], command: [], stdio: { in: '', out: '', err: '' }, netPath: null, blocked: false },
}

/** It refuses to build, and its line never ends: as when a child of it holds it. */
const stuckLine = (pid: number): AnchorLine => {
  let say: (line: string) => void = () => undefined
  return {
    pid,
    onLine: (listener) => {
      say = listener
    },
    gone: new Promise(() => undefined),
    write: () => setImmediate(() => say('no not today')),
    end: () => undefined,
  }
}

test('an anchor that does not end is killed, and its line not waited for', { timeout: 10_000 }, async () => {
  const anchor = spawn('perl', ['-e', `$0 = '${anchorName} aaaaaaaa'; $| = 1; print "there"; sleep 60`])
  const ended = once(anchor, 'exit')
  await once(anchor.stdout!, 'data')
  await assert.rejects(openAnchor(stuckLine(anchor.pid ?? 0), want), /could not|not today/i)
  assert.deepEqual(await ended, [null, 'SIGKILL'])
})

test('a number that belongs to somebody else by now is left alone', { timeout: 10_000 }, async () => {
  const stranger = spawn('perl', ['-e', '$| = 1; print "there"; sleep 60'])
  await once(stranger.stdout!, 'data')
  await assert.rejects(openAnchor(stuckLine(stranger.pid ?? 0), want))
  assert.equal(stranger.exitCode ?? stranger.signalCode, null)
  stranger.kill('SIGKILL')
  await once(stranger, 'exit')
})

test('a cell whose anchor dies while it is ordered is lost, and nobody is left with a promise unheard', {
  timeout: 10_000,
}, async (t) => {
  const unheard: unknown[] = []
  const listen = (error: unknown) => void unheard.push(error)
  process.on('unhandledRejection', listen)
  t.after(() => process.off('unhandledRejection', listen))
  const gone = Promise.withResolvers<void>()
  let say: (line: string) => void = () => undefined
  const line: AnchorLine = {
    pid: 0,
    onLine: (listener) => {
      say = listener
    },
    gone: gone.promise,
    write: (text) => void (text.startsWith('build') && setImmediate(() => say('ok '))),
    end: () => undefined,
  }
  const { anchor, cell } = await openAnchor(line, want)
  const started = anchor.startCell(1, want.cell)
  gone.resolve()
  for (const lost of [started, cell]) await assert.rejects(lost, { code: 'E_SANDBOX_LOST' })
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(unheard, [])
})
