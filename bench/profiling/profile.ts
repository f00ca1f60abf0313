// `npm run bench -- --profile ROW`: profiles of server and runner while they do what the row samples: of the processor, then of
// the heap over time, to open in the developer tools of a browser. The product opens no inspector, whatever it is sent, so a
// copy of its build is started whose programs begin with a hook of ours. What is timed is never such a copy.
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { repository } from '../../test/support/installation.ts'
import { startClock } from '../clock.ts'
import { holdInstallation } from '../held-installation.ts'
import { pidsOf } from '../processes.ts'
import { nameOf, type Scenario } from '../scenario.ts'

const programs = ['server', 'runner'] as const
const warmUps = 5
const rounds = 20
const writeDeadlineMs = 60_000
const lookEveryMs = 200

/** Answers the files that were written into `out`. */
export const profileSamples = async (
  scenario: Scenario,
  directory: string,
  out: string,
): Promise<readonly string[]> => {
  const profiles = join(directory, 'profiles')
  await mkdir(profiles)
  // Each program is a user of its own; the sticky bit keeps what one wrote from the others.
  await chmod(profiles, 0o1777)
  const held = holdInstallation(directory, { launcher: await copyBuild(directory, profiles) })
  try {
    const state = await scenario.setUp?.({ directory, installation: held.installation })
    const root = held.current()?.usage()?.root
    if (root === undefined)
      throw new Error(`${nameOf(scenario)} needs no installation: profile the bench itself`)
    const play = async (count: number) => {
      for (let round = 0; round < count; round++) await scenario.subject(state)
    }
    await play(warmUps)
    const pids = programs.flatMap((program) => pidsOf(root, program))
    const step = () => {
      for (const pid of pids) process.kill(pid, 'SIGUSR2')
    }
    step()
    await play(rounds)
    step()
    await waitForFiles(profiles, 'cpuprofile', pids.length)
    await play(rounds)
    step()
    await waitForFiles(profiles, 'done', pids.length)
  } finally {
    await held.close()
  }
  return collect(profiles, out, scenario)
}

/** With the packages of this repository and no sources, so that nothing is built anew. */
const copyBuild = async (directory: string, profiles: string): Promise<string> => {
  const copy = join(directory, 'profiled')
  await mkdir(copy)
  for (const part of ['mayfly', 'package.json', 'package-lock.json', 'build', 'examples', 'node_modules'])
    execFileSync('cp', ['-a', join(repository, part), join(copy, part)])
  const hook = await readFile(join(import.meta.dirname, 'hook.js'), 'utf8')
  for (const program of programs) {
    const file = join(copy, 'build', `${program}.js`)
    await rename(file, join(copy, 'build', `${program}-PROFILED.js`))
    const own = hook.replaceAll('DIRECTORY', profiles).replaceAll('PROGRAM', program)
    await writeFile(file, `${own}\nawait import('./${program}-PROFILED.js')\n`)
  }
  return join(copy, 'mayfly')
}

const waitForFiles = async (folder: string, ending: string, count: number): Promise<void> => {
  const elapsed = startClock()
  while (elapsed() < writeDeadlineMs) {
    if ((await readdir(folder)).filter((name) => name.endsWith(`.${ending}`)).length >= count) return
    await sleep(lookEveryMs)
  }
  throw new Error(`profiles were not written within ${writeDeadlineMs / 1000} s`)
}

const collect = async (profiles: string, out: string, scenario: Scenario): Promise<readonly string[]> => {
  await mkdir(out, { recursive: true })
  const written: string[] = []
  for (const name of (await readdir(profiles)).toSorted()) {
    if (name.endsWith('.done')) continue
    const target = join(out, `${nameOf(scenario).replaceAll(' ', '-')}-${name.replace(/\.part$/, '')}`)
    execFileSync('cp', [join(profiles, name), target])
    written.push(target)
  }
  return written
}
