// What a killed `mayfly run` left is removed by the next one, and nothing else is.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openRunDirectory } from './run-directory.ts'

const root = mkdtempSync(join(tmpdir(), 'mayfly-sweep-'))
const children: ChildProcess[] = []
after(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(root, { recursive: true })
})
const newParent = () => mkdtempSync(join(root, 'tmp-'))

/** Another process that has opened its directory, with something in it. */
const startRun = async (parent: string) => {
  const program = `
    const { openRunDirectory } = await import(${JSON.stringify(join(import.meta.dirname, 'run-directory.ts'))})
    const { path } = await openRunDirectory(${JSON.stringify(parent)})
    process.stdout.write(path)
    setInterval(() => {}, 1e6)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const path = String((await once(child.stdout, 'data'))[0])
  writeFileSync(join(path, '1'), 'sealed')
  const end = async (signal: NodeJS.Signals) => {
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
  return { path, end }
}

const runOnce = async (parent: string) => {
  const { path, close } = await openRunDirectory(parent)
  assert.ok(existsSync(join(path, 'process')))
  await close()
  assert.ok(!existsSync(path))
}

test('what a killed run left is removed by the next one, what another one uses is not', async () => {
  const parent = newParent()
  const killed = await startRun(parent)
  const hungUp = await startRun(parent)
  const living = await startRun(parent)
  const own = await openRunDirectory(parent)
  await killed.end('SIGKILL')
  await hungUp.end('SIGHUP')
  await runOnce(parent)
  assert.deepEqual(
    readdirSync(parent).sort(),
    [living.path, own.path].map((path) => path.slice(parent.length + 1)).sort(),
  )
  assert.ok(existsSync(join(living.path, '1')))
  await own.close()
})

test('a number that another process has by now is no reason to keep a directory', async () => {
  const parent = newParent()
  const { path, end } = await startRun(parent)
  await end('SIGKILL')
  const mark = JSON.parse(readFileSync(join(path, 'process'), 'utf8'))
  writeFileSync(join(path, 'process'), `${JSON.stringify({ ...mark, pid: process.pid })}\n`)
  await runOnce(parent)
  assert.ok(!existsSync(path))
})

test('what is in doubt stays', async () => {
  const parent = newParent()
  const { path: gone, end } = await startRun(parent)
  await end('SIGKILL')
  const mark = readFileSync(join(gone, 'process'), 'utf8')
  const elsewhere = mkdtempSync(join(root, 'elsewhere-'))
  writeFileSync(join(elsewhere, 'process'), mark)
  const like = (name: string, content: string | null) => {
    const path = join(parent, name)
    mkdirSync(path, { mode: 0o700 })
    if (content !== null) writeFileSync(join(path, 'process'), content)
    return path
  }
  like('mayfly-run-unmarked', null)
  like('mayfly-run-half', mark.trimEnd())
  like('mayfly-run-words', 'no mark\n')
  like('mayfly-run-boot', mark.replace(/"kernel":"./, '"kernel":"_'))
  like('mayfly-other', mark)
  chmodSync(like('mayfly-run-open', mark), 0o770)
  symlinkSync(elsewhere, join(parent, 'mayfly-run-link'))
  symlinkSync(join(elsewhere, 'process'), join(like('mayfly-run-linked', null), 'process'))
  mkdirSync(join(like('mayfly-run-odd', null), 'process'))
  writeFileSync(join(parent, 'mayfly-run-file'), mark)
  if (process.getuid?.() === 0) chownSync(like('mayfly-run-foreign', mark), 12_345, 12_345)
  const others = readdirSync(parent).filter((name) => join(parent, name) !== gone)
  await runOnce(parent)
  assert.deepEqual(readdirSync(parent).sort(), others.sort())
  assert.ok(existsSync(join(elsewhere, 'process')))
})

test('links inside of what is removed lead nowhere, and a parent that others may change is left alone', async () => {
  const parent = newParent()
  const { path, end } = await startRun(parent)
  await end('SIGKILL')
  const kept = mkdtempSync(join(root, 'kept-'))
  writeFileSync(join(kept, 'file'), '')
  symlinkSync(kept, join(path, 'link'))
  const shared = newParent()
  cpSync(path, join(shared, 'mayfly-run-x'), { recursive: true })
  chmodSync(shared, 0o777)
  await runOnce(shared)
  assert.ok(existsSync(join(shared, 'mayfly-run-x')))
  chmodSync(shared, 0o1777)
  await runOnce(shared)
  await runOnce(parent)
  assert.deepEqual([readdirSync(shared), readdirSync(parent)], [[], []])
  assert.ok(existsSync(join(kept, 'file')))
})
