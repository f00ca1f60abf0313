// `mayfly completion SHELL` prints what a shell reads once; `mayfly complete -- WORDS…` is what it then asks at every TAB.
import type { Command } from 'commander'
import { connect } from '../api/connect.ts'
import { findRun } from '../api/find-run.ts'
import { jobName } from '../api/job-name.ts'
import { complete, type Names } from '../help/complete.ts'
import { type Shell, shellScripts } from '../help/shells.ts'
import type { Surroundings } from '../surroundings.ts'

const runsShown = 20

export const printCompletion = async (
  around: Surroundings,
  _flags: object,
  shell: Shell,
): Promise<number> => {
  around.stdout.write(shellScripts[shell])
  return 0
}

export const printCandidates = async (
  around: Surroundings,
  program: Command,
  words: readonly string[],
): Promise<number> => {
  const found = await complete(program, words, namesOf(around))
  around.stdout.write(found.map((word) => `${word}\n`).join(''))
  return 0
}

const namesOf = (around: Surroundings): Names => {
  const ask = async (work: () => Promise<readonly string[]>) => work().catch(() => [])
  const list = (route: 'projects' | 'contexts') => async () =>
    (await (await connect(around)).all(route, {})).items.map(({ name }) => name)
  return {
    projects: () => ask(list('projects')),
    contexts: () => ask(list('contexts')),
    jobs: (ref) =>
      ask(async () => {
        const { jobs } = await findRun(around, await connect(around), { ref, project: undefined })
        return jobs.map(jobName)
      }),
    runs: () =>
      ask(async () => {
        const { items } = await (await connect(around)).call('runs', { query: { limit: runsShown } })
        return items.map(({ number }) => String(number))
      }),
  }
}
