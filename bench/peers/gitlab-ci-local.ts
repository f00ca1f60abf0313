// gitlab-ci-local with its shell executor: one process per run, started in the work tree of a repository, as a developer
// does. It has no server, so every time includes its own start.
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { spawn } from '../../src/sys/index.ts'
import { createRepository } from '../../test/support/git-host.ts'
import { startClock } from '../clock.ts'
import { marker, noOpCommand } from '../projects.ts'
import { cpuMsOfShell } from '../shell-cpu.ts'
import { debianPrograms, npmPackage } from './install.ts'
import type { Peer } from './peer.ts'

const name = 'gitlab-ci-local'
const version = '4.75.1'
const deadlineMs = 120_000

type Job = { readonly key: string; readonly script: string; readonly needs?: string }

export const openGitlabCiLocal = async (directory: string): Promise<Peer> => {
  await debianPrograms({ rsync: 'rsync' })
  const entry = join(await npmPackage(name, version), 'dist/index.js')
  const home = join(directory, name)
  await mkdir(home)
  const environment = { PATH: process.env.PATH ?? '', HOME: home }
  const trees = new Map<string, Promise<string>>()
  /** The work tree with these jobs; made once. */
  const treeOf = (tree: string, jobs: readonly Job[]): Promise<string> => {
    const made = trees.get(tree) ?? makeTree(home, tree, jobs)
    trees.set(tree, made)
    return made
  }
  const start = async (cwd: string, slots: number) => {
    const args = [entry, '--home', home, '--concurrency', String(slots)]
    return spawn(process.execPath, args, {
      ...{ cwd, env: environment, stdio: ['ignore', 'pipe', 'ignore'] },
      signal: AbortSignal.timeout(deadlineMs),
    })
  }
  const runAll = async (cwd: string, slots: number, onChunk: (chunk: Buffer) => void = () => {}) => {
    const elapsed = startClock()
    const child = await start(cwd, slots)
    child.stdout?.on('data', onChunk)
    const [code] = await once(child, 'close')
    if (code !== 0) throw new Error(`${name} ended with ${code}`)
    return elapsed()
  }
  const noOp = () => treeOf('no-op', [{ key: 'no-op', script: noOpCommand }])
  const log = (file: string) => treeOf('log', [{ key: 'log', script: `cat ${file}` }])
  const cpuMs = (cwd: string) => cpuMsOfShell(`"${process.execPath}" "${entry}" --home "${home}"`, cwd)
  return {
    ...{ name, version },
    firstLineMs: async () => {
      const cwd = await noOp()
      const elapsed = startClock()
      let ms: number | null = null
      await runAll(cwd, 1, (chunk) => {
        if (String(chunk).includes(marker)) ms ??= elapsed()
      })
      if (ms === null) throw new Error(`${name} did not print the line`)
      return ms
    },
    noOpMs: async () => runAll(await noOp(), 1),
    jobsPerSecond: async (count, slots) => {
      const jobs = Array.from({ length: count }, (_, i) => ({ key: `job-${i}`, script: noOpCommand }))
      return (count / (await runAll(await treeOf(`jobs-${count}`, jobs), slots))) * 1000
    },
    chainMs: async (count) => runAll(await treeOf(`chain-${count}`, chainOf(count)), 1),
    logMs: async (file) => runAll(await log(file), 1),
    logCpuMs: async (file) => cpuMs(await log(file)),
    jobCpuMs: async () => cpuMs(await noOp()),
    close: async () => {},
  }
}

const chainOf = (count: number): readonly Job[] =>
  Array.from({ length: count }, (_, i) => ({
    ...{ key: `job-${i}`, script: noOpCommand },
    ...(i === 0 ? {} : { needs: `job-${i - 1}` }),
  }))

const makeTree = async (home: string, tree: string, jobs: readonly Job[]): Promise<string> => {
  const text = jobs
    .map(
      ({ key, script, needs }) =>
        `${key}:\n${needs === undefined ? '' : `  needs: [${needs}]\n`}  script:\n    - ${JSON.stringify(script)}\n`,
    )
    .join('')
  return (await createRepository(home, tree, { '.gitlab-ci.yml': text })).work
}
