// The bundled sample project: a real Git repository made from the files of the release, run once at the first start
// through the same doors as anybody's project, so that a new installation ends with evidence.
import { generateKeyPairSync } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fault } from '../base/faults.ts'
import { run } from '../sys/index.ts'
import type { Layout } from './layout.ts'
import { callOperator } from './operator.ts'
import type { Programs } from './programs.ts'

const projectName = 'hello'
const finalStatuses = new Set([
  'passed',
  'unstable',
  'failed',
  'timed_out',
  'errored',
  'cancelled',
  'skipped',
])
const runDeadlineMs = 180_000
const askEveryMs = 150

/** `<data>/sample/hello.git`, readable by everyone like any public repository; made once. */
export const prepareSample = async (layout: Layout, programs: Programs): Promise<void> => {
  const root = join(layout.data, 'sample')
  const repository = join(root, 'hello.git')
  if (existsSync(repository)) return
  await mkdir(root, { recursive: true, mode: 0o755 })
  await chmod(root, 0o755)
  const tree = join(root, 'tree.new')
  await rm(tree, { recursive: true, force: true })
  await cp(join(programs.directory, 'sample'), tree, { recursive: true })
  await git(tree, ['init', '--quiet', '--initial-branch=main', '.'])
  await git(tree, ['add', '--all'])
  await git(tree, ['commit', '--quiet', '--message', 'Say hello'])
  await git(tree, ['clone', '--quiet', '--bare', '.', `${repository}.new`])
  await rename(`${repository}.new`, repository)
  await rm(tree, { recursive: true, force: true })
}

const git = async (cwd: string, args: readonly string[]): Promise<void> => {
  const env = {
    HOME: '/nonexistent',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Mayfly',
    GIT_AUTHOR_EMAIL: 'sample@mayfly.invalid',
    GIT_COMMITTER_NAME: 'Mayfly',
    GIT_COMMITTER_EMAIL: 'sample@mayfly.invalid',
  }
  const done = await run('git', args, { cwd, env, timeoutMs: 30_000 })
  if (done.code !== 0)
    throw fault('E_MACHINE_NOT_READY', {
      public: 'The sample project could not be made',
      detail: done.stderr.toString(),
    })
}

type RunAnswer = {
  readonly id: string
  readonly number: number
  readonly status: string
  readonly headline: string | null
}
type Deps = { readonly layout: Layout; readonly say: (line: string) => void; readonly signal: AbortSignal }

/** Adds the project when it is not there and runs it until it ends; faults when it does not pass. */
export const runSample = async ({ layout, say, signal }: Deps): Promise<void> => {
  const projects = (await callOperator(layout, 'GET', '/api/v1/projects')) as {
    items: { name: string; last_run: unknown }[]
  }
  const existing = projects.items.find((project) => project.name === projectName)
  if (existing?.last_run) return
  if (existing === undefined) await addProject(layout)
  const started = (await callOperator(layout, 'POST', '/api/v1/runs', { project: projectName })) as RunAnswer
  say(`running the sample project in a sandbox (run #${started.number}) …`)
  const ended = await waitForRun(layout, started.id, signal)
  if (ended.status !== 'passed')
    throw fault('E_SANDBOX_UNAVAILABLE', {
      public: `The sample run ended ${ended.status}: ${ended.headline ?? 'no reason was given'}. See: mayfly logs #${ended.number}`,
    })
  say('the sample run passed: sandboxes work on this machine')
}

const addProject = async (layout: Layout): Promise<void> => {
  const { publicKey } = generateKeyPairSync('x25519')
  await callOperator(layout, 'POST', '/api/v1/projects', {
    name: projectName,
    source: { kind: 'local', path: join(layout.data, 'sample', 'hello.git') },
    default_branch: 'main',
    // Nobody pushes to the sample: its hook secret is sealed to a key that is forgotten at once.
    eph: publicKey.export({ format: 'jwk' }).x ?? '',
  })
}

const waitForRun = async (layout: Layout, id: string, signal: AbortSignal): Promise<RunAnswer> => {
  const until = performance.now() + runDeadlineMs
  for (;;) {
    const now = (await callOperator(layout, 'GET', `/api/v1/runs/${id}`)) as RunAnswer
    if (finalStatuses.has(now.status)) return now
    if (signal.aborted || performance.now() > until)
      throw fault('E_SANDBOX_UNAVAILABLE', {
        public: `The sample run is still ${now.status} after ${runDeadlineMs / 1000} s`,
      })
    await new Promise((resolve) => setTimeout(resolve, askEveryMs))
  }
}
