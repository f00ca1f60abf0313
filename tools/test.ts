// `./mayfly test [suite …] [-- file …]`: set-up, the static check and every suite, each in its own run of Node's
// test runner. Suites: unit (nothing needed), db (PostgreSQL), kernel (root), e2e (all of it, with a browser). Only when
// asked for: machine (a Debian of its own in QEMU, emulated: minutes).
import { spawn } from 'node:child_process'
import { glob, mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ensurePackages, machinePackages, productPackages, testPackages } from '../src/supervisor/index.ts'
import type { Count } from './count-reporter.ts'

const root = join(import.meta.dirname, '..')
const node = process.execPath

type Suite = {
  readonly files: readonly string[]
  readonly not: RegExp | null
  readonly atOnce: number
  readonly timeoutMs: number
}

/**
 * Kernel files run one at a time: they count processes and mounts of the whole machine. End-to-end files know what is theirs by the
 * name of their installation, and mostly wait.
 */
const suites: Record<string, Suite> = {
  unit: {
    files: ['src/**/*.test.ts', 'test/**/*.test.ts', 'bench/**/*.test.ts'],
    not: /\.(db|kernel|e2e|machine)\.test\.ts$/,
    atOnce: 2,
    timeoutMs: 120_000,
  },
  db: { files: ['src/**/*.db.test.ts', 'test/**/*.db.test.ts'], not: null, atOnce: 2, timeoutMs: 180_000 },
  kernel: {
    files: ['src/**/*.kernel.test.ts', 'test/**/*.kernel.test.ts'],
    not: null,
    atOnce: 1,
    timeoutMs: 300_000,
  },
  e2e: { files: ['test/**/*.e2e.test.ts'], not: null, atOnce: 2, timeoutMs: 900_000 },
  machine: { files: ['test/**/*.machine.test.ts'], not: null, atOnce: 1, timeoutMs: 1_200_000 },
}

const run = (args: readonly string[]): Promise<number> =>
  new Promise((resolve) => {
    spawn(node, args, { cwd: root, stdio: 'inherit' }).on('close', (code) => resolve(code ?? 1))
  })

const filesOf = async ({ files, not }: Suite): Promise<string[]> => {
  const found: string[] = []
  for await (const path of glob([...files], { cwd: root })) if (!not?.test(path)) found.push(path)
  return found.sort()
}

const nothing: Count = { passed: 0, failed: 0, skipped: 0, files: [] }

const runSuite = async (name: string, only: readonly string[]): Promise<Count> => {
  const suite = suites[name]
  if (suite === undefined) throw new Error(`no suite ${name}: ${Object.keys(suites).join(', ')}`)
  const files = only.length > 0 ? only : await filesOf(suite)
  if (files.length === 0) return nothing
  console.log(`\n— ${name}: ${files.length} files`)
  const counts = join(root, 'tmp', `count-${name}.json`)
  await rm(counts, { force: true })
  const code = await run([
    '--import',
    join(root, 'tools/compile-cache.ts'),
    '--test',
    `--test-concurrency=${suite.atOnce}`,
    `--test-timeout=${suite.timeoutMs}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${join(root, 'tools/count-reporter.ts')}`,
    `--test-reporter-destination=${counts}`,
    ...files,
  ])
  const count = JSON.parse(await readFile(counts, 'utf8')) as Count
  sayWhatIsSlow(count)
  return code !== 0 && count.failed === 0 ? { ...count, failed: 1 } : count
}

/** Whoever waits for a suite sees what to split. */
const sayWhatIsSlow = ({ files }: Count): void => {
  const slow = files.filter(({ ms }) => ms > 30_000).sort((a, b) => b.ms - a.ms)
  for (const { file, ms } of slow) console.log(`${`${Math.round(ms / 1000)} s`.padStart(6)} ${file}`)
}

const words = process.argv.slice(2)
const split = words.indexOf('--')
const only = split < 0 ? [] : words.slice(split + 1)
const wanted = split < 0 ? words : words.slice(0, split)
const names = wanted.length > 0 ? wanted : ['unit', 'db', 'kernel', 'e2e']

await mkdir(join(root, 'tmp'), { recursive: true })
if (names.some((name) => name !== 'unit'))
  await ensurePackages(
    [...productPackages, ...testPackages, ...(names.includes('machine') ? machinePackages : [])],
    {
      isRoot: process.getuid?.() === 0,
      say: (line) => console.log(line),
    },
  )
if ((await run(['tools/build.ts'])) !== 0) process.exit(1)
const total = { passed: 0, failed: 0, skipped: 0 }
if (wanted.length === 0 && (await run(['tools/check.ts'])) !== 0) total.failed += 1
for (const name of names) {
  const count = await runSuite(name, only)
  total.passed += count.passed
  total.failed += count.failed
  total.skipped += count.skipped
}
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exitCode = total.failed === 0 ? 0 : 1
