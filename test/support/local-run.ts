// The command line as a person starts it in a work tree, with a home of its own and no server: the program itself, the jailer as
// its child, real sandboxes.
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'

const program = join(import.meta.dirname, '../../src/main/cli.ts')

/** `home` is also where it would keep its data. */
export type Place = {
  readonly home: string
  readonly cwd: string
  readonly environment?: Readonly<Record<string, string>>
}

const optionsOf = ({ home, cwd, environment }: Place) => ({
  cwd,
  env: {
    ...{ PATH: process.env.PATH ?? '', HOME: home, MAYFLY_DATA: join(home, 'data'), NO_COLOR: '1' },
    ...environment,
  },
})

/** What it said grows while it runs. */
export const startLocally = (place: Place, words: readonly string[]) => {
  const child = spawn(process.execPath, [program, ...words], {
    ...optionsOf(place),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '', all: '' }
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].on('data', (chunk) => {
      output[stream] += chunk
      output.all += chunk
    })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return { child, output, ended }
}

/** To its end. */
export const runLocally = (place: Place, words: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...words], {
    ...optionsOf(place),
    ...{ encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 90_000, killSignal: 'SIGKILL' },
  })
  return { code: status, stdout, stderr }
}
