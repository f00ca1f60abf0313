// `./dev`: the whole installation from this clone, rebuilt and restarted when a source changes. Data in tmp/dev, so
// that nothing of a real installation is touched; Ctrl-C stops everything.
import { type ChildProcess, spawn } from 'node:child_process'
import { watch } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const settleMs = 300
const upArguments = [
  'up',
  '--data',
  '/tmp/mayfly-dev',
  '--port',
  '8430',
  '--runner-port',
  '8431',
  '--verbose',
  ...process.argv.slice(2),
]

const build = (): Promise<boolean> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, 'tools/build.ts')], { cwd: root, stdio: 'inherit' })
    child.on('close', (code) => resolve(code === 0))
  })

const state: { child: ChildProcess | null; stopping: boolean; timer: NodeJS.Timeout | null } = {
  child: null,
  stopping: false,
  timer: null,
}

const start = (): void => {
  state.child = spawn(process.execPath, [join(root, 'build/cli.js'), ...upArguments], {
    cwd: '/',
    stdio: 'inherit',
  })
}

const stop = (): Promise<void> =>
  new Promise((resolve) => {
    const child = state.child
    if (child === null || child.exitCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.kill('SIGINT')
  })

const reload = async (): Promise<void> => {
  console.error('— a source changed: building')
  if (!(await build()) || state.stopping) return
  await stop()
  start()
}

process.on('SIGINT', () => {
  state.stopping = true
  void stop().then(() => process.exit(0))
})

if (!(await build())) process.exit(1)
start()
for (const directory of ['src', 'migrations'])
  watch(join(root, directory), { recursive: true }, (_event, file) => {
    if (file === null || /\.test\.ts$/.test(file)) return
    if (state.timer !== null) clearTimeout(state.timer)
    state.timer = setTimeout(() => void reload(), settleMs)
  })
